"""Rendering: whole pages or, for htmx, their changing part; and an answer's HTML within a page."""

import re
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from babel.numbers import format_percent
from flask import Flask, render_template, request
from flask_babel import get_locale
from markupsafe import Markup

from kb_service.services.read_requests import reference_of
from kb_service.services.render_answer import render_answer
from kb_service.web import explaining

_HEADING = re.compile(r"(</?)h([1-6])>")
_TAG = re.compile(r"(<[^>]*>)")
_BY_HAND = r"\[[^\]\[a-z<>]{2,60}\]"  # how authors mark what only the agent knows
_REDACTED = re.compile(r"\[(?:email|curp|rfc|phone|clabe|card|cnpj|cpf|number)\]")  # the marks of `redact`
_MOST_DECIMALS = 10  # of a share, which is a float
_LEVELS_ABOVE = 2  # an answer stands under the page's h1 and its own title


def install(app: Flask) -> None:
    """Give the templates what they need of this."""
    app.jinja_env.globals.update(is_fragment=is_fragment, fresh_id=lambda: uuid4().hex)
    app.jinja_env.filters.update(explaining.FILTERS)
    app.jinja_env.filters.update(percent=percent, share=share, masked=masked, reference=reference_of)
    app.jinja_env.filters.update(embedded=embedded, markdown=lambda text: embedded(render_answer(text).html))


def is_fragment() -> bool:
    """True where htmx asked and wants only the part of the page that changes."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def render_page(page: str, fragment: str, /, **values: Any) -> str:
    """The page, or only the fragment of it that htmx asked for."""
    return render_template(fragment if is_fragment() else page, **values)


def embedded(html: str) -> Markup:
    """Sanitised HTML for use within a page: its headings go below those of the page."""
    lowered = _HEADING.sub(lambda tag: f"{tag[1]}h{min(6, int(tag[2]) + _LEVELS_ABOVE)}>", html)
    return Markup(lowered)  # noqa: S704 - render_answer has sanitised it


def masked(text: str) -> str:
    """A redacted text as its author may see it: what was taken out is hidden, and nobody reads how we name it."""
    return _REDACTED.sub("•••", text)


def percent(share: float, bounds: Iterable[float] = ()) -> str:
    """The share in percent, with as few decimals as it takes to stand on the right side of every bound.

    A bound is written as `percent(bound, [bound])`, so that what is read never contradicts what was decided.
    """
    limits = list(bounds)
    rounded = (round(share, decimals) for decimals in range(2, _MOST_DECIMALS))
    agreeing = (to for to in rounded if all((to >= limit) == (share >= limit) for limit in limits))
    shown = next(agreeing, share)
    return format_percent(shown, locale=get_locale(), decimal_quantization=False)


def share(value: float | None) -> str:
    """A measured share in percent with one decimal, so that small falls show; a dash where nothing was measured."""
    return "–" if value is None else format_percent(round(value, 3), "#,##0.#%", locale=get_locale())


def highlight(html: str, missing: tuple[str, ...]) -> Markup:
    """Sanitised HTML in which all that is left to fill in stands out: placeholders without a value, and `[AMOUNT]`."""
    wanted = re.compile("|".join([*(re.escape(f"[{name}]") for name in missing), _BY_HAND]))
    pieces = _TAG.split(html)  # text at even places, tags at odd ones: attributes stay as they are
    pieces[::2] = [wanted.sub(lambda found: f"<mark>{found[0]}</mark>", text) for text in pieces[::2]]
    return embedded("".join(pieces))
