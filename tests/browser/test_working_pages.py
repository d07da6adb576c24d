"""An agent and a curator at work, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from kb_service.parts import Parts

Window = Callable[..., Page]
SignIn = Callable[[Page], Page]


def test_an_agent_finds_and_copies_a_macro_by_keyboard_alone(window: Window, sign_in: SignIn, parts: Parts) -> None:
    """Type, Enter, Enter: the text is on the clipboard, filled in; Tab, Enter says that it was sent, once."""
    page = sign_in(window())
    page.goto("/agent")
    page.get_by_label("Nombre del cliente").fill("Lucía")
    page.get_by_label("Número de ticket").fill("4711")
    page.get_by_label("Tu nombre").fill("Ana")
    page.get_by_label("Tu nombre").blur()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("hola")
    page.keyboard.press("Enter")
    expect(page.locator("#copy-button")).to_be_focused()
    expect(page.locator("#macro-text")).to_contain_text("¡Hola, Lucía! Soy Ana, de Banco Aurora.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Copiada. Pégala en la respuesta.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("¡Hola, Lucía! Soy Ana, de Banco Aurora.")
    kinds = page.evaluate("navigator.clipboard.read().then(items => items.flatMap(item => item.types))")
    assert set(kinds) == {"text/plain", "text/html"}
    with parts.database.reading() as work:
        before = len(work.events.macro_uses("greeting"))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Anotado, gracias.")).to_be_focused()
    with parts.database.reading() as work:
        assert len(work.events.macro_uses("greeting")) == before + 1
        use = work.events.macro_uses("greeting")[-1]
    assert (use.sender, use.ticket_id, use.outcome, use.locale) == ("agent-page", "4711", "sent", "es-MX")


def test_arrows_walk_through_the_results(window: Window, sign_in: SignIn) -> None:
    """Down from the search into the list, up again back into the search, Enter opens."""
    page = sign_in(window())
    page.goto("/agent")
    page.locator("#q").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("a.result").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-current", "true")
    page.locator("a.result").first.focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator("#q")).to_be_focused()


def test_enter_waits_for_what_was_typed(window: Window, sign_in: SignIn) -> None:
    """Typed at once and entered at once, the macro opened is that of the words, not the first of the old list."""
    page = sign_in(window())
    page.goto("/agent")
    page.locator("#q").fill("reemb")
    page.keyboard.press("Enter")
    expect(page.locator("#preview h2")).to_have_text("Reembolso del comercio en tránsito")


def test_results_follow_the_typing_and_the_language(window: Window, sign_in: SignIn) -> None:
    """As she types; another language shows its own titles; the address can be reloaded."""
    page = sign_in(window())
    page.goto("/agent")
    page.locator("#q").press_sequentially("hola", delay=20)
    expect(page.locator("a.result").first).to_contain_text("Saludo")
    page.get_by_label("Idioma del cliente").select_option("pt-BR")
    expect(page.locator("a.result").first).to_contain_text("Saudação")
    assert "q=hola" in page.url
    page.reload()
    expect(page.locator("a.result").first).to_contain_text("Saudação")


def test_another_language_fills_the_open_macro_in_again(window: Window, sign_in: SignIn) -> None:
    """What is seen and copied is in the customer's language, and the ticket's values stay."""
    page = sign_in(window())
    page.goto("/agent")
    page.get_by_label("Nombre del cliente").fill("Lucía")
    page.locator("#q").fill("hola")
    page.keyboard.press("Enter")
    expect(page.locator("#macro-text")).to_contain_text("¡Hola, Lucía!")
    page.get_by_label("Idioma del cliente").select_option("pt-BR")
    expect(page.locator("#macro-text")).to_contain_text("Oi, Lucía!")
    expect(page.locator("a.result[aria-current]")).to_contain_text("Saudação")
    page.locator("#copy-button").click()
    expect(page.locator("#copied")).not_to_be_empty()
    assert "Oi, Lucía!" in page.evaluate("navigator.clipboard.readText()")


def test_without_javascript_a_use_is_said_without_copying(window: Window, parts: Parts, sign_in: SignIn) -> None:
    """The text is selected by hand; the two buttons are there, the one that copies is not."""
    page = sign_in(window(javascript=False))
    page.goto("/agent?macro=close-solved&locale=es-MX")
    expect(page.locator("#copy-button")).to_be_hidden()
    page.get_by_role("button", name="La envié con cambios").click()
    with parts.database.reading() as work:
        assert work.events.macro_uses("close-solved")[-1].outcome == "edited"


def test_what_is_missing_stands_out_until_it_is_filled(window: Window, sign_in: SignIn) -> None:
    """The field and the text are marked; typing fills the text in, and the focus stays where she types."""
    page = sign_in(window())
    page.goto("/agent")
    page.locator("#q").fill("reemb")
    page.keyboard.press("Enter")
    field = page.get_by_label("Número de ticket")
    expect(page.locator("mark", has_text="[ticket.id]")).to_be_visible()
    expect(field).to_have_class("form-control is-missing")
    field.press_sequentially("4711", delay=30)
    expect(page.locator("#macro-text")).to_contain_text("4711")
    expect(field).to_have_class("form-control")
    expect(field).to_be_focused()


def test_a_curator_signs_in_and_tests_a_question(window: Window, sign_in: SignIn) -> None:
    """From the overview, and one click leads to the entry that would answer."""
    page = sign_in(window())
    expect(page.get_by_role("heading", name="Resumen")).to_be_visible()
    page.get_by_label("Pregunta", exact=True).fill("perdi mi tarjeta")
    page.get_by_role("button", name="Probar").click()
    expect(page.get_by_text("Responderíamos automáticamente: la confianza")).to_be_visible()
    expect(page.get_by_role("img", name="Confianza")).to_be_visible()
    page.get_by_text("Cómo se forma la confianza").first.click()
    expect(page.get_by_role("cell", name="Ventaja sobre todas las demás entradas")).to_be_visible()
    page.locator(".entry-question a").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("¿Qué hago si pierdo mi tarjeta o me la roban?")


def test_a_curator_reads_what_is_promised(window: Window, sign_in: SignIn) -> None:
    """From the overview; the diagram has a name, and its numbers unfold beside it."""
    page = sign_in(window())
    page.get_by_role("link", name="Cómo lo sabemos").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Qué tan seguros estamos")
    expect(page.get_by_role("img", name="Cuántas veces la primera entrada fue la correcta")).to_be_visible()
    page.get_by_text("Lo mismo en una tabla").click()
    expect(page.get_by_role("columnheader", name="Preguntas")).to_be_visible()


def test_a_curator_keeps_a_golden_question_and_takes_it_back(window: Window, sign_in: SignIn, parts: Parts) -> None:
    """From the tester with two clicks; removed, it stands in the form and is kept again with one."""
    page = sign_in(window())
    page.goto("/admin/test?q=me+robaron+mi+tarjeta+de+oro")
    page.get_by_label("Respuesta correcta").select_option("card-lost")
    page.get_by_role("button", name="Guardar como pregunta de referencia").click()
    row = page.get_by_role("row", name="me robaron mi tarjeta de oro")
    expect(page.get_by_text("La pregunta de referencia quedó guardada.")).to_be_visible()
    expect(row.get_by_role("link", name="¿Qué hago si pierdo mi tarjeta o me la roban?").first).to_be_visible()
    row.get_by_role("button", name="Quitar").click()
    expect(row).to_have_count(0)
    expect(page.get_by_label("Pregunta", exact=True)).to_have_value("me robaron mi tarjeta de oro")
    expect(page.get_by_label("La responde esta entrada")).to_be_checked()
    page.get_by_role("button", name="Guardar", exact=True).click()
    expect(row).to_have_count(1)
    (kept,) = [question for question in parts.golden.all("card-lost") if "de oro" in question.query]
    assert (kept.locale, kept.added_by) == ("es-MX", "browser@aurora.example")
    parts.golden_keeping.remove(kept.id)


def test_entries_are_searched_as_she_types(window: Window, sign_in: SignIn) -> None:
    """Without a button; the switch of languages keeps the words."""
    page = sign_in(window())
    page.goto("/admin/entries")
    page.get_by_label("Buscar en títulos y claves").press_sequentially("card-lost", delay=20)
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="EN English").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.get_by_role("heading", level=1)).to_have_text("Entries")


def test_the_api_description_runs_under_the_policy(window: Window) -> None:
    """Swagger UI lists the routes and opens one; `window` fails for any error in the console."""
    page = window(language="en")
    page.goto("/docs")
    page.locator(".opblock-summary", has_text="/v1/auto-replies").click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    expect(page.get_by_role("link", name="Description for programs (OpenAPI)")).to_be_visible()


def test_on_a_phone_the_ticket_is_not_under_a_long_list(window: Window, sign_in: SignIn) -> None:
    """Ten macros until she searches, and a word about the others."""
    page = sign_in(window(width=390))
    page.goto("/agent")
    expect(page.locator("a.result:visible")).to_have_count(10)
    expect(page.get_by_text("Busca para ver las demás.")).to_be_visible()


def test_a_button_is_as_high_as_the_field_beside_it(window: Window, sign_in: SignIn) -> None:
    """On the tester, its top and bottom in line with the field's."""
    page = sign_in(window())
    page.goto("/admin/test")
    field, button = page.locator("#q").bounding_box(), page.get_by_role("button", name="Probar").bounding_box()
    assert field
    assert button
    assert abs(field["y"] - button["y"]) < 1
    assert abs(field["height"] - button["height"]) < 1
