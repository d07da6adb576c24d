"""What is true of every page, whoever looks at it; a new page is checked as soon as it has a route."""

from collections.abc import Callable

import pytest
from flask import Flask

from kb_service.storage.accounts import ROLES
from kb_service.web.accounts import ADMIN_ROLES, AGENT_ROLES
from tests.support.pages import Browser, Page

ADDRESSES = {
    "start.page": "/",
    "start.signed_in": "/start",
    "security.login": "/sign-in",
    "help.ask": "/help",
    "agent.macros": "/agent?macro=greeting",
    "admin.overview": "/admin",
    "admin.entries": "/admin/entries?q=tarjeta",
    "admin.entry": "/admin/entries/faq/card-lost",
    "admin.golden": "/admin/golden-questions",
    "admin.answers": "/admin/answers",
    "admin.requests": "/admin/requests",
    "admin.test": "/admin/test?q=perdi+mi+tarjeta",
    "docs.page": "/docs",
}
"""One address of every page. The pages of a question need one to have been asked: see test_help.py."""
NEEDS_A_QUESTION = {"help.question", "help.choice"}
NO_PAGES = {"docs.openapi", "health.alive", "health.ready", "health.metrics"}
MORE = ["/agent", "/agent?q=zzzzzz", "/admin/entries?q=zzzzzz", "/admin/test", "/admin/test?q=elefante+rosa"]
MORE += ["/admin/requests?reference=0", "/admin/golden-questions?entry=zzzzzz"]
MORE += ["/admin/golden-questions?done=removed&query=hola&right=nothing&locale=en"]
MORE += ["/admin/entries/macro/greeting", "/not-there"]
ALL = [*ADDRESSES.values(), *MORE]


def test_every_page_is_listed_here(sample_app: Flask) -> None:
    """A route that people can open is in ADDRESSES, or has a reason not to be."""
    routes = {
        rule.endpoint
        for rule in sample_app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/v1/") and not rule.endpoint.endswith("static")
    }
    assert routes == set(ADDRESSES) | NEEDS_A_QUESTION | NO_PAGES


def _roles_of(endpoint: str) -> set[str]:
    if endpoint.startswith("admin."):
        return set(ADMIN_ROLES)
    return set(AGENT_ROLES) if endpoint.startswith("agent.") else set(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_page_is_shown_to_its_roles_and_refused_to_others(role: str, signed_in: Callable[..., Browser]) -> None:
    """200 for those who may, 403 for those who may not."""
    client = signed_in(role).client
    for endpoint in set(ADDRESSES) - {"start.signed_in", "security.login"}:
        expected = 200 if role in _roles_of(endpoint) else 403
        assert client.get(ADDRESSES[endpoint], headers={"Accept": "text/html"}).status_code == expected, endpoint


@pytest.mark.parametrize("endpoint", ADDRESSES)
def test_working_pages_send_strangers_to_sign_in_and_back(endpoint: str, signed_in: Callable[..., Browser]) -> None:
    """Without a session: the sign-in page, which knows where to go on to."""
    response = signed_in(None).client.get(ADDRESSES[endpoint], headers={"Accept": "text/html"})
    if endpoint.startswith(("admin.", "agent.")):
        assert response.status_code == 302
        assert response.location.startswith("/sign-in?next=/a")
    elif endpoint == "start.signed_in":
        assert response.location == "/"
    else:
        assert response.status_code == 200


@pytest.mark.parametrize("language", ["es-MX", "pt-BR", "en"])
@pytest.mark.parametrize("address", ALL)
def test_a_page_is_well_made(address: str, language: str, signed_in: Callable[..., Browser]) -> None:
    """One h1, which begins the title; its language; closed tags; ids and labels that hold; nothing inline."""
    browser = signed_in(None if address == "/sign-in" else "admin", language)
    page = browser.get(address, 404 if address == "/not-there" else 200)
    assert page.all("html")[0].attributes["lang"] == language
    assert page.text("title").startswith(page.text("h1"))
    _check_ids(page)
    _check_images_and_buttons(page)
    _check_nothing_is_inline(page)


def _check_ids(page: Page) -> None:
    ids = [element.attributes["id"] for element in page.elements if "id" in element.attributes]
    assert sorted(ids) == sorted(set(ids))
    for element in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby"):
            assert set(element.attributes.get(name, "").split()) <= set(ids), element
        assert element.attributes.get("hx-target", "#main")[1:] in ids, element


def _check_images_and_buttons(page: Page) -> None:
    assert all("alt" in image.attributes for image in page.all("img"))
    assert all(element.text.strip() for element in page.all("button") + page.all("a"))
    labelled = {label.attributes["for"] for label in page.all("label")}
    for field in page.all("input") + page.all("select") + page.all("textarea"):
        hidden = field.attributes.get("type") == "hidden" or "hidden" in field.attributes
        assert hidden or field.attributes["id"] in labelled, field


def _check_nothing_is_inline(page: Page) -> None:
    assert not page.all("style")
    for script in page.all("script"):
        assert script.attributes["src"].startswith("/")
        assert script.text == ""
    for element in page.elements:
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")], element


@pytest.mark.parametrize("address", ALL)
def test_headers_forbid_what_no_page_needs(address: str, signed_in: Callable[..., Browser]) -> None:
    """A strict content security policy, no framing, no sniffing, and no copy left in caches."""
    headers = signed_in("admin").client.get(address, headers={"Accept": "text/html"}).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    if not address.startswith("/sign-in"):
        assert headers["Cache-Control"] == "no-store"


def test_static_files_are_kept_and_addressed_by_content(browser: Browser) -> None:
    """Every style sheet and script of a page is there, carries its hash, and may be kept for a year."""
    page = browser.get("/docs")
    addresses = [e.attributes.get("src") or e.attributes["href"] for e in page.all("script") + page.all("link")]
    assert len(addresses) == 9
    for address in addresses:
        with browser.client.get(address) as response:
            assert response.status_code == 200
            assert "immutable" in response.headers["Cache-Control"]
        assert "?v=" in address
