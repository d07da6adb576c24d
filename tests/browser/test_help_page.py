"""A customer on the help page, in a real browser."""

from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Page, expect

from kb_service.parts import Parts

Window = Callable[..., Page]


def ask(page: Page, question: str) -> None:
    """Type a question and press Enter."""
    page.goto("/help")
    page.get_by_role("textbox").fill(question)
    page.keyboard.press("Enter")


def interaction_of(page: Page) -> UUID:
    """The interaction that the address names."""
    return UUID(page.url.split("/questions/")[1].split("/")[0])


def test_a_lost_card_is_answered_and_the_feedback_is_stored(window: Window, parts: Parts) -> None:
    """In Spanish without accents; the focus goes to the answer, and `yes` reaches the database."""
    page = window()
    ask(page, "perdi mi tarjeta en el metro, que hago?")
    answer = page.get_by_role("heading", name="¿Qué hago si pierdo mi tarjeta o me la roban?")
    expect(answer).to_be_focused()
    expect(page.get_by_role("article")).to_contain_text("congela la tarjeta")
    page.get_by_role("button", name="Sí").click()
    expect(page.get_by_text("¡Gracias! Nos alegra que te haya servido.")).to_be_focused()
    with parts.database.reading() as work:
        assert [f.helpful for f in work.events.feedback_of(interaction_of(page))] == [True]


def test_portuguese_is_answered_in_portuguese(window: Window) -> None:
    """The page and the answer."""
    page = window(language="pt-BR")
    ask(page, "perdi meu cartão")
    expect(page.get_by_role("article")).to_contain_text("congele o cartão")
    expect(page.get_by_text("Isso ajudou?")).to_be_visible()


def test_a_choice_leads_to_its_answer_and_back(window: Window, parts: Parts) -> None:
    """The click is recorded; the browser's back button brings the choices again."""
    page = window()
    ask(page, "mi tarjeta no sirve")
    expect(page.get_by_role("heading", name="¿Cuál de estas es?")).to_be_focused()
    choices = page.locator(".choice")
    title = choices.first.inner_text()
    choices.first.click()
    expect(page.get_by_role("heading", name=title)).to_be_focused()
    with parts.database.reading() as work:
        assert len(work.events.clicks_of(interaction_of(page))) == 1
    page.go_back()
    expect(page.get_by_role("heading", name="¿Cuál de estas es?")).to_be_visible()


def test_what_we_do_not_know_goes_to_a_person(window: Window, parts: Parts) -> None:
    """Handed over, and the wish is recorded and confirmed."""
    page = window()
    ask(page, "quiero comprar un elefante rosa")
    expect(page.get_by_role("heading", name="Es mejor que te atienda una persona")).to_be_focused()
    page.locator("#answer").get_by_role("button", name="Hablar con una persona").click()
    expect(page.get_by_text("Tu solicitud de hablar con una persona quedó registrada.")).to_be_visible()
    with parts.database.reading() as work:
        assert work.events.is_escalated(interaction_of(page))


def test_a_person_can_be_asked_for_at_once(window: Window, parts: Parts) -> None:
    """From the first form; the answer we have is shown beside the confirmation."""
    page = window()
    page.goto("/help")
    page.get_by_role("textbox").fill("perdí mi tarjeta")
    page.get_by_role("button", name="Hablar con una persona").click()
    expect(page.get_by_text("Tu solicitud de hablar con una persona quedó registrada.")).to_be_visible()
    expect(page.get_by_role("article")).to_be_visible()
    with parts.database.reading() as work:
        assert work.events.is_escalated(interaction_of(page))


def test_an_example_is_one_click_away(window: Window) -> None:
    """The first chip is answered."""
    page = window()
    page.goto("/help")
    page.locator(".chip").first.click()
    expect(page.get_by_role("article").or_(page.locator(".choices"))).to_be_visible()


def test_mistakes_are_said_in_place_and_the_words_stay(window: Window) -> None:
    """An empty question, then one that is too long."""
    page = window(expected="422")
    ask(page, "")
    expect(page.get_by_role("alert").filter(has_text="Escribe primero tu pregunta.")).to_be_visible()
    page.get_by_role("textbox").fill("x" * 5001)
    page.get_by_role("button", name="Preguntar").click()
    expect(page.get_by_text("Tu pregunta es demasiado larga.")).to_be_visible()
    assert len(page.get_by_role("textbox").input_value()) == 5001


def test_enter_with_shift_begins_a_line(window: Window) -> None:
    """Only Enter alone sends."""
    page = window()
    page.goto("/help")
    page.get_by_role("textbox").type("una")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("dos")
    assert page.get_by_role("textbox").input_value() == "una\ndos"
    assert page.url.endswith("/help")


def test_the_language_switch_stays_on_the_answer(window: Window) -> None:
    """The same question in another language of the page, the answer still in hers."""
    page = window()
    ask(page, "perdí mi tarjeta")
    expect(page.get_by_role("article")).to_be_visible()
    page.get_by_role("link", name="PT Português").click()
    expect(page.get_by_text("Isso ajudou?")).to_be_visible()
    expect(page.get_by_role("article")).to_contain_text("congela la tarjeta")


def test_it_works_without_javascript(window: Window, parts: Parts) -> None:
    """Ask, choose and judge with plain forms."""
    page = window(javascript=False)
    page.goto("/help")
    page.get_by_role("textbox").fill("mi tarjeta no sirve")
    page.get_by_role("button", name="Preguntar").click()
    page.locator(".choice").first.click()
    page.get_by_role("button", name="Sí").click()
    expect(page.get_by_text("¡Gracias!")).to_be_visible()
    with parts.database.reading() as work:
        assert len(work.events.clicks_of(interaction_of(page))) == 1
        assert [f.helpful for f in work.events.feedback_of(interaction_of(page))] == [True]


def test_a_lost_connection_is_said(window: Window) -> None:
    """The words stay and the page says what happened."""
    page = window(expected="htmx:|ERR_INTERNET_DISCONNECTED")
    page.goto("/help")
    page.context.set_offline(True)
    page.get_by_role("textbox").fill("perdí mi tarjeta")
    page.get_by_role("button", name="Preguntar").click()
    expect(page.get_by_text("No pudimos conectar con el servicio.")).to_be_visible()
    assert page.get_by_role("textbox").input_value() == "perdí mi tarjeta"
