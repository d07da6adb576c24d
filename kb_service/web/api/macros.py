"""`/v1/macros`: search, render and report the use of macros."""

from typing import Any, Literal

from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from kb_service.services.use_macro import Use
from kb_service.web.api.fields import Body, Identifier, LocaleName, Query, Recorded, ShortWords
from kb_service.web.api.guard import blueprint, sender
from kb_service.web.context import parts

MAX_LIMIT = 50


class MacroQuery(Query):
    """What the agent has typed so far."""

    q: ShortWords = Field("", description="Text; empty lists macros by title.")
    locale: LocaleName | None = Field(None, description="The customer's locale.")
    limit: int = Field(10, ge=1, le=MAX_LIMIT)


class MacroPath(BaseModel):
    """A macro's key."""

    key: Identifier


class MacroOut(BaseModel):
    """A macro with its placeholders."""

    key: str
    locale: str
    revision: int
    title: str
    shortcut: str | None
    body: str
    tags: list[str]


class MacrosOut(BaseModel):
    """Macros, best first."""

    macros: list[MacroOut]


class RenderRequest(Body):
    """The ticket's values, by the names the placeholders use."""

    context: dict[str, Any] = Field(description="Values for placeholders such as {{ticket.requester.first_name}}.")
    locale: LocaleName | None = None


class RenderOut(BaseModel):
    """The macro filled in; `missing` lists placeholders that `context` had no value for, shown as [name]."""

    key: str
    locale: str
    revision: int
    text: str
    html: str
    missing: list[str]


class UseRequest(Body):
    """What the agent did with the macro."""

    event_id: Identifier
    outcome: Literal["sent", "edited", "discarded"] = "sent"
    locale: LocaleName | None = None
    revision: int | None = Field(None, ge=1, le=2**62, description="The revision used; the live one if absent.")
    agent_id: Identifier | None = None
    ticket_id: Identifier | None = None


def macros() -> APIBlueprint:
    """The routes of this resource."""
    api = blueprint("macros", "macros", "/v1/macros", "Helps agents find and fill in macros.")

    @api.get(
        "/search", operation_id="searchMacros", summary="Find macros as the agent types", responses={200: MacrosOut}
    )
    def search(query: MacroQuery) -> Response:
        """By shortcut, by the beginning of words, and by meaning across languages."""
        found = parts().macros.search(query.q, query.locale or _default(), query.limit)
        out = MacrosOut.model_validate({"macros": found}, from_attributes=True)
        return jsonify(out.model_dump(mode="json"))

    @api.post("/<key>/render", operation_id="renderMacro", summary="Fill a macro in", responses={200: RenderOut})
    def render(path: MacroPath, body: RenderRequest) -> Response:
        """Fills the Liquid placeholders from `context`."""
        filled = parts().macro_uses.render(path.key, body.locale or _default(), body.context)
        return jsonify(RenderOut.model_validate(filled, from_attributes=True).model_dump(mode="json"))

    @api.post(
        "/<key>/uses",
        operation_id="recordMacroUse",
        summary="Report the use of a macro",
        responses={200: Recorded, 201: Recorded},
    )
    def uses(path: MacroPath, body: UseRequest) -> Response:
        """Stored once per `event_id`; 200 with `recorded: false` for a repeat."""
        use = Use(**body.model_dump() | {"locale": body.locale or _default()})
        added = parts().macro_uses.record(sender(), path.key, use)
        result = Recorded(event_id=body.event_id, recorded=added)
        return make_response(jsonify(result.model_dump(mode="json")), 201 if added else 200)

    return api


def _default() -> str:
    return parts().settings.default_locale
