"""`/v1/golden-questions` with the real encoder, on a base of its own."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kb_service.parts import Parts
from tests.support.api import assert_problem
from tests.support.bases import faq, write_lines

PATH = "/v1/golden-questions"
QUESTION = "¿Qué hago si pierdo mi tarjeta o me la roban?"  # the entry's own, and so answered however things are fitted
LOST = {"query": QUESTION, "locale": "es-MX", "entry": "card-lost", "note": "los lunes"}
PINK = {"query": "quiero comprar un elefante rosa", "locale": "es-MX", "entry": None}
Call = Callable[..., TestResponse]


@pytest.fixture
def app(own_app: Callable[..., Flask]) -> Flask:
    """An application on a copy of the sample base, without golden questions."""
    return own_app()


@pytest.fixture
def parts(app: Flask) -> Parts:
    """Its parts."""
    found: Parts = app.extensions["kb_service"]
    return found


@pytest.fixture
def call(app: Flask, parts: Parts) -> Call:
    """Calls the resource with a key that reads and writes content."""
    client: FlaskClient = app.test_client()
    headers = {"Authorization": f"Bearer {parts.keys.create(['content:read', 'content:write'], 'shop')}"}
    return lambda method, path="", **options: client.open(PATH + path, method=method, headers=headers, **options)


def _listed(call: Call, query: str = "") -> list[dict[str, Any]]:
    response = call("GET", query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.get_json()["golden_questions"]
    return found


def test_a_question_is_kept_with_what_it_gets_now(call: Call, parts: Parts) -> None:
    """The decision that a customer would get; who kept it is the key's name."""
    response = call("POST", json=LOST)
    assert response.status_code == 201, response.text
    kept = response.get_json()
    considered = parts.questions.consider(QUESTION, "es-MX").decision
    assert kept.pop("outcome") == "added"
    assert kept["result"] == {
        "grade": "right",
        "decision": considered.outcome,
        "first": "card-lost",
        "confidence": pytest.approx(considered.confidence),
    }
    assert {name: kept[name] for name in LOST} == LOST
    assert kept["added_by"] == "API key shop"
    assert _listed(call) == [kept]


def test_a_repeat_changes_nothing_and_another_expectation_takes_over(call: Call) -> None:
    """201 once, 200 from then on, under the same id; the wording decides, not its accents."""
    first = call("POST", json=LOST).get_json()
    again = call("POST", json=LOST | {"query": "QUE HAGO SI PIERDO MI TARJETA, O ME LA ROBAN"})
    assert again.status_code == 200
    assert again.get_json() == first | {"outcome": "unchanged"}
    changed = call("POST", json=LOST | {"entry": None})
    assert (changed.status_code, changed.get_json()["outcome"]) == (200, "changed")
    assert (changed.get_json()["id"], changed.get_json()["result"]["grade"]) == (first["id"], "wrong")
    assert len(_listed(call)) == 1


def test_a_removal_may_be_repeated(call: Call) -> None:
    """The second time it says that there was nothing to remove, and removes nothing else."""
    number = call("POST", json=LOST).get_json()["id"]
    removed = call("DELETE", f"/{number}")
    assert (removed.status_code, removed.get_json()) == (200, {"id": number, "removed": True})
    other = call("POST", json=PINK).get_json()["id"]
    assert other != number
    assert call("DELETE", f"/{number}").get_json() == {"id": number, "removed": False}
    assert [question["id"] for question in _listed(call)] == [other]


def test_questions_are_listed_page_after_page(call: Call) -> None:
    """Newest first, each once; by entry and by grade."""
    for number in range(5):
        call("POST", json=LOST | {"query": f"perdí mi tarjeta {number}"})
    call("POST", json=PINK)
    seen, after = [], ""
    while True:
        page = call("GET", f"?limit=2&entry=card-lost{after}").get_json()
        seen += [question["query"] for question in page["golden_questions"]]
        if page["after"] is None:
            break
        after = f"&after={page['after']}"
    assert seen == [f"perdí mi tarjeta {number}" for number in reversed(range(5))]
    assert [question["query"] for question in _listed(call, "?grade=right")][:1] == [PINK["query"]]
    assert _listed(call, "?grade=wrong") == []
    assert _listed(call, "?entry=no-such") == []


def test_personal_data_is_taken_out(call: Call) -> None:
    """Of what is kept, listed and returned."""
    kept = call("POST", json=PINK | {"query": "perdí mi tarjeta, soy ana@b.mx"}).get_json()
    assert kept["query"] == "perdí mi tarjeta, soy [email]"
    assert _listed(call)[0]["query"] == kept["query"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"query": ""}, "query"),
        ({"query": "¿?"}, "query"),
        ({"query": "ana@b.mx"}, "query"),
        ({"query": "x" * 5001}, "query"),
        ({"query": 7}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"locale": "klingon"}, "locale"),
        ({"locale": None}, "locale"),
        ({"entry": "no-such"}, "entry"),
        ({"entry": ""}, "entry"),
        ({"entry": "k" * 201}, "entry"),
        ({"entry": "a\0b"}, "entry"),
        ({"entry": "greeting"}, "entry"),
        ({"note": "n" * 501}, "note"),
        ({"note": "a\0b"}, "note"),
        ({"more": 1}, "more"),
    ],
    ids=str,
)
def test_a_wrong_question_is_a_problem(call: Call, body: dict[str, Any], where: str) -> None:
    """That names the field; nothing is kept."""
    assert_problem(call("POST", json=LOST | body), 422, where)
    assert _listed(call) == []


@pytest.mark.parametrize("missing", ["query", "locale", "entry"])
def test_what_is_right_must_be_said(call: Call, missing: str) -> None:
    """An entry that is not named is not the same as null."""
    assert_problem(call("POST", json={name: LOST[name] for name in LOST if name != missing}), 422, missing)


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("after=0", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("grade=perfect", "grade"),
        ("entry=", "entry"),
        ("entry=a%00b", "entry"),
        ("more=1", "more"),
    ],
)
def test_a_wrong_list_is_a_problem(call: Call, query: str, where: str) -> None:
    """That names the parameter."""
    assert_problem(call("GET", f"?{query}"), 422, where)


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", "9" * 20, "9" * 5000, "%00", "%ff"])
def test_a_wrong_id_is_a_problem(call: Call, number: str) -> None:
    """However long it is."""
    assert_problem(call("DELETE", f"/{number}"), 422, "id")


def test_before_there_is_an_index_results_are_null(make_settings: Callable[..., Any]) -> None:
    """Questions are kept and listed all the same."""
    from kb_service.app import create_app

    app = create_app(make_settings())
    parts: Parts = app.extensions["kb_service"]
    parts.settings.data_dir.mkdir(exist_ok=True)
    parts.database.migrate()
    headers = {"Authorization": f"Bearer {parts.keys.create(['admin'], 'x')}"}
    kept = app.test_client().post(PATH, json=PINK, headers=headers)
    assert (kept.status_code, kept.get_json()["result"]) == (201, None)
    assert app.test_client().get(PATH, headers=headers).get_json()["golden_questions"][0]["result"] is None


def test_a_publication_that_makes_questions_worse_shows_in_the_metrics(app: Flask, call: Call, parts: Parts) -> None:
    """For whoever watches; zero before."""
    call("POST", json=LOST)

    def measured() -> dict[str, float]:
        lines = [line.split(" ") for line in app.test_client().get("/metrics").text.splitlines()]
        return {line[0]: float(line[1]) for line in lines if line[0].startswith("kb_golden")}

    assert measured() == {"kb_golden_questions_worse": 0, "kb_golden_measures_fallen": 0}
    spoilt = [faq("card-lost", locale, question=f"otro asunto {locale}") for locale in ("es-MX", "pt-BR", "en")]
    path = write_lines(parts.settings.data_dir / "spoilt.jsonl", spoilt)
    parts.importing.apply(parts.importing.preview(path, publish=True), author="x")
    parts.sync.sync()
    assert measured() == {"kb_golden_questions_worse": 1, "kb_golden_measures_fallen": 2}
    parts.live.refresh()
    assert _listed(call)[0]["result"]["grade"] == "missed"
