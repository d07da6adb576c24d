"""Who may call what: every route of the API, with every kind of key."""

import re
from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from kb_service.parts import Parts
from kb_service.services.api_keys import SCOPES
from tests.support.api import assert_problem, message

SOME = str(uuid4())
ROUTES = {
    ("POST", "/v1/auto-replies"): ("reply", message()),
    ("POST", f"/v1/interactions/{SOME}/feedback"): ("feedback", {"event_id": "e", "helpful": True}),
    ("POST", f"/v1/interactions/{SOME}/clicks"): ("feedback", {"event_id": "e", "entry": "x"}),
    ("POST", f"/v1/interactions/{SOME}/escalations"): ("feedback", {"event_id": "e"}),
    ("GET", "/v1/macros/search?q=a"): ("macros", None),
    ("POST", "/v1/macros/nothing/render"): ("macros", {"context": {}}),
    ("POST", "/v1/macros/nothing/uses"): ("macros", {"event_id": "e"}),
    ("GET", "/v1/entries"): ("content:read", None),
    ("GET", "/v1/entries/card-lost"): ("content:read", None),
    ("GET", "/v1/golden-questions"): ("content:read", None),
    ("POST", "/v1/golden-questions"): ("content:write", {"query": "elefante", "locale": "es-MX", "entry": None}),
    ("DELETE", "/v1/golden-questions/4611686018427387904"): ("content:write", None),
}
routes = pytest.mark.parametrize(("method", "path"), ROUTES, ids=lambda part: part.replace(SOME, "ID"))


def test_every_route_of_the_api_is_listed_here(sample_app: Flask) -> None:
    """A new route is tested for its scope from its first day."""
    known = {
        (method, re.sub(r"/nothing|/card-lost", "/<key>", path.replace(SOME, "<uuid:id>"))) for method, path in ROUTES
    }
    known = {(method, re.sub(r"/\d+", "/<id>", path)) for method, path in known}
    known = {(method, path.split("?")[0]) for method, path in known}
    served = {
        (method, rule.rule)
        for rule in sample_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1")
    }
    assert served == known


@routes
@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic a2I6a2I=",
        "Bearer kb_" + "A" * 43,
        "Bearer \xff\xfe",
        "bearer",
    ],
)
def test_without_a_known_key_nothing_is_served(client: FlaskClient, method: str, path: str, header: str | None) -> None:
    """401, and how to authenticate; the body is not even looked at."""
    headers = {} if header is None else {"Authorization": header}
    response = client.open(path, method=method, headers=headers, data=b"{broken", content_type="application/json")
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@routes
@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_opens_the_routes_of_its_scope(
    client: FlaskClient, auth: Callable[..., dict[str, str]], method: str, path: str, scope: str
) -> None:
    """403 that names the scope for every other key; `admin` opens all."""
    needed, body = ROUTES[method, path]
    response = client.open(path, method=method, json=body, headers=auth(scope))
    if scope in (needed, "admin"):
        assert response.status_code in (200, 201, 404), response.text
    else:
        assert needed in assert_problem(response, 403)["detail"]


def test_a_revoked_key_is_refused_from_the_next_request_on(client: FlaskClient, parts: Parts) -> None:
    """No process remembers it."""
    headers = {"Authorization": f"Bearer {parts.keys.create(['content:read'], 'soon revoked')}"}
    assert client.get("/v1/entries", headers=headers).status_code == 200
    parts.keys.revoke(parts.keys.all()[-1].id)
    assert_problem(client.get("/v1/entries", headers=headers), 401)


def test_the_scheme_is_named_in_any_case(client: FlaskClient, auth: Callable[..., dict[str, str]]) -> None:
    """As RFC 9110 has it; further blanks do no harm."""
    key = auth("content:read")["Authorization"].split(" ")[1]
    for header in (f"bearer {key}", f"BEARER  {key} "):
        assert client.get("/v1/entries", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json"])
def test_machines_that_watch_need_no_key(client: FlaskClient, path: str) -> None:
    """These tell nothing about customers or content."""
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/auto-replies", 405),
        ("DELETE", "/v1/entries", 405),
        ("POST", "/v1/interactions/not-a-uuid/feedback", 404),
        ("POST", "/v1/interactions//feedback", 404),
        ("BREW", "/v1/entries", 405),
    ],
)
def test_what_does_not_exist_is_a_problem_too(
    client: FlaskClient, auth: Callable[..., dict[str, str]], method: str, path: str, status: int
) -> None:
    """Unknown paths, ids that are no UUID, methods that are not offered (and which are)."""
    response = client.open(path, method=method, json={}, headers=auth("admin"))
    assert_problem(response, status)
    assert ("Allow" in response.headers) == (status == 405)


def test_problems_are_json_even_for_a_browser(client: FlaskClient) -> None:
    """Under /v1 nobody gets a page."""
    assert_problem(client.get("/v1/entries", headers={"Accept": "text/html"}), 401)


def test_json_is_written_as_text(client: FlaskClient, auth: Callable[..., dict[str, str]]) -> None:
    """Accents and emoji are themselves, not escapes; fields come in the order of the contract."""
    body = client.get("/v1/entries/card-lost", headers=auth("content:read")).data
    assert "ó".encode() in body
    assert b"\\u" not in body
    assert body.startswith(b'{"kind":')
