"""A real headless Chromium on a real server with the sample base. Without Chromium these tests fail."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from kb_service.web.accounts import create_user
from tests.support.pages import PASSWORD, compile_catalogues

compile_catalogues()

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
HERE = Path(__file__).parent
EMAIL = "browser@aurora.example"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the browser, and only one test process starts it."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def site(sample_app: Flask) -> Iterator[str]:
    """The address of a real server on a free loopback port, with somebody who may do everything."""
    create_user(sample_app, EMAIL, PASSWORD, "admin")
    server = make_server("127.0.0.1", 0, sample_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("there is no chromium on the PATH: run .ci/install-chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def window(chromium: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Opens windows that are closed with the test, and fails it for whatever a page complains of in its console.

    `expected` is a pattern of complaints that the test provokes.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    allowed = [r"htmx:(afterRequest|sendAbort)"]  # what htmx says when a newer request replaces one

    def make(
        *,
        language: str = "es-MX",
        width: int = 1280,
        scheme: str = "light",
        javascript: bool = True,
        expected: str = "",
    ) -> Page:
        context = chromium.new_context(
            base_url=site,
            locale=language,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=javascript,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        context.set_default_timeout(10_000)
        allowed.extend([expected] if expected else [])
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield make
    for context in contexts:
        context.close()
    assert [text for text in complaints if not any(re.search(pattern, text) for pattern in allowed)] == []


@pytest.fixture
def sign_in() -> Callable[[Page], Page]:
    """Signs somebody in who may do everything."""

    def enter(page: Page) -> Page:
        page.goto("/sign-in")
        page.locator("#email").fill(EMAIL)
        page.locator("#password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.locator(".side").wait_for()
        return page

    return enter
