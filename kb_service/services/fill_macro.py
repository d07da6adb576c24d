"""Fill a macro's Liquid placeholders from a ticket's context, with bounds that no template can exceed."""

import re
from collections.abc import Callable, Sized
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from liquid import Environment, Undefined
from liquid.exceptions import LiquidError, ResourceLimitError

from kb_service.errors import InvalidInput

MAX_OUTPUT = 50_000
_MAX_DEPTH = 50  # of objects and lists in a context
_MAX_WORK = 2_000_000  # a filter's value times its arguments, in characters, bits or items


@dataclass(frozen=True, slots=True)
class Filled:
    """The filled-in text, and the placeholders that the context had no value for, in order of appearance."""

    text: str
    missing: tuple[str, ...] = field(default=())


class _Environment(Environment):
    """Liquid with bounds on loops, memory and output; templates cannot include files."""

    loop_iteration_limit = 10_000
    local_namespace_limit = 200_000
    output_stream_limit = MAX_OUTPUT
    context_depth_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        """The usual ones without those that read files; a filter leaves a missing value as it is, so that it shows."""
        super().setup_tags_and_filters(extra=extra)
        for name in _READING_FILES:
            del self.tags[name]
        passing = {name: _on_values(filter_) for name, filter_ in self.filters.items() if name not in _FOR_MISSING}
        self.filters.update(passing)


_READING_FILES = ("include", "render")
_FOR_MISSING = ("default", "size")  # filters that have an answer for a missing value
_PATH = re.compile(r"[\w.-]+(?:\[[^\]]*\][\w.-]*)*")


def fill_macro(body: str, context: dict[str, Any]) -> Filled:
    """Render the Liquid text; a missing or null value shows as `[its.name]`, so that no empty hole is sent.

    InvalidInput says where the template is wrong or which bound it broke (`body`), or that the context is nested more
    than 50 levels deep (`context`).
    """
    values = _without_nulls(context)
    missing: list[str] = []

    class Recording(Undefined):
        """Notes each missing value when it is shown."""

        def __str__(self) -> str:
            path = _path(self)
            missing.append(path)
            return f"[{path}]"

    try:
        text = _Environment(undefined=Recording).from_string(body).render(values)
    except (LiquidError, ValueError, ArithmeticError) as error:  # the latter two from numbers of thousands of digits
        raise InvalidInput(f"the macro's template cannot be filled in: {_said(error)}", "body") from error
    except RecursionError as error:
        raise InvalidInput("the macro's template is nested too deeply", "body") from error
    return Filled(text, tuple(dict.fromkeys(missing)))


def template_problem(body: str) -> str | None:
    """What is wrong with the template whatever it is filled in from, and where; None where nothing is."""
    environment = _Environment()
    try:
        filters = environment.from_string(body).analyze(include_partials=False).filters
    except (LiquidError, ValueError, ArithmeticError) as error:
        return _said(error)
    except RecursionError:
        return "nested too deeply"
    unknown = [(span.index, name) for name in filters.keys() - environment.filters.keys() for span in filters[name]]
    return f"unknown filter '{min(unknown)[1]}', {_position(body, min(unknown)[0])}" if unknown else None


def _said(error: Exception) -> str:
    """The error on one line, with the line and column where it is known."""
    if not isinstance(error, LiquidError):
        return str(error)
    token = error.token
    where = f", {_position(token.source, token.start_index)}" if token and token.start_index >= 0 else ""
    return f"{error.message}{where}"


def _position(source: str, index: int) -> str:
    return f"line {source.count(chr(10), 0, index) + 1}, column {index - source.rfind(chr(10), 0, index)}"


def _on_values(filter_: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, applied to values only, and to none that a chain of filters has blown up."""

    @wraps(filter_)
    def apply(value: object, *arguments: object, **named: object) -> object:
        """The filter's result; ResourceLimitError where it would grow too large."""
        if isinstance(value, Undefined):
            return value
        if _size(value) * (1 + sum(map(_size, arguments))) > _MAX_WORK:
            raise ResourceLimitError("a filter would make too much text or too large a number", token=None)
        return filter_(value, *arguments, **named)

    return apply


def _size(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else len(value) if isinstance(value, Sized) else 1


def _without_nulls(value: Any, depth: int = 0) -> Any:
    """The context without its empty fields: JSON's null is no value."""
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"the context is nested more than {_MAX_DEPTH} levels deep", "context")
    if isinstance(value, dict):
        return {name: _without_nulls(part, depth + 1) for name, part in value.items() if part is not None}
    return [_without_nulls(part, depth + 1) for part in value if part is not None] if isinstance(value, list) else value


def _path(undefined: Undefined) -> str:
    """The placeholder as the template writes it, such as `ticket.requester.first_name`."""
    token = undefined.token
    found = _PATH.match(token.source, token.start_index) if token else None
    return found[0] if found else undefined.name
