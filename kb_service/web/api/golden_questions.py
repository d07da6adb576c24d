"""`/v1/golden-questions`: questions whose right answer is known, and what the index makes of them."""

from datetime import datetime
from typing import Literal

from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from indexer.regression import Grade
from kb_service.services.check_golden_questions import question_facts, result_facts
from kb_service.services.labelled_questions import MAX_NOTE, Note
from kb_service.services.read_golden_questions import GoldenRow
from kb_service.web.api.fields import Body, Identifier, LocaleName, Query, Words
from kb_service.web.api.guard import blueprint, sender
from kb_service.web.context import parts

MAX_PAGE = 200


class GoldenQuery(Query):
    """Which golden questions, and which page of them."""

    entry: Identifier | None = Field(None, description="Only those that this FAQ must answer.")
    grade: Grade | None = Field(None, description="Only those that have this grade now.")
    limit: int = Field(50, ge=1, le=MAX_PAGE)
    after: int | None = Field(None, ge=1, le=2**62, description="The cursor that the page before gave.")


class GoldenPath(BaseModel):
    """A golden question."""

    id: int = Field(ge=1, le=2**62)


class GoldenRequest(Body):
    """A question and what must become of it."""

    query: Words = Field(description="As a customer asks it.", json_schema_extra={"example": "perdí mi tarjeta"})
    locale: LocaleName = Field(description="The customer's locale.", json_schema_extra={"example": "es-MX"})
    entry: Identifier | None = Field(
        description="Key of the FAQ that must answer; null: nothing in the base answers it.",
        json_schema_extra={"example": "card-lost"},
    )
    note: Note | None = Field(None, description=f"Why it is kept, in at most {MAX_NOTE} characters.")


class GoldenResultOut(BaseModel):
    """What a customer would get now. `first` is the entry that comes first, if any does."""

    grade: Grade
    decision: Literal["answer", "suggest", "handoff"]
    first: str | None
    confidence: float = Field(ge=0, le=1)


class GoldenOut(BaseModel):
    """A golden question, personal data taken out; `result` is null while no index is loaded."""

    id: int
    query: str
    locale: str
    entry: str | None
    note: str | None
    added_by: str
    added_at: datetime
    result: GoldenResultOut | None


class GoldenListOut(BaseModel):
    """One page, newest first; `after` is null on the last one."""

    golden_questions: list[GoldenOut]
    after: int | None


class GoldenKeptOut(GoldenOut):
    """The question as it is kept, and whether that is new."""

    outcome: Literal["added", "changed", "unchanged"]


class GoldenRemovedOut(BaseModel):
    """`removed` is false where there was no such question (any more)."""

    id: int
    removed: bool


def golden_questions() -> APIBlueprint:
    """The routes of this resource."""
    about = "Questions whose right answer is known: publications are checked against them."
    api = blueprint("golden-questions", "content:read", "/v1/golden-questions", about, to_write="content:write")

    @api.get(
        "",
        operation_id="listGoldenQuestions",
        summary="List golden questions",
        responses={200: GoldenListOut},
    )
    def index(query: GoldenQuery) -> Response:
        """Newest first, a page at a time, each with what the index in use makes of it."""
        page = parts().golden.page(entry=query.entry, grade=query.grade, after=query.after, limit=query.limit)
        out = GoldenListOut(golden_questions=[GoldenOut(**_facts(row)) for row in page.rows], after=page.after)
        return jsonify(out.model_dump(mode="json"))

    @api.post(
        "",
        operation_id="keepGoldenQuestion",
        summary="Keep a golden question",
        responses={200: GoldenKeptOut, 201: GoldenKeptOut},
    )
    def keep(body: GoldenRequest) -> Response:
        """201 for a new one; 200 for a wording and locale kept already, which expects this entry from now on."""
        by = f"API key {sender()}"
        question, outcome = parts().golden_keeping.add(body.query, body.locale, body.entry, by, body.note)
        out = GoldenKeptOut(**_facts(parts().golden.judged(question)), outcome=outcome)
        return make_response(jsonify(out.model_dump(mode="json")), 201 if outcome == "added" else 200)

    @api.delete(
        "/<id>",
        operation_id="removeGoldenQuestion",
        summary="Remove a golden question",
        responses={200: GoldenRemovedOut},
    )
    def remove(path: GoldenPath) -> Response:
        """An id is never given twice, so a repeat removes nothing else and says `removed: false`."""
        out = GoldenRemovedOut(id=path.id, removed=parts().golden_keeping.remove(path.id) is not None)
        return jsonify(out.model_dump(mode="json"))

    return api


def _facts(row: GoldenRow) -> dict[str, object]:
    question = row.question
    result = result_facts(row.result) if row.result else None
    return question_facts(question) | {"added_by": question.added_by, "added_at": question.added_at, "result": result}
