"""What the service says of itself when a part is missing, damaged or gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from kb_service.app import create_app
from kb_service.parts import Parts
from kb_service.settings import Settings
from tests.support.api import assert_problem, message


def _parts(app: Flask) -> Parts:
    found: Parts = app.extensions["kb_service"]
    return found


def _ready(app: Flask) -> tuple[int, dict[str, Any]]:
    response = app.test_client().get("/readyz")
    return response.status_code, response.get_json()


def test_a_service_with_an_index_is_ready(sample_app: Flask) -> None:
    """And says which index it answers from."""
    version = _parts(sample_app).live.current().snapshot.version
    assert _ready(sample_app) == (200, {"ready": True, "index_version": version, "problems": {}})


def test_without_an_index_it_is_alive_and_not_ready(make_settings: Callable[..., Settings]) -> None:
    """503 with a time to come back, for health checks and for questions."""
    app = create_app(make_settings())
    _parts(app).database.migrate()
    key = _parts(app).keys.create(["admin"], "x")
    assert app.test_client().get("/healthz").get_json() == {"status": "alive"}
    status, body = _ready(app)
    assert (status, body["ready"], body["index_version"]) == (503, False, None)
    assert "index" in body["problems"]
    headers = {"Authorization": f"Bearer {key}"}
    response = app.test_client().post("/v1/auto-replies", json=message(), headers=headers)
    assert_problem(response, 503)
    assert int(response.headers["Retry-After"]) > 0
    assert_problem(app.test_client().get("/v1/macros/search", headers=headers), 503)
    assert app.test_client().get("/v1/entries", headers=headers).status_code == 200
    _parts(app).database.close()


def test_a_database_without_tables_is_a_problem_and_no_accident(
    make_settings: Callable[..., Settings], empty_url: str
) -> None:
    """Requests with a key get 503; the reason is in /readyz."""
    app = create_app(make_settings(database_url=empty_url))
    response = app.test_client().get("/v1/entries", headers={"Authorization": "Bearer x"})
    assert_problem(response, 503)
    assert "kb init" in _ready(app)[1]["problems"]["database"]
    _parts(app).database.close()


@pytest.mark.postgres
def test_a_database_that_does_not_answer_is_a_problem_and_no_accident(make_settings: Callable[..., Settings]) -> None:
    """503, and the service says so while it stays alive."""
    app = create_app(make_settings(database_url="postgresql://127.0.0.1:1/kb"))
    response = app.test_client().get("/v1/entries", headers={"Authorization": "Bearer x"})
    assert "does not answer" in assert_problem(response, 503)["detail"]
    assert "does not answer" in _ready(app)[1]["problems"]["database"]
    assert app.test_client().get("/healthz").status_code == 200


def test_a_damaged_new_index_is_said_while_the_old_one_answers(own_app: Callable[..., Flask], tmp_path: Path) -> None:
    """Ready, from the good version, with the damaged file named."""
    app = own_app()
    parts = _parts(app)
    good = parts.live.current().snapshot.version
    damaged = parts.store.publish(parts.live.current().snapshot)
    path = tmp_path / "own" / "index" / damaged / "documents.jsonl"
    path.write_bytes(path.read_bytes().replace(b"a", b"b", 1))
    parts.live.refresh()
    status, body = _ready(app)
    assert (status, body["ready"], body["index_version"]) == (200, True, good)
    assert "documents.jsonl" in body["problems"]["index"]


def test_a_newer_databases_tables_are_a_problem(own_app: Callable[..., Flask]) -> None:
    """An older program after a failed upgrade says so."""
    app = own_app()
    with _parts(app).database.writing() as work:
        work.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        work.commit()
    assert "newer" in _ready(app)[1]["problems"]["database"]


def test_an_accident_of_ours_shows_no_internals(own_app: Callable[..., Flask]) -> None:
    """500 as a problem document: no stack trace, no SQL, no path; the log has it."""
    app = own_app()
    key = _parts(app).keys.create(["admin"], "x")
    with _parts(app).database.writing() as work:
        work.session.execute(text("UPDATE revision SET keywords = '{damaged'"))
        work.commit()
    response = app.test_client().get("/v1/entries/card-lost", headers={"Authorization": f"Bearer {key}"})
    document = assert_problem(response, 500)
    assert not any(word in response.text for word in ("Traceback", "sqlite", "JSON", "damaged", "/work"))
    assert "logged" in document["detail"]


def test_metrics_count_requests_and_replies(sample_app: Flask, auth: Callable[..., dict[str, str]]) -> None:
    """By endpoint, method and status; replies by decision and locale."""
    sample_app.test_client().post("/v1/auto-replies", json=message("I lost my card"), headers=auth("reply"))
    exposed = sample_app.test_client().get("/metrics").text
    assert 'kb_auto_replies_total{decision="answer",locale="en"}' in exposed
    assert 'kb_http_request_seconds_count{endpoint="api_auto-replies' in exposed
    assert "kb_auto_reply_confidence_bucket" in exposed


def test_probes_come_without_https(make_settings: Callable[..., Settings]) -> None:
    """With secure cookies pages are redirected to HTTPS, and health checks are not."""
    client = create_app(make_settings(secure_cookies=True)).test_client()
    assert client.get("/healthz").status_code == 200
    assert client.get("/help").headers["Location"].startswith("https://")
