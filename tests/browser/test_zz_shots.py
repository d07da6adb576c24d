def test_shots(window, sign_in):
    for width in (1280, 390):
        page = sign_in(window(width=width, language="es-MX"))
        for name, address in {
            "agent": "/agent?q=devolver+dinero",
            "agentm": "/agent?macro=greeting",
            "test": "/admin/test?q=cajero",
            "requests": "/admin/requests",
            "entry": "/admin/entries/faq/card-lost",
            "start": "/",
            "help": "/help",
        }.items():
            page.goto(address)
            page.screenshot(path=f"/tmp/w/{name}-{width}.png", full_page=name != "agentm")
        page.goto("/agent?macro=greeting")
        page.locator("#copy-button").click()
        page.wait_for_timeout(300)
        page.screenshot(path=f"/tmp/w/copied-{width}.png", full_page=width == 1280)
        for name, q in {"one": "cajero 4111 1111 1111 1111", "hand": "quiero comprar un elefante rosa"}.items():
            page.goto("/help")
            page.get_by_role("textbox").fill(q)
            page.keyboard.press("Enter")
            page.locator("#answer h2[data-focus]").wait_for()
            if name == "hand":
                page.locator("#answer").get_by_role("button", name="Hablar con una persona").click()
                page.locator(".alert-success").wait_for()
            page.screenshot(path=f"/tmp/w/{name}-{width}.png")
        page.goto("/admin/requests")
        page.screenshot(path=f"/tmp/w/requests2-{width}.png")
