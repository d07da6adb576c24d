"""Fill a macro's Liquid placeholders from a ticket's context, with bounds that no template can exceed."""

import re
from dataclasses import dataclass, field
from typing import Any

from liquid import Environment, Undefined
from liquid.exceptions import LiquidError

from kb_service.errors import InvalidInput

MAX_OUTPUT = 50_000


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


_PATH = re.compile(r"[\w.-]+")


def fill_macro(body: str, context: dict[str, Any]) -> Filled:
    """Render the Liquid text; a missing value shows as `[its.name]`, so that no empty hole is sent.

    InvalidInput says where the template is wrong or which bound it broke.
    """
    missing: list[str] = []

    class Recording(Undefined):
        def __str__(self) -> str:
            path = _path(self)
            missing.append(path)
            return f"[{path}]"

    try:
        text = _Environment(undefined=Recording).from_string(body).render(context)
    except LiquidError as error:
        raise InvalidInput(f"the macro's template cannot be filled in: {error}", "body") from error
    except RecursionError as error:
        raise InvalidInput("the macro's template is nested too deeply", "body") from error
    return Filled(text, tuple(dict.fromkeys(missing)))


def _path(undefined: Undefined) -> str:
    """The placeholder as the template writes it, such as `ticket.requester.first_name`."""
    token = undefined.token
    found = _PATH.match(token.source, token.start_index) if token else None
    return found[0] if found else undefined.name
