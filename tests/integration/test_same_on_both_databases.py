"""The same question asked through the API on SQLite and on PostgreSQL gives the same result."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from kb_service.app import create_app
from kb_service.settings import Settings
from tests.support.api import assert_problem, message
from tests.support.bases import SAMPLE, import_sample
from tests.support.servers import PostgresServer

QUESTIONS = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text(encoding="utf-8").splitlines()][::5]


@pytest.fixture(scope="module")
def postgres_app(
    postgres_server: PostgresServer, sample_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The sample base on PostgreSQL, imported and indexed there."""
    folder = tmp_path_factory.mktemp("postgres-app")
    (folder / "vectors").symlink_to(sample_folder / "vectors")  # the encoder is the same: no need to run it again
    url = postgres_server.create()
    app = create_app(Settings(data_dir=folder, database_url=url, secret_key="s", rate_limit="off"))
    parts = app.extensions["kb_service"]
    import_sample(parts)
    parts.live.refresh()
    yield app
    parts.database.close()


def _without_ids(body: Any) -> Any:
    """The body without what must differ: ids, the revision's number, the index version."""
    if isinstance(body, dict):
        names = ("interaction_id", "revision", "index_version")
        return {name: _without_ids(value) for name, value in body.items() if name not in names}
    return [_without_ids(part) for part in body] if isinstance(body, list) else body


@pytest.mark.slow
@pytest.mark.postgres
def test_every_question_gets_the_same_result(sample_app: Flask, postgres_app: Flask) -> None:
    """Decision, confidence, reply and suggestions agree to the last bit; a repeat gives each its own first result."""
    both = []
    for app in (sample_app, postgres_app):
        key = app.extensions["kb_service"].keys.create(["reply"], "same question")
        client, headers, results = app.test_client(), {"Authorization": f"Bearer {key}"}, []
        for number, question in enumerate(QUESTIONS):
            body = message(question["query"], message_id=f"q-{number}")
            first, again = (client.post("/v1/auto-replies", json=body, headers=headers) for _ in range(2))
            assert first.status_code == 200, first.text
            assert again.data == first.data
            results.append(_without_ids(first.get_json()))
        both.append(results)
    assert both[0] == both[1]
    assert {result["decision"] for result in both[0]} == {"answer", "suggest", "handoff"}
    assert len(QUESTIONS) >= 60


@pytest.mark.slow
@pytest.mark.postgres
def test_the_longest_values_that_are_accepted_can_be_stored(sample_app: Flask, postgres_app: Flask) -> None:
    """No limit of a column is below the API's own: PostgreSQL enforces them, SQLite does not."""
    for app in (sample_app, postgres_app):
        key = app.extensions["kb_service"].keys.create(["admin"], "ñ" * 100)
        client, headers, long = app.test_client(), {"Authorization": f"Bearer {key}"}, "ñ" * 200
        body = message("ñ" * 5000, channel="ñ" * 50, customer_id=long, conversation_id=long, message_id=long)
        replied = client.post("/v1/auto-replies", json=body | {"locale": "en-US-POSIX"}, headers=headers)
        assert replied.status_code == 200, replied.text
        events = f"/v1/interactions/{replied.get_json()['interaction_id']}"
        feedback = client.post(f"{events}/feedback", json={"event_id": long, "comment": "ñ" * 5000}, headers=headers)
        assert feedback.status_code == 201, feedback.text
        assert client.post(f"{events}/escalations", json={"event_id": long}, headers=headers).status_code == 201
        use = {"event_id": long, "agent_id": long, "ticket_id": long, "locale": "en-US-POSIX"}
        assert client.post("/v1/macros/greeting/uses", json=use, headers=headers).status_code == 201
        assert_problem(
            client.post("/v1/auto-replies", json=body | {"channel": "c" * 51}, headers=headers), 422, "channel"
        )


@pytest.mark.slow
@pytest.mark.postgres
def test_lists_and_entries_are_the_same(sample_app: Flask, postgres_app: Flask) -> None:
    """In the same order, with the same content."""
    both = []
    for app in (sample_app, postgres_app):
        key = app.extensions["kb_service"].keys.create(["admin"], "same list")
        client, headers = app.test_client(), {"Authorization": f"Bearer {key}"}
        paths = (
            "entries?limit=200",
            "entries?q=TARJETA",
            "entries?q=ú",
            "entries/card-lost",
            "macros/search?q=estorno",
        )
        both.append([client.get(f"/v1/{path}", headers=headers).get_json() for path in paths])
    assert _without_times(both[0]) == _without_times(both[1])


@pytest.mark.slow
@pytest.mark.postgres
def test_golden_questions_are_the_same(sample_app: Flask, postgres_app: Flask) -> None:
    """Kept, kept again, changed, listed, refused and removed, with the longest values that are accepted."""
    both = []
    for app in (sample_app, postgres_app):
        parts = app.extensions["kb_service"]
        for left in parts.golden.all():  # by other tests
            parts.golden_keeping.remove(left.id)
        key = parts.keys.create(["content:read", "content:write"], "ñ" * 100)
        client, headers, path = app.test_client(), {"Authorization": f"Bearer {key}"}, "/v1/golden-questions"
        question = {"query": "perdí mi tarjeta", "locale": "es-MX", "entry": "card-lost"}
        bodies = [question, question | {"entry": None}, question | {"query": "ñ" * 5000, "locale": "en-US-POSIX"}]
        bodies += [question | {"note": "ñ" * 500}, question | {"entry": "ñ" * 200}, question | {"query": "a\0b"}]
        kept = [client.post(path, json=body, headers=headers) for body in bodies]
        listed = client.get(f"{path}?limit=2&grade=unsure", headers=headers), client.get(path, headers=headers)
        ids = [question["id"] for question in listed[1].get_json()["golden_questions"]]
        removed = [client.delete(f"{path}/{number}", headers=headers) for number in [*ids, *ids, 2**62]]
        both.append([(reply.status_code, _without_times(reply.get_json())) for reply in (*kept, *listed, *removed)])
    assert both[0] == both[1]
    assert [status for status, _ in both[0][:6]] == [201, 200, 201, 200, 422, 422]
    assert [body["removed"] for _, body in both[0][8:]] == [True, True, False, False, False]


def _without_times(body: Any) -> Any:
    if isinstance(body, dict):
        names = ("id", "revision", "created_at", "updated_at", "added_at", "request_id")
        return {name: _without_times(value) for name, value in body.items() if name not in names}
    return [_without_times(part) for part in body] if isinstance(body, list) else body
