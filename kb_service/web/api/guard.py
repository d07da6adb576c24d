"""What every API request passes first: its key, its scope, its media type and its JSON."""

import json

from flask import g, request
from flask_openapi3 import APIBlueprint, Tag
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from kb_service.errors import InvalidInput
from kb_service.services.api_keys import require
from kb_service.storage.records import ApiKey
from kb_service.web.problems import MEDIA_TYPE, Problem

_ERRORS = {
    400: "The body is not JSON.",
    401: "No valid API key.",
    403: "The key lacks the scope.",
    404: "What the path names does not exist.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "The request does not fit; `errors` names every field at fault.",
    429: "Too many requests; see Retry-After.",
    503: "The index or the database is not ready; see Retry-After.",
}


def blueprint(name: str, scope: str, prefix: str, about: str, *, to_write: str | None = None) -> APIBlueprint:
    """A blueprint whose routes need a key with this scope; `to_write` is another one for all but GET."""
    made = APIBlueprint(
        f"api_{name}",
        __name__,
        url_prefix=prefix,
        abp_tags=[Tag(name=name, description=about)],
        abp_security=[{"api_key": []}],
        abp_responses={status: _problem_response(text) for status, text in _ERRORS.items()},
    )

    @made.before_request
    def _guard() -> None:
        require(g.api_key, to_write if to_write and request.method not in ("GET", "HEAD") else scope)
        if request.method in ("POST", "PUT", "PATCH") and not isinstance(_json(), dict):
            raise InvalidInput("the body must be a JSON object", "body")

    return made


def sender() -> str:
    """The name of the key in use: it scopes the sender's own ids, and survives the rotation of the key."""
    key: ApiKey = g.api_key
    return key.name


def _json() -> object:
    """The body; what Python's parser lets through and no text can hold is refused here, for every field at once."""
    if not request.is_json:
        raise UnsupportedMediaType("Send JSON, with the header `Content-Type: application/json`.")
    try:
        body: object = request.get_json()
        json.dumps(body, ensure_ascii=False).encode()
    except RecursionError:
        raise BadRequest("The body is nested too deeply.") from None
    except BadRequest as error:
        cause = error.__cause__  # Flask hides what is wrong unless it runs in debug mode
        raise BadRequest(cause.description if isinstance(cause, BadRequest) else error.description) from error
    except UnicodeEncodeError:
        raise InvalidInput("the body holds half of a surrogate pair, which is not a character", "body") from None
    return body


def _problem_response(description: str) -> dict[str, object]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"description": description, "content": {MEDIA_TYPE: {"schema": schema}}}
