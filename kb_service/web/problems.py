"""Errors as RFC 9457 problem documents for the API, and as pages for people."""

from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import HTTPException

from indexer.errors import IndexerError
from kb_service import errors

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 2
log = structlog.get_logger()

_STATUS: dict[type[Exception], int] = {
    errors.InvalidInput: 422,
    errors.Unauthorised: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.NotReady: 503,
    IndexerError: 503,
}


class FieldProblem(BaseModel):
    """One thing wrong with the request: where, and what."""

    where: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field("about:blank", description="Always about:blank: the title says which problem it is.")
    title: str = Field(description="The HTTP status in words.")
    status: int
    detail: str = Field(description="What is wrong, in one sentence.")
    errors: list[FieldProblem] = Field(default=[], description="Every field at fault.")
    request_id: str | None = Field(None, description="Quote it to the operator.")


def install(app: Flask) -> None:
    """Answer every error in the form the caller understands."""
    app.register_error_handler(errors.KbError, _known)
    app.register_error_handler(IndexerError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unknown)


def invalid_fields(error: ValidationError) -> Response:
    """A request that does not fit its schema: 422, with every field at fault."""
    fields = [
        FieldProblem(
            where=".".join(str(step) for step in part["loc"]) or "body",
            message=part["msg"].removeprefix("Value error, "),
        )
        for part in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return problem(422, "; ".join(f"{field.where}: {field.message}" for field in fields), fields)


def problem(status: int, detail: str, fields: list[FieldProblem] | None = None) -> Response:
    """The error as a problem document."""
    document = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=fields or [],
        request_id=g.get("request_id"),
    )
    response = make_response(jsonify(document.model_dump()), status)
    response.mimetype = MEDIA_TYPE
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    return response


def _known(error: Exception) -> Response:
    status = next((status for kind, status in _STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return _unknown(error)
    where = error.where if isinstance(error, errors.InvalidInput) else None
    return _shown(status, str(error), [FieldProblem(where=where, message=str(error))] if where else None)


def _http(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error
    fields = [FieldProblem(where="body", message=error.description or "")] if error.code == 400 else None
    response = _shown(error.code, error.description or "", fields)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _unknown(error: Exception) -> Response:  # the last resort: nothing may reach the client as a stack trace
    log.exception("unexpected error", path=request.path)
    return _shown(500, "something went wrong on our side; it has been logged")


def _shown(status: int, detail: str, fields: list[FieldProblem] | None = None) -> Response:
    """A page for a browser that asked for one, a problem document for everybody else."""
    if request.path.startswith("/v1/") or not request.accept_mimetypes.accept_html:
        return problem(status, detail, fields)
    return make_response(render_template("pages/error.html", status=status, detail=detail), status)
