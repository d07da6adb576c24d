"""`/v1/macros` and `/v1/entries` on the sample base with the real encoder."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kb_service.parts import Parts
from tests.support.api import assert_problem
from tests.support.bases import SAMPLE

Auth = Callable[..., dict[str, str]]
Call = Callable[..., TestResponse]
CONTEXT = {"ticket": {"id": 7, "requester": {"first_name": "Ana"}}, "current_user": {"first_name": "Luis"}}


@pytest.fixture
def macros(client: FlaskClient, auth: Auth) -> Call:
    """Calls a macro route: GET without a body, POST with one."""
    return lambda path, body=None: client.open(
        f"/v1/macros/{path}", method="GET" if body is None else "POST", json=body, headers=auth("macros")
    )


@pytest.fixture
def entries(client: FlaskClient, auth: Auth) -> Call:
    """Gets an entry route."""
    return lambda path="", **headers: client.get(f"/v1/entries{path}", headers=auth("content:read") | headers)


@pytest.mark.parametrize(
    ("query", "locale", "key"),
    [
        ("/hol", "es-MX", "greeting"),
        ("saludo", "es-MX", "greeting"),
        ("saudac", "pt-BR", "greeting"),
        ("GREET", "en", "greeting"),
    ],
)
def test_macros_are_found_as_the_agent_types(macros: Call, query: str, locale: str, key: str) -> None:
    """By shortcut and by the beginning of words."""
    found = macros(f"search?q={query}&locale={locale}").get_json()["macros"]
    assert list(found[0]) == ["key", "locale", "revision", "title", "shortcut", "body", "tags"]
    assert (found[0]["key"], found[0]["locale"]) == (key, locale)


def test_macros_are_found_by_meaning_across_languages(macros: Call) -> None:
    """An English question finds the Spanish macro of a call that was agreed on."""
    found = macros("search?q=I will phone the customer tomorrow at noon&locale=es-MX&limit=3").get_json()["macros"]
    assert "callback-scheduled" in [macro["key"] for macro in found]
    assert {macro["locale"] for macro in found} == {"es-MX"}


def test_without_text_macros_are_listed_by_title(macros: Call) -> None:
    """In the default locale, as many as asked for."""
    titles = [macro["title"] for macro in macros("search?limit=50").get_json()["macros"]]
    assert len(titles) == 28
    assert titles == sorted(titles)
    assert len(macros("search").get_json()["macros"]) == 10


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=51", "limit"),
        ("limit=x", "limit"),
        ("locale=xx", "locale"),
        ("q=" + "a" * 501, "q"),
        ("q=a%00b", "q"),
        ("limit=1e400", "limit"),
        ("locale=", "locale"),
    ],
)
def test_a_wrong_search_is_a_problem(macros: Call, query: str, where: str) -> None:
    """That names the parameter."""
    assert_problem(macros(f"search?{query}"), 422, where)


@pytest.mark.parametrize("query", ["%ff%fe", "%ed%a0%80", "%F0%9F%99%82", "%25", "'", "q&q=r", "%7B%7B"])
def test_any_bytes_may_be_searched_for(macros: Call, query: str) -> None:
    """What is not UTF-8 finds nothing in particular."""
    assert macros(f"search?q={query}").status_code == 200


def test_a_macro_is_filled_in_from_the_ticket(macros: Call) -> None:
    """Every macro of the sample base, in every locale, with nothing of Liquid left; what is missing is listed."""
    keys = {json.loads(line)["key"] for line in (SAMPLE / "macros.jsonl").read_text("utf-8").splitlines()}
    for key in sorted(keys):
        for locale in ("es-MX", "pt-BR", "en"):
            filled = macros(f"{key}/render", {"context": CONTEXT, "locale": locale}).get_json()
            assert list(filled) == ["key", "locale", "revision", "text", "html", "missing"]
            assert filled["locale"] == locale
            assert not any(mark in filled["text"] for mark in ("{{", "{%", "}}"))
            assert all(f"[{name}]" in filled["text"] for name in filled["missing"])


def test_values_are_shown_and_not_obeyed(macros: Call) -> None:
    """HTML and Liquid in a customer's name."""
    name = "<img src=x onerror=alert(1)>{{ticket.id}}"
    context = {"ticket": {"id": 7, "requester": {"first_name": name}}, "current_user": {"first_name": "Luis"}}
    filled = macros("greeting/render", {"context": context}).get_json()
    assert name in filled["text"]
    assert "<img" not in filled["html"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "context"),
        ({"context": []}, "context"),
        ({"context": None}, "context"),
        ({"context": "x"}, "context"),
        ({"context": {}, "locale": "xx"}, "locale"),
        ({"context": {}, "more": 1}, "more"),
    ],
)
def test_a_wrong_context_is_a_problem(macros: Call, body: dict[str, Any], where: str) -> None:
    """That names the field."""
    assert_problem(macros("greeting/render", body), 422, where)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"context": {"ticket": "\\ud800"}}',
        b'{"context": {"\\udfff": 1}}',
    ],
)
def test_half_a_surrogate_pair_in_the_context_is_a_problem(client: FlaskClient, auth: Auth, raw: bytes) -> None:
    """No reply could be written in UTF-8."""
    response = client.post(
        "/v1/macros/greeting/render", data=raw, content_type="application/json", headers=auth("macros")
    )
    assert_problem(response, 422, "body")


@pytest.mark.parametrize(
    "context",
    [
        {"ticket": None},
        {"ticket": 7},
        {"ticket": "text"},
        {"ticket": []},
        {"ticket": {"requester": []}},
        {"ticket": {"requester": {"first_name": {"a": ["b", None]}}}},
        {"self": 1, "forloop": 2, "": 3, "a b": 4, "ticket.id": 5},
        {"ticket": {"requester": {"first_name": "\0"}}},
        {"current_user": {"first_name": 10**300}},
    ],
    ids=str,
)
def test_any_json_may_be_the_context(macros: Call, context: dict[str, Any]) -> None:
    """Of whatever shape."""
    assert macros("greeting/render", {"context": context}).status_code == 200


def test_an_unknown_macro_is_not_found(macros: Call) -> None:
    """Nor is a FAQ a macro."""
    for key in ("nothing", "card-lost", "GREETING", "a" * 200, "%20x"):
        assert_problem(macros(f"{key}/render", {"context": {}}), 404)
        assert_problem(macros(f"{key}/uses", {"event_id": "e"}), 404)
    for key in ("a" * 201, "%00", "%20"):
        assert_problem(macros(f"{key}/render", {"context": {}}), 422, "key")


def test_a_use_is_recorded_once(macros: Call, parts: Parts) -> None:
    """201, then 200; the revision of another macro, or of none, is refused."""
    event, known = str(uuid4()), parts.macros.macro("greeting", "es-MX").revision
    body = {"event_id": event, "outcome": "edited", "agent_id": "a-1", "ticket_id": "t-1", "revision": known}
    assert macros("greeting/uses", body).status_code == 201
    assert macros("greeting/uses", body).status_code == 200
    other = parts.macros.macro("callback-scheduled", "es-MX").revision
    for revision in (other, 2**62):
        assert_problem(macros("greeting/uses", body | {"revision": revision}), 422, "revision")


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"outcome": "lost"}, "outcome"),
        ({"revision": 0}, "revision"),
        ({"revision": 2**63}, "revision"),
        ({"revision": "1"}, "revision"),
        ({"agent_id": ""}, "agent_id"),
        ({"event_id": None}, "event_id"),
    ],
)
def test_a_wrong_use_is_a_problem(macros: Call, fields: dict[str, Any], where: str) -> None:
    """That names the field."""
    assert_problem(macros("greeting/uses", {"event_id": "e"} | fields), 422, where)


def test_entries_are_listed_page_by_page(entries: Call) -> None:
    """Every entry and locale of the sample base once, in order, in any size of page."""
    whole, after = [], ""
    while after is not None:
        page = entries(f"?limit=37&after={after}" if after else "?limit=37").get_json()
        whole += [(entry["kind"], entry["key"], entry["locale"]) for entry in page["entries"]]
        after = page["after"]
    assert len(whole) == 117 + 84
    assert whole == sorted(whole)
    assert len(set(whole)) == len(whole)


def test_entries_are_filtered(entries: Call) -> None:
    """By kind, locale and part of a title or key."""
    found = entries("?kind=macro&locale=pt_BR&limit=200").get_json()["entries"]
    assert {(entry["kind"], entry["locale"]) for entry in found} == {("macro", "pt-BR")}
    assert len(found) == 28
    keys = {entry["key"] for entry in entries("?q=CARD-LOST").get_json()["entries"]}
    assert keys == {"card-lost"}
    assert entries("?q=%25").get_json() == {"entries": [], "after": None}


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("kind=x", "kind"),
        ("locale=xx", "locale"),
        ("q=%00", "q"),
        ("after=nonsense", "after"),
        ("after=" + "W1tb" * 480, "after"),
        ("after=" + "a" * 2001, "after"),
        ("after=%00", "after"),
        ("after=WyJmYXEiLCJcdWQ4MDAiLCJlbiJd", "after"),
        ("after=bnVsbA==", "after"),
        ("after=WzEsMiwzXQ==", "after"),
    ],
)
def test_a_wrong_list_is_a_problem(entries: Call, query: str, where: str) -> None:
    """That names the parameter; a cursor must be one of ours."""
    assert_problem(entries(f"?{query}"), 422, where)


def test_an_entry_shows_its_newest_and_live_revisions(entries: Call) -> None:
    """In every locale, in order."""
    entry = entries("/card-lost").get_json()
    assert (entry["kind"], entry["key"]) == ("faq", "card-lost")
    assert [revision["locale"] for revision in entry["newest"]] == ["en", "es-MX", "pt-BR"]
    assert entry["live"] == entry["newest"]
    assert entries("/greeting?kind=macro").get_json()["kind"] == "macro"
    assert_problem(entries("/greeting"), 404)
    assert_problem(entries("/nothing"), 404)
    assert_problem(entries("/card-lost?kind=x"), 422, "kind")


def test_an_entry_that_did_not_change_is_not_sent_again(entries: Call) -> None:
    """304 for its ETag, without a body; another entity's ETag gets the whole."""
    first = entries("/card-lost")
    etag = first.headers["ETag"]
    again = entries("/card-lost", **{"If-None-Match": etag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    assert entries("/card-lost", **{"If-None-Match": '"another"'}).status_code == 200
    assert entries("/card-lost", **{"If-None-Match": "*"}).status_code == 304
    assert entries("/greeting?kind=macro").headers["ETag"] != etag


def test_the_etag_changes_with_the_content(own_app: Callable[..., Any], tmp_path: Any) -> None:
    """With a draft as well as with a publication."""
    app = own_app()
    parts: Parts = app.extensions["kb_service"]
    headers = {"Authorization": f"Bearer {parts.keys.create(['content:read'], 'x')}"}
    line = next(line for line in (SAMPLE / "faqs.jsonl").read_text("utf-8").splitlines() if '"card-lost"' in line)
    seen = [app.test_client().get("/v1/entries/card-lost", headers=headers).headers["ETag"]]
    for answer, publish in (("draft", False), ("draft", True)):
        (tmp_path / "edit.jsonl").write_text(json.dumps(json.loads(line) | {"answer": answer}), encoding="utf-8")
        parts.importing.apply(parts.importing.preview(tmp_path / "edit.jsonl", publish=publish), author="ana")
        seen.append(app.test_client().get("/v1/entries/card-lost", headers=headers).headers["ETag"])
    assert len(set(seen)) == 3
