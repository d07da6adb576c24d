"""The agent's page: find a macro as she types, see it filled in for the ticket, copy it, say whether she sent it."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask_babel import lazy_gettext
from flask_security import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from kb_service.errors import InvalidInput
from kb_service.services.use_macro import FilledMacro, Use
from kb_service.web.accounts import AGENT_ROLES, only
from kb_service.web.context import parts
from kb_service.web.forms import EventId, Form, Line, Locale, RowId
from kb_service.web.i18n import page_locale
from kb_service.web.rendering import highlight, render_page

SENDER = "agent-page"
SHOWN = 10
SHOWN_UNASKED = 100  # without words the list is there to be looked through
AGENT_NAME = "current_user.first_name"
FIELDS = {
    "ticket.requester.first_name": lazy_gettext("Customer's first name"),
    "ticket.id": lazy_gettext("Ticket number"),
    "ticket.requester.email": lazy_gettext("Customer's e-mail"),
    "ticket.organization.name": lazy_gettext("Customer's company"),
    AGENT_NAME: lazy_gettext("Your first name"),
}
"""The placeholders that agents fill in for every ticket, and what they are called."""
_PREFIX = "c."
_LONGEST = 200  # characters of a placeholder's name and of its value, as its field says


class SearchForm(Form):
    """What is searched for, in which locale, and which macro is open."""

    q: Line = ""
    locale: Locale = ""
    macro: Line = ""


class PreviewForm(Form):
    """The macro to fill in; the placeholders' values are the fields that begin with `c.`."""

    macro: Line = ""
    locale: Locale = ""
    event_id: EventId | Literal[""] = ""


class UseForm(Form):
    """What became of a macro that was copied."""

    outcome: Literal["sent", "edited"]
    macro: Line
    locale: Locale
    revision: RowId
    event_id: EventId
    ticket_id: Line = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """A macro filled in for the ticket; `extra` are placeholders beyond the usual fields, with their values."""

    title: str
    filled: FilledMacro
    html: Markup
    extra: dict[str, str]
    event_id: str


def agent_pages() -> Blueprint:
    """The routes of these pages."""
    pages = Blueprint("agent", __name__, url_prefix="/agent")
    pages.before_request(only(*AGENT_ROLES))
    pages.add_url_rule("", "macros", _macros)
    pages.add_url_rule("/preview", "preview", _preview, methods=["POST"])
    pages.add_url_rule("/uses", "use", _use, methods=["POST"])
    return pages


def _macros() -> str:
    form = SearchForm.asked()
    values = _values()
    preview = _fill(form.macro, form.locale or page_locale(), values, "") if form.macro else None
    return _page("components/macro_results.html", form, values, preview)


def _preview() -> str:
    form, values = PreviewForm.posted(), _values()
    session["agent_name"] = values.get(AGENT_NAME, "")
    preview = _fill(form.macro, form.locale or page_locale(), values, form.event_id) if form.macro else None
    return _page("components/macro_preview.html", SearchForm(locale=form.locale, macro=form.macro), values, preview)


def _use() -> str | Response:
    form = UseForm.posted()
    agent = f"user:{current_user.id}"
    use = Use(form.event_id, form.outcome, form.locale, form.revision, agent, form.ticket_id or None)
    parts().macro_uses.record(SENDER, form.macro, use)
    if "HX-Request" in request.headers:
        return render_template("components/macro_used.html")
    return redirect(url_for("agent.macros", macro=form.macro, locale=form.locale), 303)


def _page(fragment: str, form: SearchForm, values: dict[str, str], preview: Preview | None) -> str:
    """The page, or for htmx a part of it: what only the page shows is looked up when the template asks for it."""
    locale = form.locale or page_locale()
    return render_page(
        "pages/agent.html",
        fragment,
        q=form.q,
        locale=locale,
        locales=lambda: sorted({*parts().macros.locales(), locale}),
        find=lambda: parts().macros.search(form.q, locale, SHOWN if form.q else SHOWN_UNASKED),
        fields=FIELDS,
        values=values,
        preview=preview,
        prefix=_PREFIX,
    )


def _fill(key: str, locale: str, values: dict[str, str], event_id: str) -> Preview:
    macro = parts().macros.macro(key, locale)
    filled = parts().macro_uses.render(key, locale, nested(values))
    extra = {name: values.get(name, "") for name in [*values, *filled.missing] if name not in FIELDS}
    return Preview(macro.title, filled, highlight(filled.html, filled.missing), extra, event_id or uuid4().hex)


def _values() -> dict[str, str]:
    """The placeholders' values by name; her own name is remembered while she is signed in."""
    fields = request.form.items()
    posted = {name.removeprefix(_PREFIX): value.strip() for name, value in fields if name.startswith(_PREFIX)}
    if any(len(text) > _LONGEST for pair in posted.items() for text in pair):
        raise InvalidInput(f"a placeholder or its value has more than {_LONGEST} characters", "c")
    return posted or {AGENT_NAME: session.get("agent_name", "")}


def nested(values: dict[str, str]) -> dict[str, Any]:
    """Dotted names as the dicts that templates look into; an empty value is left out, so that it counts as missing."""
    context: dict[str, Any] = {}
    for name, value in values.items():
        *path, last = name.split(".")
        place = context
        for step in path:
            inner = place.setdefault(step, {})
            place = inner if isinstance(inner, dict) else {}
        if value:
            place[last] = value
    return context
