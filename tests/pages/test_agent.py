"""The agent's page without JavaScript: find, fill in, and note the use."""

from collections.abc import Callable

import pytest
from flask import Flask

from kb_service.parts import Parts
from kb_service.web.accounts import create_user
from kb_service.web.agent import nested
from tests.support.bases import macro, publish
from tests.support.pages import PASSWORD, Browser, Page

TICKET = {
    "c.ticket.requester.first_name": "Lucía",
    "c.ticket.id": "4711",
    "c.ticket.requester.email": "lucia@example.org",
    "c.ticket.organization.name": "",
    "c.current_user.first_name": "Ana",
}


@pytest.fixture
def agent(signed_in: Callable[..., Browser]) -> Browser:
    """An agent's browser."""
    return signed_in("agent")


def fill_in(browser: Browser, key: str, locale: str = "es-MX", **more: str) -> Page:
    """Open a macro and send the ticket's fields."""
    page = browser.get(f"/agent?macro={key}&locale={locale}")
    return browser.send(page.form("/preview"), macro=key, locale=locale, **TICKET | more)


def test_the_list_follows_the_words_and_the_language(agent: Browser) -> None:
    """Without words every macro; a shortcut comes first; the locale decides the title."""
    everything = agent.get("/agent?locale=es-MX")
    assert len([e for e in everything.all("a") if e.attributes.get("class") == "result"]) == 28
    for locale, title in {"es-MX": "Saludo", "pt-BR": "Saudação", "en": "Greeting"}.items():
        page = agent.get(f"/agent?q=hola&locale={locale}")
        first = next(e for e in page.all("a") if e.attributes.get("class") == "result")
        assert title in first.text


def test_a_macro_is_filled_in_for_the_ticket(agent: Browser) -> None:
    """Names go where the placeholders were, and nothing is missing."""
    page = fill_in(agent, "greeting")
    assert "¡Hola, Lucía! Soy Ana, de Banco Aurora." in page.words
    assert not [e for e in page.elements if "data-missing" in e.attributes]


def test_what_is_missing_is_marked_and_named(agent: Browser) -> None:
    """An empty field shows as a marked placeholder, and is counted."""
    page = fill_in(agent, "greeting", **{"c.current_user.first_name": ""})
    assert [mark.text for mark in page.all("mark")] == ["[current_user.first_name]"]
    assert "1 value is still missing" in page.words


def test_her_own_name_is_remembered(agent: Browser) -> None:
    """It is typed once a session; the customer's is not kept."""
    fill_in(agent, "greeting")
    page = agent.get("/agent?macro=greeting&locale=es-MX")
    assert "Soy Ana, de Banco Aurora" in page.words
    assert "Lucía" not in page.html


def test_a_use_is_recorded_once_per_form(agent: Browser, parts: Parts, accounts: dict[str, str]) -> None:
    """With what became of it, the revision, the ticket and the agent; only the first press of a form is stored."""
    form = fill_in(agent, "greeting").form("/uses")
    with parts.database.reading() as work:
        before = len(work.events.macro_uses("greeting"))
    agent.send(form, outcome="edited")
    agent.send(form, outcome="sent")
    with parts.database.reading() as work:
        uses = work.events.macro_uses("greeting")[before:]
        account = work.accounts.by_email(accounts["agent"])
    assert account
    assert [(use.sender, use.ticket_id, use.outcome, use.locale, use.agent_id) for use in uses] == [
        ("agent-page", "4711", "edited", "es-MX", f"user:{account.id}")
    ]


def test_typing_on_keeps_the_event_and_another_macro_begins_one(agent: Browser) -> None:
    """One opened macro is one use, however often its fields change."""
    page = fill_in(agent, "greeting")
    event = page.form("/uses").fields["event_id"]
    assert fill_in(agent, "greeting", event_id=event).form("/uses").fields["event_id"] == event
    assert fill_in(agent, "greeting").form("/uses").fields["event_id"] != event


def test_other_placeholders_get_fields_of_their_own(own_app: Callable[..., Flask]) -> None:
    """A macro that asks for more than usual shows a field for it, and keeps it once filled."""
    app = own_app()
    parts: Parts = app.extensions["kb_service"]
    body = "Folio {{ticket.folio}} de {{store}}, {{ticket.requester.first_name}}."
    publish(parts.database, parts.settings.data_dir / "more.jsonl", [macro("folio", body=body)])
    parts.sync.sync()
    parts.live.refresh()
    create_user(app, "own@aurora.example", PASSWORD, "agent")
    browser = Browser(app.test_client())
    browser.sign_in("own@aurora.example")
    page = browser.get("/agent?macro=folio&locale=es-MX")
    assert {"c.ticket.folio", "c.store"} <= {e.attributes.get("name") for e in page.all("input")}
    page = fill_in(browser, "folio", **{"c.ticket.folio": "F-1", "c.store": "Centro"})
    assert "Folio F-1 de Centro, Lucía." in page.words
    assert {"F-1", "Centro"} <= {e.attributes.get("value") for e in page.all("input")}


def test_an_unknown_macro_is_not_found(agent: Browser) -> None:
    """By address, by preview and by use: 404 or 422, no 5xx."""
    agent.get("/agent?macro=nothing", 404)
    page = agent.get("/agent?macro=greeting&locale=es-MX")
    agent.send(page.form("/preview"), 404, macro="nothing")
    agent.send(page.form("/uses"), 404, macro="nothing", outcome="sent")
    for revision in ("99999999", "99999999999999999999", "-1", "0", "none"):
        agent.send(page.form("/uses"), 422, revision=revision, outcome="sent")
    for outcome in ("", "discarded", "copied"):
        agent.send(page.form("/uses"), 422, outcome=outcome)
    agent.get("/agent?locale=klingon", 422)


def test_htmx_gets_only_what_changes(agent: Browser) -> None:
    """Search gives the list, a preview the macro, a use one line."""
    headers = agent.headers | {"HX-Request": "true"}
    assert agent.client.get("/agent?q=hola", headers=headers).text.count("<h1") == 0
    form = agent.get("/agent?macro=greeting&locale=es-MX").form("/uses")
    response = agent.client.post("/agent/uses", data=form.fields | {"outcome": "sent"}, headers=headers)
    assert "Noted, thank you." in response.text
    assert "<h1" not in response.text


@pytest.mark.parametrize("fields", [{"c.store": "x" * 201}, {"c." + "a." * 101: "x"}, {"macro": "x" * 201}])
def test_no_field_takes_more_than_it_says(fields: dict[str, str], agent: Browser) -> None:
    """422; her name would otherwise fill the cookie that keeps her signed in."""
    agent.send(agent.get("/agent?macro=greeting&locale=es-MX").form("/preview"), 422, **fields)


def test_macros_by_meaning_stand_apart_and_nonsense_finds_nothing(agent: Browser) -> None:
    """Under a heading of their own, behind those that begin as typed; real questions still find theirs."""
    apart = {"hola": ["greeting"], "cartao roubado": ["card-replaced"], "devolver dinero": [], "angry customer": []}
    for words, typed in apart.items():
        page = agent.get(f"/agent?q={words}&locale=es-MX")
        assert ("By meaning" in page.words) == (not typed), words
        assert len([e for e in page.all("a") if e.attributes.get("class") == "result"]) >= 1
    for nonsense in ("asdfgh", "qwerty", "zzzzzzzz", "xkcd plugh", "elefante rosa"):
        assert "No macro fits" in agent.get(f"/agent?q={nonsense}&locale=es-MX").words, nonsense


def test_an_empty_base_says_what_to_do(empty_app: Flask) -> None:
    """Without an index the page says that it is being prepared; nothing is a 5xx without words."""
    create_user(empty_app, "agent@aurora.example", PASSWORD, "agent")
    browser = Browser(empty_app.test_client())
    form = browser.get("/sign-in?next=/agent").form("next=/agent")
    page = browser.send(form, 503, email="agent@aurora.example", password=PASSWORD)
    assert page.text("h1") == "We will be right back"


def test_dotted_names_become_what_templates_look_into() -> None:
    """Nested dicts; empty values are left out; names that contradict each other do no harm."""
    assert nested({"a.b": "1", "a.c.d": "2", "e": "3"}) == {"a": {"b": "1", "c": {"d": "2"}}, "e": "3"}
    assert nested({"f.g": ""}) == {"f": {}}
    assert nested({"a": "1", "a.b": "2"}) == {"a": "1"}
    assert nested({"a.b": "2", "a": "1"}) == {"a": "1"}
