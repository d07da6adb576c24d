"""What every API test needs to say."""

from typing import Any

from werkzeug.test import TestResponse

PROBLEM = "application/problem+json"


def message(query: str = "perdí mi tarjeta", **fields: Any) -> dict[str, Any]:
    """The body of an auto-reply request."""
    return {"query": query, "channel": "chat", "customer_id": "c-1"} | fields


def assert_problem(response: TestResponse, status: int, *where: str) -> dict[str, Any]:
    """The response is an RFC 9457 problem document with this status, naming these fields; returns it."""
    assert response.status_code == status, response.text
    assert response.mimetype == PROBLEM
    document: dict[str, Any] = response.get_json()
    assert document.keys() == {"type", "title", "status", "detail", "errors", "request_id"}
    assert document["status"] == status
    assert document["type"] == "about:blank"
    assert document["title"] == response.status.split(" ", 1)[1].title() or document["title"]
    assert document["detail"]
    assert document["request_id"] == response.headers["X-Request-ID"]
    for field in where:
        assert field in {error["where"] for error in document["errors"]}, document
    assert all(error["message"] for error in document["errors"])
    return document
