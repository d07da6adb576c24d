"""What hostile content and hostile sites try."""

import json
from collections.abc import Callable

import pytest
from flask import Flask

from kb_service.parts import Parts
from kb_service.web.accounts import create_user
from tests.support.bases import faq, macro, publish
from tests.support.pages import PASSWORD, Browser, Page

NASTY = """<script>alert(1)</script> [click](javascript:alert(2)) <img src=x onerror=alert(3)>

![x](javascript:alert(4)) <a href="data:text/html,x" style="color:red">y</a>

[ok](https://bank.example/ "t\\" onclick=a")

# A heading of its own"""
TITLE = "¿\"><script>alert(5)</script>' onmouseover=alert(6)?"
HOSTILE = [
    "/admin/entries?q=script",
    "/admin/entries/faq/nasty",
    "/admin/entries/macro/nasty",
    "/admin/test?q=alert",
    "/agent?q=script&locale=es-MX",
    "/agent?macro=nasty&locale=es-MX",
    "/help",
    '/admin/test?q="><script>alert(1)</script>',
    '/agent?q="><script>alert(1)</script>',
    '/admin/entries?q="><script>alert(1)</script>',
    '/admin/golden-questions?entry="><script>alert(1)</script>&query=</textarea><script>alert(2)</script>',
    "/nothing/<script>alert(1)</script>",
    '/help?x="><script>alert(1)</script>',
]


@pytest.fixture
def hostile(own_app: Callable[..., Flask]) -> Browser:
    """An administrator's browser on a base whose content attacks its readers."""
    app = own_app()
    parts: Parts = app.extensions["kb_service"]
    lines = [faq("nasty", question=TITLE, answer=NASTY, keywords=[{"term": TITLE}], tags=[TITLE], product=TITLE)]
    publish(parts.database, parts.settings.data_dir / "x.jsonl", [*lines, macro("nasty", title=TITLE, body=NASTY)])
    parts.sync.sync()
    parts.live.refresh()
    create_user(app, "own@aurora.example", PASSWORD, "admin")
    browser = Browser(app.test_client())
    browser.sign_in("own@aurora.example")
    return browser


def assert_harmless(page: Page) -> None:
    """Nothing in the page runs or leads where it should not."""
    assert all(script.attributes.get("src", "").startswith("/") for script in page.all("script"))
    for element in page.elements:
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element
        for name in ("href", "src", "action"):
            assert not element.attributes.get(name, "").lower().startswith(("javascript:", "data:")), element
    assert len(page.all("h1")) == 1


def test_no_page_lets_content_act(hostile: Browser) -> None:
    """Content and addresses are shown, never run."""
    for address in HOSTILE:
        response = hostile.client.get(address, headers=hostile.headers)
        assert response.status_code in (200, 404), address
        assert_harmless(Page(response.text))


def test_a_hostile_answer_is_harmless_to_a_customer(hostile: Browser) -> None:
    """Its text is shown, its heading goes below the page's, its safe link stays."""
    form = hostile.get("/help").form("/help")
    page = hostile.send(form, query=TITLE)
    if not page.all("article"):  # a choice, as the words are odd
        page = hostile.send(page.form("/choices"), entry="nasty")
    assert_harmless(page)
    article = page.all("article")[0].text
    assert "<script>alert(1)</script>" in article
    assert any(e.attributes.get("href") == "https://bank.example/" for e in page.all("a"))


@pytest.mark.parametrize("path", ["/help", "/sign-in", "/sign-out", "/agent/preview", "/agent/uses"])
def test_forms_without_their_token_are_refused(path: str, signed_in: Callable[..., Browser]) -> None:
    """400 with a page that says what to do, whoever is signed in; a wrong token is no better."""
    browser = signed_in("admin")
    for data in ({}, {"csrf_token": "forged"}):
        response = browser.client.post(path, data=data, headers=browser.headers)
        assert response.status_code == 400
        assert "This form is out of date" in response.text


def test_a_question_of_a_customer_needs_its_token_too(browser: Browser) -> None:
    """Feedback, choices and persons as well."""
    for action in ("feedback", "choices", "person"):
        path = f"/help/questions/00000000-0000-0000-0000-000000000000/{action}"
        assert browser.client.post(path, data={"event_id": "x"}).status_code == 400


def test_the_api_needs_a_key_and_no_token(sample_app: Flask, auth: Callable[..., dict[str, str]]) -> None:
    """Keys are not sent by browsers on their own, so there is nothing to forge; a session is no key."""
    client = sample_app.test_client()
    body = {"query": "perdí mi tarjeta", "channel": "chat", "customer_id": "c"}
    assert client.post("/v1/auto-replies", json=body, headers=auth("reply")).status_code == 200
    assert client.post("/v1/auto-replies", json=body).status_code == 401


def test_addresses_that_are_not_there_are_not_forgeries(browser: Browser) -> None:
    """404 and 405 stay what they are."""
    assert browser.client.post("/nothing").status_code == 404
    assert browser.client.post("/healthz").status_code == 405


def test_errors_reach_programs_as_json_and_people_as_pages(browser: Browser) -> None:
    """By what the caller accepts."""
    problem = browser.client.get("/nothing", headers={"Accept": "application/json"})
    assert json.loads(problem.text)["status"] == 404
    assert Page(browser.client.get("/nothing", headers=browser.headers).text).text("h1") == "There is nothing here"
