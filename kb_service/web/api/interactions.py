"""`POST /v1/interactions/{id}/...`: feedback, clicks and escalations."""

from uuid import UUID

from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from kb_service.web.api.auto_replies import ReplyOut
from kb_service.web.api.fields import Body, Comment, Identifier, Recorded
from kb_service.web.api.guard import blueprint
from kb_service.web.context import parts


class InteractionPath(BaseModel):
    """The interaction that an auto-reply named."""

    id: UUID


class FeedbackRequest(Body):
    """At least one of `helpful`, `score` and `comment`."""

    event_id: Identifier = Field(description="Your id of this event: a repeat is stored once.")
    helpful: bool | None = None
    score: int | None = Field(None, ge=1, le=5, description="1 (bad) to 5 (good).")
    comment: Comment | None = None


class ClickRequest(Body):
    """Which suggestion the customer chose."""

    entry: Identifier
    event_id: Identifier


class ClickOut(Recorded):
    """The chosen answer, ready to be shown."""

    reply: ReplyOut


class EscalationRequest(Body):
    """The customer asked for a person."""

    event_id: Identifier


def interactions() -> APIBlueprint:
    """The routes of this resource."""
    api = blueprint("interactions", "feedback", "/v1/interactions", "What customers do with a reply.")

    @api.post(
        "/<uuid:id>/feedback",
        operation_id="recordFeedback",
        summary="Say whether a reply helped",
        responses={200: Recorded, 201: Recorded},
    )
    def feedback(path: InteractionPath, body: FeedbackRequest) -> Response:
        """Stored once per `event_id`; 200 with `recorded: false` for a repeat."""
        added = parts().reactions.feedback(path.id, body.event_id, body.helpful, body.score, body.comment)
        return _recorded(Recorded(event_id=body.event_id, recorded=added))

    @api.post(
        "/<uuid:id>/clicks",
        operation_id="recordClick",
        summary="Report the suggestion chosen",
        responses={200: ClickOut, 201: ClickOut},
    )
    def clicks(path: InteractionPath, body: ClickRequest) -> Response:
        """Returns the chosen answer, in the revision that was offered."""
        added, reply = parts().reactions.click(path.id, body.event_id, body.entry)
        shown = ReplyOut.model_validate(reply, from_attributes=True)
        return _recorded(ClickOut(event_id=body.event_id, recorded=added, reply=shown))

    @api.post(
        "/<uuid:id>/escalations",
        operation_id="recordEscalation",
        summary="Report a wish for a person",
        responses={200: Recorded, 201: Recorded},
    )
    def escalations(path: InteractionPath, body: EscalationRequest) -> Response:
        """Stored once per `event_id`; 200 with `recorded: false` for a repeat."""
        added = parts().reactions.escalation(path.id, body.event_id)
        return _recorded(Recorded(event_id=body.event_id, recorded=added))

    return api


def _recorded(result: Recorded) -> Response:
    return make_response(jsonify(result.model_dump(mode="json")), 201 if result.recorded else 200)
