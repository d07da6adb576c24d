"""Every page: no violation that axe finds, in light and dark, wide and narrow, and nothing to scroll sideways."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from kb_service.parts import Parts
from kb_service.storage.records import GoldenCheck

Window = Callable[..., Page]
LOOKS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
PUBLIC = ["/", "/help", "/sign-in", "/docs", "/not-there"]
WORKING = [
    "/admin",
    "/admin/answers",
    "/admin/entries",
    "/admin/entries?q=zzzz",
    "/admin/entries/faq/card-lost",
    "/admin/entries/macro/greeting",
    "/admin/golden-questions",
    "/admin/golden-questions?entry=none",
    "/admin/golden-questions?done=removed&query=hola&right=nothing&locale=en",
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


def _check(parts: Parts, worse: int, report: dict[str, Any]) -> None:
    with parts.database.writing() as work:
        work.golden.add_check(GoldenCheck("000001-abcdef01", None, 4, worse, report, datetime.now(UTC)))
        work.commit()


@pytest.fixture
def golden(parts: Parts) -> Iterator[None]:
    """Golden questions of every grade but one, and a publication that made one of them worse."""
    kept = [
        parts.golden_keeping.add(query, "es-MX", expected, "somebody@aurora.example", note)[0]
        for query, expected, note in (
            ("perdí mi tarjeta en el metro", "card-lost", "Lo que más preguntan los lunes"),
            ("quiero comprar un elefante rosa", "card-lost", None),
            ("mi tarjeta no sirve", None, None),
            ("¿cuánto cuesta sacar dinero del cajero?", "cash-withdrawal-fee", None),
        )
    ]
    change = {"query": kept[0].query, "locale": "es-MX", "before": {"grade": "right"}, "after": {"grade": "wrong"}}
    measures = {"accuracy": 1.0, "coverage": 0.5, "precision": None}
    report = {"fell": ["accuracy", "precision"], "before": measures, "after": measures, "worse": [change], "better": []}
    _check(parts, 1, report)
    yield
    _check(parts, 0, report | {"fell": []})
    for question in kept:
        parts.golden_keeping.remove(question.id)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_working_pages(width: int, scheme: str, window: Window, sign_in: Callable[[Page], Page], golden: None) -> None:
    """Pages of those who work here."""
    page = sign_in(window(width=width, scheme=scheme))
    for address in WORKING:
        page.goto(address)
        assert_accessible(page)


@pytest.mark.parametrize("width", [390, 768, 1024, 1600])
def test_no_width_scrolls_sideways(width: int, window: Window, sign_in: Callable[[Page], Page], golden: None) -> None:
    """From a phone to a wide screen, in the language with the longest words."""
    page = sign_in(window(width=width, language="pt-BR", expected="404"))
    for address in [*PUBLIC, *WORKING]:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), address
