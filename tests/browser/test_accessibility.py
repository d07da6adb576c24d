"""Every page: no violation that axe finds, in light and dark, wide and narrow, and nothing to scroll sideways."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

Window = Callable[..., Page]
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
PUBLIC = ["/", "/help", "/sign-in", "/docs", "/not-there"]
WORKING = [
    "/admin",
    "/admin/entries",
    "/admin/entries?q=zzzz",
    "/admin/entries/faq/card-lost",
    "/admin/entries/macro/greeting",
    "/admin/requests",
    "/admin/requests?reference=none",
    "/admin/test",
    "/admin/test?q=perdi+mi+tarjeta",
    "/admin/test?q=mi+tarjeta+no+sirve",
    "/agent",
    "/agent?macro=greeting",
    "/agent?q=zzzzzzzz",
]
QUESTIONS = ["perdí mi tarjeta", "mi tarjeta no sirve", "quiero comprar un elefante rosa", ""]


def assert_accessible(page: Page) -> None:
    """axe finds nothing, and the page is as wide as its window."""
    found = Axe().run(page).response["violations"]
    told = [f"{v['id']}: {v['help']}: {[node['target'] for node in v['nodes']][:4]}" for v in found]
    assert told == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} scrolls sideways"


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_public_pages(width: int, scheme: str, window: Window) -> None:
    """Pages that everybody sees."""
    page = window(width=width, scheme=scheme, expected="404")
    for address in PUBLIC:
        page.goto(address)
        if address == "/docs":
            page.locator(".opblock").first.wait_for()
        assert_accessible(page)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_answers(width: int, scheme: str, window: Window) -> None:
    """An answer, choices, a handoff, a mistake, a thank-you and a confirmation."""
    page = window(width=width, scheme=scheme, expected="422")
    for question in QUESTIONS:
        page.goto("/help")
        page.get_by_role("textbox").fill(question)
        page.keyboard.press("Enter")
        page.locator("#answer h2[data-focus], #problem").wait_for()
        assert_accessible(page)
    page.goto("/help")
    page.get_by_role("textbox").fill(QUESTIONS[0])
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sí").click()
    page.locator(".thanks").wait_for()
    page.locator("#answer").get_by_role("button", name="Hablar con una persona").click()
    page.locator(".alert-success").wait_for()
    assert_accessible(page)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_working_pages(width: int, scheme: str, window: Window, sign_in: Callable[[Page], Page]) -> None:
    """Pages of those who work here."""
    page = sign_in(window(width=width, scheme=scheme))
    for address in WORKING:
        page.goto(address)
        assert_accessible(page)


@pytest.mark.parametrize("width", [390, 768, 1024, 1600])
def test_no_width_scrolls_sideways(width: int, window: Window, sign_in: Callable[[Page], Page]) -> None:
    """From a phone to a wide screen, in the language with the longest words."""
    page = sign_in(window(width=width, language="pt-BR", expected="404"))
    for address in [*PUBLIC, *WORKING]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
