"""`POST /v1/auto-replies`: answer, offer choices, or hand over."""

from typing import Literal
from uuid import UUID

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from kb_service.services.auto_reply import AutoReply, Message
from kb_service.web.api.fields import Body, Channel, Identifier, LocaleName, Words
from kb_service.web.api.guard import blueprint, sender
from kb_service.web.context import parts
from kb_service.web.metrics import count_reply


class AutoReplyRequest(Body):
    """A customer's message. `message_id` makes a repeat return the first result."""

    query: Words = Field(description="What the customer wrote.", json_schema_extra={"example": "perdí mi tarjeta"})
    channel: Channel = Field(description="Where it was written.", json_schema_extra={"example": "chat"})
    customer_id: Identifier = Field(
        description="Your id of the customer; stored as a keyed hash.", json_schema_extra={"example": "c-1029"}
    )
    locale: LocaleName | None = Field(None, description="The customer's locale; recognised from the text if absent.")
    conversation_id: Identifier | None = None
    message_id: Identifier | None = Field(None, description="Your id of the message, unique per API key name.")


class ReplyOut(BaseModel):
    """The answer to show: plain text and safe HTML of the same revision."""

    entry: str
    revision: int
    locale: str
    title: str
    text: str
    html: str


class SuggestionOut(BaseModel):
    """A choice to offer; report the customer's choice with `clicks`, which returns its answer."""

    entry: str
    title: str
    confidence: float = Field(ge=0, le=1)


class ExperimentOut(BaseModel):
    """An experiment this reply was part of, and the arm."""

    key: str
    arm: str


class AutoReplyOut(BaseModel):
    """What to do with the message. `locale` is the language of what is shown."""

    interaction_id: UUID
    decision: Literal["answer", "suggest", "handoff"]
    confidence: float = Field(ge=0, le=1)
    locale: str
    reply: ReplyOut | None
    suggestions: list[SuggestionOut] = Field(max_length=3)
    experiments: list[ExperimentOut]
    index_version: str


def auto_replies() -> APIBlueprint:
    """The routes of this resource."""
    api = blueprint("auto-replies", "reply", "/v1", "Answers customers' messages.")

    @api.post(
        "/auto-replies",
        operation_id="replyToMessage",
        summary="Answer a customer's message",
        responses={200: AutoReplyOut},
    )
    def create(body: AutoReplyRequest) -> Response:
        """Decides between `answer`, `suggest` (up to three choices) and `handoff`, and stores the interaction."""
        result = parts().replies.reply(Message(sender=sender(), **body.model_dump()))
        count_reply(result)
        return jsonify(auto_reply_json(result))

    return api


def auto_reply_json(result: AutoReply) -> dict[str, object]:
    """The result in the contract's form."""
    return AutoReplyOut.model_validate(result, from_attributes=True).model_dump(mode="json")
