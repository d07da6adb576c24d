"""Fixtures of the page tests: browsers without JavaScript, signed in as each role."""

from collections.abc import Callable

import pytest
from flask import Flask

from kb_service.app import create_app
from kb_service.settings import Settings
from kb_service.storage.accounts import ROLES
from kb_service.web.accounts import create_user
from tests.support.pages import PASSWORD, Browser, compile_catalogues

compile_catalogues()  # at collection: an application keeps the catalogues it first sees


@pytest.fixture(scope="session")
def accounts(sample_app: Flask) -> dict[str, str]:
    """The e-mail address of somebody in each role, in the shared application."""
    emails = {role: f"{role}@aurora.example" for role in ROLES}
    for role, email in emails.items():
        create_user(sample_app, email, PASSWORD, role)
    return emails


@pytest.fixture(scope="session")
def signed_in(sample_app: Flask, accounts: dict[str, str]) -> Callable[..., Browser]:
    """Makes a browser, signed in with this role; None is nobody. Each role signs in once, as hashing takes its time."""
    sessions: dict[str, str] = {}

    def make(role: str | None, language: str = "en") -> Browser:
        browser = Browser(sample_app.test_client(), language)
        if role and role in sessions:
            browser.client.set_cookie("session", sessions[role])
        elif role:
            browser.sign_in(accounts[role])
            cookie = browser.client.get_cookie("session")
            assert cookie
            sessions[role] = cookie.value
        return browser

    return make


@pytest.fixture
def browser(sample_app: Flask) -> Browser:
    """A customer's browser."""
    return Browser(sample_app.test_client())


@pytest.fixture
def empty_app(make_settings: Callable[..., Settings]) -> Flask:
    """An application on a knowledge base without content, whose index is not loaded."""
    app = create_app(make_settings())
    parts = app.extensions["kb_service"]
    parts.settings.data_dir.mkdir(exist_ok=True)
    parts.database.migrate()
    return app
