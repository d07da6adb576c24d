"""The admin pages: what the base holds, and why it answers as it does."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask

from kb_service.parts import Parts
from kb_service.web.accounts import create_user
from kb_service.web.rendering import percent
from tests.support.bases import faq, publish, write_lines
from tests.support.pages import PASSWORD, Browser, Page


@pytest.fixture
def viewer(signed_in: Callable[..., Browser]) -> Browser:
    """A viewer's browser: the least role that sees these pages."""
    return signed_in("viewer")


@pytest.fixture
def small(empty_app: Flask) -> Browser:
    """A browser on a base of 120 entries, one of them with a draft newer than what is live."""
    parts: Parts = empty_app.extensions["kb_service"]
    path = parts.settings.data_dir / "entries.jsonl"
    publish(parts.database, path, [faq(f"entry-{number:03}") for number in range(120)])
    changed = write_lines(path, [faq("entry-000", answer="Respuesta **nueva**."), faq("draft-only", "en")])
    parts.importing.apply(parts.importing.preview(changed, publish=False), author="Ana")
    create_user(empty_app, "viewer@aurora.example", PASSWORD, "viewer")
    browser = Browser(empty_app.test_client())
    browser.sign_in("viewer@aurora.example")
    return browser


def keys(page: Page) -> list[str]:
    """The keys in a list of entries."""
    return [element.text for element in page.all("code") if element.attributes.get("class") == "key"]


def test_the_overview_counts_and_names_the_index(viewer: Browser, parts: Parts) -> None:
    """How many FAQs and macros, and which index answers."""
    page = viewer.get("/admin")
    assert "39 FAQs for customers" in page.words.replace("39FAQs", "39 FAQs")
    assert parts.live.current().snapshot.version in page.words


def test_an_empty_base_says_how_to_fill_it(empty_app: Flask) -> None:
    """Overview, list and tester each name the next step."""
    create_user(empty_app, "viewer@aurora.example", PASSWORD, "viewer")
    browser = Browser(empty_app.test_client())
    browser.sign_in("viewer@aurora.example")
    assert "kb import faqs.jsonl --publish" in browser.get("/admin").words
    assert "kb index sync" in browser.get("/admin").words
    assert "kb import faqs.jsonl --publish" in browser.get("/admin/entries").words
    assert "Nobody has asked for a person" in browser.get("/admin/requests").words
    assert "This could not be tested." in browser.get("/admin/test?q=hola").words


def test_the_list_is_read_page_after_page(small: Browser) -> None:
    """Every entry once, in order, and a way back to the first page."""
    seen: list[str] = []
    address = "/admin/entries?kind=faq"
    while address:
        page = small.get(address)
        seen += keys(page)
        following = [e.attributes["href"] for e in page.all("a") if e.attributes.get("rel") == "next"]
        address = following[0] if following else ""
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 121
    assert "First page" in page.words


def test_the_list_is_searched_and_filtered(viewer: Browser) -> None:
    """By words of the title or key, by kind, by locale; htmx gets the list alone."""
    assert keys(viewer.get("/admin/entries?q=lost&locale=es-MX")) == ["card-lost"]
    assert len(keys(viewer.get("/admin/entries?kind=macro&locale=pt-BR&q=greet"))) == 1
    assert "No entry fits" in viewer.get("/admin/entries?q=zzzz").words
    fragment = viewer.client.get("/admin/entries?q=lost", headers=viewer.headers | {"HX-Request": "true"}).text
    assert "<h1" not in fragment
    assert "card-lost" in fragment


@pytest.mark.parametrize("query", ["after=nonsense", "kind=poem", "locale=klingon", "q=" + "x" * 300])
def test_a_forged_address_is_refused(query: str, viewer: Browser) -> None:
    """422, no 5xx."""
    viewer.get(f"/admin/entries?{query}", 422)


def test_an_entry_shows_its_locales_side_by_side(viewer: Browser) -> None:
    """All three, each with its state; the heading is in the page's language."""
    page = viewer.get("/admin/entries/faq/card-lost")
    assert {section.attributes.get("id") for section in page.all("section")} == {"es-MX", "pt-BR", "en"}
    assert page.text("h1") == "What should I do if my card is lost or stolen?"
    assert page.words.count("Published") == 3
    viewer.get("/admin/entries/faq/nothing", 404)
    viewer.get("/admin/entries/poem/card-lost", 404)


def test_a_newer_draft_stands_beside_what_is_live(small: Browser) -> None:
    """Both texts, and a badge that says so; a draft that was never published says that."""
    page = small.get("/admin/entries/faq/entry-000")
    assert "Published, newer draft" in page.words
    assert "Respuesta nueva." in page.words
    assert "Respuesta de entry-000." in page.words
    assert "Draft, not published" in small.get("/admin/entries/faq/draft-only").words


@pytest.mark.parametrize(
    ("query", "badge", "sentence"),
    [
        ("perdi mi tarjeta", "Answer", "We would answer by ourselves"),
        ("mi tarjeta no sirve", "Choices", "We are not sure enough to answer by ourselves"),
        ("receta de mole poblano", "Person", "Nothing comes close enough"),
    ],
)
def test_the_tester_says_what_would_happen_and_why(
    query: str, badge: str, sentence: str, viewer: Browser, parts: Parts
) -> None:
    """The decision in one sentence, confidence in words too, the nearest phrasing, and nothing stored."""
    page = viewer.get(f"/admin/test?q={query}")
    considered = parts.questions.consider(query, None)
    assert f"Decision{badge}" in page.words.replace(" ", "").replace("Decision", "Decision") or badge in page.words
    assert sentence in page.words
    assert considered.ranked[0].phrasing in page.words
    assert considered.index_version in page.words
    (bar,) = [e for e in page.all("svg") if e.attributes.get("class") == "confidence"]
    assert bar.attributes["aria-label"].startswith("Confidence ")


def test_the_tester_takes_the_locale_it_is_given(viewer: Browser) -> None:
    """Portuguese for a Spanish question, when asked to."""
    assert "Portuguese (Brazil) (given)" in viewer.get("/admin/test?q=perdi+mi+tarjeta&locale=pt-BR").words
    assert "Spanish (Mexico) (recognised)" in viewer.get("/admin/test?q=perdí+mi+tarjeta").words


def test_a_question_too_long_is_said_in_place(viewer: Browser) -> None:
    """No 5xx, and the reason."""
    assert "5001 characters" in viewer.get(f"/admin/test?q={'x' * 5001}").words


def test_the_field_holds_what_an_address_can_carry(viewer: Browser) -> None:
    """500 accents and a locale stay below gunicorn's 4,094 bytes of request line, and the page says how many."""
    page = viewer.get("/admin/test")
    (field,) = [e for e in page.all("input") if e.attributes.get("id") == "q"]
    longest = int(field.attributes["maxlength"])
    assert f"at most {longest} characters" in page.words
    assert len(f"GET /admin/test?q={'%C3%A9' * longest}&locale=es-MX HTTP/1.1") < 4094
    assert viewer.get(f"/admin/test?q={'%C3%A9' * longest}").text("h1") == "Question tester"


@pytest.mark.parametrize(
    ("share", "bounds", "shown"),
    [
        (0.92, [0.3, 0.85], "92%"),
        (0.29996, [0.3, 0.85], "29.996%"),
        (0.2995, [0.3], "29.9%"),
        (0.849, [0.85], "84.9%"),
        (0.85, [0.85], "85%"),
        (0.8534, [0.8534], "85.34%"),
        (0.8534, [], "85%"),
        (0.0, [0.3], "0%"),
        (1.0, [0.3], "100%"),
    ],
)
def test_a_rounded_share_stays_on_its_side_of_a_threshold(
    share: float, bounds: list[float], shown: str, sample_app: Flask
) -> None:
    """No sentence says that 30 % is reached, and 30 % needed, where it was not enough."""
    with sample_app.test_request_context(headers={"Accept-Language": "en"}):
        assert percent(share, bounds) == shown


@pytest.mark.parametrize("language", ["es", "pt", "en"])
def test_what_the_confidence_rests_on_is_said_in_her_language(language: str, signed_in: Callable[..., Browser]) -> None:
    """Not in English on a Spanish page."""
    said = {
        "es": "preguntas con respuesta conocida",
        "pt": "perguntas com resposta conhecida",
        "en": "questions whose answer is known",
    }
    assert said[language] in signed_in("viewer", language).get("/admin/test?q=perdi+mi+tarjeta").words


def test_an_entry_leads_to_the_tester_and_says_how_it_is_edited(viewer: Browser) -> None:
    """A published FAQ has a link that asks its own question; times name their zone."""
    page = viewer.get("/admin/entries/faq/card-lost")
    link = next(e for e in page.all("a") if e.text == "Try a question for this entry")
    assert "card-lost" in viewer.get(link.attributes["href"]).html
    assert "kb import entries.jsonl --publish" in page.words
    assert all(e.text.endswith(" UTC") for e in page.all("time"))
    assert "Try a question" not in viewer.get("/admin/entries/macro/greeting").words


def test_a_request_for_a_person_is_found_by_its_number(viewer: Browser, browser: Browser, parts: Parts) -> None:
    """The question without personal data, what was shown, and the number however it is written."""
    query = f"perdí mi tarjeta, escríbeme a ana-{uuid4().hex}@b.mx"
    page = browser.send(browser.get("/help").form("/help"), query=query, wish="person")
    assert "•••" in page.words
    number = page.words.split("Its number is ")[1][:8]
    for written in (number, number.lower(), f" {number[:4]} {number[4:]} "):
        found = viewer.get(f"/admin/requests?reference={written}")
        assert [e.text for e in found.all("code") if e.text == number] == [number]
        assert "perdí mi tarjeta, escríbeme a [email]" in found.words
        assert "¿Qué hago si pierdo mi tarjeta o me la roban?" in found.words
    assert number in viewer.get("/admin/requests").words
    for wrong in ("00000000", "12", "%", "zzzzzzzz", "x" * 200):
        assert "No request has this number" in viewer.get(f"/admin/requests?reference={wrong}").words


def test_requests_are_read_page_after_page(own_app: Callable[..., Flask]) -> None:
    """Newest first, each once; a cursor that is none is refused."""
    app = own_app()
    create_user(app, "pages@aurora.example", PASSWORD, "viewer")
    viewer, customer = Browser(app.test_client()), Browser(app.test_client())
    viewer.sign_in("pages@aurora.example")
    for number in range(51):
        customer.send(customer.get("/help").form("/help"), query=f"elefante {number:02}", wish="person")
    first = viewer.get("/admin/requests")
    rest = viewer.get(next(e.attributes["href"] for e in first.all("a") if e.attributes.get("rel") == "next"))
    asked = [e.text for page in (first, rest) for e in page.all("td") if e.attributes.get("class") == "cell-title"]
    assert asked[:51] == [f"elefante {number:02}" for number in reversed(range(51))]
    for cursor in ("none", "0", "99999999999999999999"):
        viewer.get(f"/admin/requests?before={cursor}", 422)
