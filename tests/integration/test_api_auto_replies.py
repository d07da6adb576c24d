"""`POST /v1/auto-replies` and what follows it, on the sample base with the real encoder."""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from kb_service.parts import Parts
from tests.support.api import assert_problem, message

Auth = Callable[..., dict[str, str]]
Ask = Callable[..., TestResponse]


@pytest.fixture
def ask(client: FlaskClient, auth: Auth) -> Ask:
    """Posts a message."""
    return lambda *query, **fields: client.post(
        "/v1/auto-replies", json=message(*query, **fields), headers=auth("reply")
    )


@pytest.mark.parametrize(
    ("query", "locale", "entry", "words"),
    [
        ("perdí mi tarjeta, ¿qué hago?", "es-MX", "card-lost", "tarjeta"),
        ("perdi meu cartão e quero bloquear", "pt-BR", "card-lost", "cartão"),
        ("I lost my card, how do I block it?", "en", "card-lost", "card"),
    ],
)
def test_a_clear_question_is_answered_in_its_language(
    ask: Ask, query: str, locale: str, entry: str, words: str
) -> None:
    """Recognised from the text; the reply is text and safe HTML of one revision."""
    body = ask(query).get_json()
    assert list(body) == [
        "interaction_id",
        "decision",
        "confidence",
        "locale",
        "reply",
        "suggestions",
        "experiments",
        "index_version",
    ]
    assert (body["decision"], body["locale"], body["suggestions"], body["experiments"]) == ("answer", locale, [], [])
    reply = body["reply"]
    assert list(reply) == ["entry", "revision", "locale", "title", "text", "html"]
    assert (reply["entry"], reply["locale"]) == (entry, locale)
    assert words in reply["text"].lower()
    assert reply["html"].startswith("<")
    assert 0.85 <= body["confidence"] <= 1
    UUID(body["interaction_id"])


def test_the_locale_asked_for_wins(ask: Ask) -> None:
    """A Spanish question from somebody who reads Portuguese; another spelling of the locale is understood."""
    body = ask("perdí mi tarjeta, ¿qué hago?", locale="pt_br").get_json()
    assert (body["locale"], body["reply"]["locale"]) == ("pt-BR", "pt-BR")


def test_nonsense_is_handed_over(ask: Ask) -> None:
    """No reply, no suggestions, no confidence."""
    body = ask("🙂🙂🙂").get_json()
    assert (body["decision"], body["reply"], body["suggestions"], body["confidence"]) == ("handoff", None, [], 0)


def test_a_repeat_returns_the_first_result(ask: Ask, client: FlaskClient, parts: Parts) -> None:
    """Byte for byte, whatever else the repeat says; under another key's name it is another message."""
    message_id = str(uuid4())
    first = ask(message_id=message_id)
    again = ask("otra cosa", message_id=message_id, locale="en", customer_id="x")
    assert again.status_code == 200
    assert again.data == first.data
    other = {"Authorization": f"Bearer {parts.keys.create(['reply'], 'another integration')}"}
    elsewhere = client.post("/v1/auto-replies", json=message(message_id=message_id), headers=other).get_json()
    assert elsewhere["interaction_id"] != first.get_json()["interaction_id"]


def test_what_is_stored_holds_no_personal_data(ask: Ask, parts: Parts) -> None:
    """The card number and the customer's id reach no column."""
    body = ask("me robaron la tarjeta 4111 1111 1111 1111, soy ana@b.mx", customer_id="cliente-secreto").get_json()
    with parts.database.reading() as work:
        stored = work.events.interaction(UUID(body["interaction_id"]))
    assert stored is not None
    assert stored.query == "me robaron la tarjeta [card], soy [email]"
    assert "cliente-secreto" not in repr(stored)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"query": ""}, "query"),
        ({"query": " \n\t"}, "query"),
        ({"query": "ñ" * 100_000}, "query"),
        ({"query": None}, "query"),
        ({"query": 7}, "query"),
        ({"query": ["x"]}, "query"),
        ({"query": "a\0b"}, "query"),
        ({"channel": ""}, "channel"),
        ({"channel": "  "}, "channel"),
        ({"channel": "c" * 201}, "channel"),
        ({"customer_id": 12}, "customer_id"),
        ({"customer_id": "a\0"}, "customer_id"),
        ({"locale": "xx"}, "locale"),
        ({"locale": ""}, "locale"),
        ({"locale": "es-MX; DROP"}, "locale"),
        ({"locale": "en@" + "a" * 60}, "locale"),
        ({"locale": True}, "locale"),
        ({"conversation_id": ""}, "conversation_id"),
        ({"message_id": "m" * 201}, "message_id"),
        ({"message_id": {"$ne": 1}}, "message_id"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_field_is_named(ask: Ask, fields: dict[str, Any], where: str) -> None:
    """422, where it is, and what is wrong with it."""
    assert_problem(ask(**fields), 422, where)


def test_every_missing_field_is_named(client: FlaskClient, auth: Auth) -> None:
    """At once."""
    response = client.post("/v1/auto-replies", json={}, headers=auth("reply"))
    assert_problem(response, 422, "query", "channel", "customer_id")


def test_the_longest_query_is_accepted_and_one_more_character_is_not(ask: Ask, parts: Parts) -> None:
    """The limit is the setting's."""
    longest = parts.settings.max_query_chars
    assert ask("a" * longest).status_code == 200
    assert str(longest) in assert_problem(ask("a" * (longest + 1)), 422, "query")["detail"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"query": "x",}', 400),
        (b"\xff\xfe{", 400),
        (b'{"query": "\xed\xa0\x80", "channel": "c", "customer_id": "c"}', 422),
        (b'{"query": "caf\xe9", "channel": "c", "customer_id": "c"}', 400),
        (b"[" * 100_000, 400),
        (b'{"a":' * 50_000, 400),
        (b'{"query": ' + b"9" * 5000 + b"}", 400),
        (b"[]", 422),
        (b'"text"', 422),
        (b"12", 422),
        (b"null", 422),
        (b"true", 422),
        (b"NaN", 422),
        (b'{"query": "\\ud800", "channel": "c", "customer_id": "c"}', 422),
        (b'{"query": "x", "channel": "c", "customer_id": "c", "\\ud800": 1}', 422),
        (b'{"query": NaN, "channel": "c", "customer_id": "c"}', 422),
        (b'{"query": 1e999, "channel": Infinity, "customer_id": -Infinity}', 422),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_body_that_is_not_a_json_object_is_a_problem(
    client: FlaskClient, auth: Auth, body: bytes, status: int
) -> None:
    """400 for what is not JSON, 422 for other JSON than an object that fits."""
    response = client.post("/v1/auto-replies", data=body, content_type="application/json", headers=auth("reply"))
    assert_problem(response, status)


def test_real_surrogate_pairs_are_text(ask: Ask) -> None:
    """An emoji escaped as JSON has it."""
    assert ask(json.loads('"perd\\u00ed mi tarjeta \\ud83d\\ude42"')).status_code == 200


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_another_media_type_is_a_problem(client: FlaskClient, auth: Auth, content_type: str | None) -> None:
    """415, as the body was not declared as JSON."""
    response = client.post(
        "/v1/auto-replies", data=json.dumps(message()), content_type=content_type, headers=auth("reply")
    )
    assert_problem(response, 415)


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/vnd.x+json", "APPLICATION/JSON"]
)
def test_json_by_its_other_names_is_json(client: FlaskClient, auth: Auth, content_type: str) -> None:
    """Parameters, suffixes, case."""
    response = client.post(
        "/v1/auto-replies", data=json.dumps(message()), content_type=content_type, headers=auth("reply")
    )
    assert response.status_code == 200


def test_a_body_of_more_than_a_megabyte_is_refused(client: FlaskClient, auth: Auth) -> None:
    """413, before it is parsed."""
    body = json.dumps(message("x" * 1_000_001))
    assert_problem(
        client.post("/v1/auto-replies", data=body, content_type="application/json", headers=auth("reply")), 413
    )


def test_a_request_id_comes_back(client: FlaskClient) -> None:
    """The caller's if it is one, a new one otherwise."""
    assert client.get("/healthz", headers={"X-Request-ID": "abc-123"}).headers["X-Request-ID"] == "abc-123"
    for bad in ("", "x" * 101, "a b", "<script>"):
        assert client.get("/healthz", headers={"X-Request-ID": bad}).headers["X-Request-ID"] not in ("", bad)


@pytest.fixture
def post(client: FlaskClient, auth: Auth) -> Callable[..., TestResponse]:
    """Posts an event on an interaction."""
    return lambda interaction, what, **body: client.post(
        f"/v1/interactions/{interaction}/{what}", json=body, headers=auth("feedback")
    )


@pytest.fixture
def interaction(ask: Ask) -> str:
    """The id of an interaction."""
    return str(ask().get_json()["interaction_id"])


EVENTS = [("feedback", {"helpful": True}), ("escalations", {})]


@pytest.mark.parametrize(("what", "body"), EVENTS)
def test_an_event_is_recorded_once(
    post: Callable[..., TestResponse], interaction: str, what: str, body: dict[str, Any]
) -> None:
    """201 at first, 200 for its repeat; another event id, or the same on another interaction, is new."""
    first = post(interaction, what, event_id="e", **body)
    assert (first.status_code, first.get_json()) == (201, {"event_id": "e", "recorded": True})
    again = post(interaction, what, event_id="e", **body)
    assert (again.status_code, again.get_json()) == (200, {"event_id": "e", "recorded": False})
    assert post(interaction, what, event_id="f", **body).status_code == 201


def test_the_same_event_id_on_another_interaction_is_another_event(post: Callable[..., TestResponse], ask: Ask) -> None:
    """Ids are unique within an interaction."""
    for _ in range(2):
        assert post(ask().get_json()["interaction_id"], "feedback", event_id="e", score=5).status_code == 201


def test_a_click_returns_the_answer_chosen(post: Callable[..., TestResponse], ask: Ask) -> None:
    """Of a suggestion that was made; a repeat returns it again; anything else is a problem."""
    offered = next(
        body
        for body in (ask(query).get_json() for query in ("tarjeta", "mi tarjeta", "cuenta", "límite", "transferencia"))
        if body["decision"] == "suggest"
    )
    chosen = offered["suggestions"][-1]
    first = post(offered["interaction_id"], "clicks", event_id="e", entry=chosen["entry"])
    assert first.status_code == 201
    assert first.get_json()["reply"]["entry"] == chosen["entry"]
    assert first.get_json()["reply"]["title"] == chosen["title"]
    again = post(offered["interaction_id"], "clicks", event_id="e", entry=chosen["entry"])
    assert (again.status_code, again.get_json()) == (200, first.get_json() | {"recorded": False})
    assert_problem(post(offered["interaction_id"], "clicks", event_id="f", entry="no-such-entry"), 422, "entry")


def test_what_was_answered_had_no_choices(post: Callable[..., TestResponse], interaction: str) -> None:
    """A click on an answer's interaction is refused."""
    assert_problem(post(interaction, "clicks", event_id="e", entry="card-lost"), 422, "entry")


@pytest.mark.parametrize(
    ("what", "body", "where"),
    [
        ("feedback", {"helpful": True}, "event_id"),
        ("feedback", {"event_id": "", "helpful": True}, "event_id"),
        ("feedback", {"event_id": "e" * 201, "helpful": True}, "event_id"),
        ("feedback", {"event_id": "e", "helpful": "yes"}, "helpful"),
        ("feedback", {"event_id": "e", "helpful": 1}, "helpful"),
        ("feedback", {"event_id": "e", "score": 0}, "score"),
        ("feedback", {"event_id": "e", "score": 6}, "score"),
        ("feedback", {"event_id": "e", "score": 4.5}, "score"),
        ("feedback", {"event_id": "e", "score": "5"}, "score"),
        ("feedback", {"event_id": "e", "score": True}, "score"),
        ("feedback", {"event_id": "e", "score": 10**400}, "score"),
        ("feedback", {"event_id": "e", "comment": "c" * 5001}, "comment"),
        ("feedback", {"event_id": "e", "comment": "a\0b"}, "comment"),
        ("feedback", {"event_id": "e", "helpful": True, "stars": 5}, "stars"),
        ("clicks", {"event_id": "e"}, "entry"),
        ("clicks", {"event_id": "e", "entry": ["x"]}, "entry"),
        ("escalations", {}, "event_id"),
        ("escalations", {"event_id": 5}, "event_id"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_event_is_refused(
    post: Callable[..., TestResponse], interaction: str, what: str, body: dict[str, Any], where: str
) -> None:
    """422, and the field at fault."""
    assert_problem(post(interaction, what, **body), 422, where)


def test_feedback_that_says_nothing_is_refused(post: Callable[..., TestResponse], interaction: str) -> None:
    """At least one of helpful, score and comment."""
    assert "at least one" in assert_problem(post(interaction, "feedback", event_id="e"), 422)["detail"]


@pytest.mark.parametrize("what", ["feedback", "clicks", "escalations"])
def test_an_unknown_interaction_is_not_found(post: Callable[..., TestResponse], what: str) -> None:
    """404 for a UUID we never gave out, and for what is no UUID."""
    body = {"event_id": "e"} | ({"helpful": True} if what == "feedback" else {"entry": "x"} if what == "clicks" else {})
    for unknown in (uuid4(), "1", "%00", "../../x", "00000000-0000-0000-0000-00000000000g"):
        assert_problem(post(unknown, what, **body), 404)
