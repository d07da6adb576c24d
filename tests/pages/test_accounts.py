"""Signing in: who can, what is said to those who cannot, and where it leads."""

from collections.abc import Callable
from urllib.parse import urlencode, urljoin, urlsplit

import pytest
from flask import Flask

from kb_service.errors import Conflict, InvalidInput
from kb_service.parts import Parts
from kb_service.storage.accounts import ROLES
from kb_service.web.accounts import create_user
from tests.support.pages import PASSWORD, Browser, Page


@pytest.mark.parametrize(("role", "heading"), [("viewer", "Overview"), ("agent", "Macros"), ("admin", "Overview")])
def test_signing_in_leads_to_the_page_of_the_role(role: str, heading: str, signed_in: Callable[..., Browser]) -> None:
    """An agent gets her macros, the others the overview; signing in again changes nothing."""
    browser = signed_in(role)
    assert browser.get("/start").text("h1") == heading
    assert browser.get("/sign-in").text("h1") == heading


def test_signing_in_goes_on_to_the_page_asked_for(browser: Browser, accounts: dict[str, str]) -> None:
    """`next` is followed within the site."""
    form = browser.get("/admin/test?q=hola").form("next=/admin/test?q%3Dhola")
    page = browser.send(form, email=accounts["viewer"], password=PASSWORD)
    assert page.text("h1") == "Question tester"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", r"/\evil.example", "/\t/evil.example", "javascript:alert(1)"]
)
def test_signing_in_never_leads_elsewhere(target: str, browser: Browser, accounts: dict[str, str]) -> None:
    """A foreign `next` is left out of the form; one that is sent all the same is refused or stays here."""
    page = Page(browser.client.get("/sign-in", query_string={"next": target}, headers=browser.headers).text)
    fields = page.form("").fields | {"email": accounts["viewer"], "password": PASSWORD}
    addresses = [page.form("").attributes["action"], f"/sign-in?{urlencode({'next': target})}"]
    for address in addresses:
        response = browser.client.post(address, data=fields)
        location = response.headers.get("Location", "/")
        assert "\\" not in location  # browsers read it as a slash
        assert urlsplit(urljoin("http://here/", location))[:2] == ("http", "here")


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("viewer@aurora.example", "wrong"),
        ("nobody@aurora.example", PASSWORD),
        ("nonsense", PASSWORD),
        ("", ""),
    ],
)
def test_every_refusal_reads_the_same(email: str, password: str, browser: Browser, accounts: dict[str, str]) -> None:
    """Nobody learns which addresses have an account."""
    page = browser.sign_in(email, password)
    assert "The e-mail address or the password is not right." in page.words
    assert page.text("h1") == "Sign in"


def test_case_does_not_matter_in_an_address(browser: Browser, accounts: dict[str, str]) -> None:
    """People write their address as they like."""
    assert browser.sign_in("Viewer@AURORA.example").text("h1") == "Overview"


def test_signing_out_ends_the_session(signed_in: Callable[..., Browser]) -> None:
    """By a form only: a link from elsewhere cannot sign anybody out."""
    browser = signed_in("viewer")
    browser.get("/sign-out", 405)
    assert browser.send(browser.get("/admin").form("/sign-out")).text("h1") == "Sign in"
    assert browser.get("/admin").text("h1") == "Sign in"


def test_an_account_that_is_closed_is_signed_out(own_app: Callable[..., Flask]) -> None:
    """Closing it takes effect at the next request."""
    app = own_app()
    create_user(app, "gone@aurora.example", PASSWORD, "viewer")
    browser = Browser(app.test_client())
    assert browser.sign_in("gone@aurora.example").text("h1") == "Overview"
    parts: Parts = app.extensions["kb_service"]
    with parts.database.writing() as work:
        work.session.connection().exec_driver_sql("UPDATE user SET active = 0 WHERE email = 'gone@aurora.example'")
        work.commit()
    assert browser.get("/admin").text("h1") == "Sign in"


def test_nobody_can_register_or_recover(browser: Browser) -> None:
    """Those pages of the library are not there."""
    for address in ("/register", "/reset", "/change", "/verify", "/login", "/logout"):
        assert browser.client.get(address).status_code == 404


def test_htmx_is_told_to_load_the_sign_in_page(browser: Browser) -> None:
    """Not to put it into the middle of another page."""
    response = browser.client.get("/agent", headers={"HX-Request": "true"})
    assert (response.status_code, response.headers["HX-Redirect"]) == (401, "/sign-in")


def test_cookies_are_out_of_reach_of_scripts(browser: Browser) -> None:
    """HttpOnly and SameSite on the session; Secure when the settings say so."""
    cookies = browser.client.get("/help?lang=es").headers.getlist("Set-Cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


def test_secure_settings_force_https(own_app: Callable[..., Flask]) -> None:
    """A redirect to https, and Secure cookies."""
    client = own_app(secure_cookies=True).test_client()
    assert client.get("/help").headers["Location"].startswith("https://")
    over_https = client.get("/help?lang=es", base_url="https://localhost")
    assert all("Secure" in cookie for cookie in over_https.headers.getlist("Set-Cookie"))
    assert "Strict-Transport-Security" in over_https.headers


def test_passwords_are_kept_as_argon2_and_survive_another_secret(own_app: Callable[..., Flask]) -> None:
    """The hash names its method, and a new KB_SECRET_KEY locks nobody out."""
    app = own_app()
    create_user(app, "ana@aurora.example", PASSWORD, "viewer")
    with app.extensions["kb_service"].database.reading() as work:
        account = work.accounts.by_email("ANA@aurora.example")
    assert account.password.startswith("$argon2id$")
    other = Browser(own_app(secret_key="another secret, as long").test_client())
    assert other.sign_in("ana@aurora.example").text("h1") == "Overview"


def test_guessing_is_slowed_down(own_app: Callable[..., Flask]) -> None:
    """After twenty tries in a minute an address has to wait, though other pages still open."""
    browser = Browser(own_app(rate_limit="600/minute").test_client())
    fields = browser.get("/sign-in").form("/sign-in").fields | {"email": "a@b.org", "password": "x"}
    answers = [browser.client.post("/sign-in", data=fields).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]
    assert browser.client.get("/help").status_code == 200


@pytest.mark.parametrize(
    ("email", "password", "role", "where"),
    [
        ("nonsense", PASSWORD, "viewer", "email"),
        ("a b@c.org", PASSWORD, "viewer", "email"),
        ("x" * 200 + "@example.org", PASSWORD, "viewer", "email"),
        ("new@aurora.example", "short", "viewer", "password"),
        ("new@aurora.example", PASSWORD, "emperor", "role"),
    ],
)
def test_an_account_that_makes_no_sense_is_refused(
    email: str, password: str, role: str, where: str, sample_app: Flask
) -> None:
    """The error names what is wrong."""
    with pytest.raises(InvalidInput) as caught:
        create_user(sample_app, email, password, role)
    assert caught.value.where == where


def test_an_address_has_one_account(sample_app: Flask, accounts: dict[str, str]) -> None:
    """Whatever its case."""
    with pytest.raises(Conflict):
        create_user(sample_app, accounts["admin"].upper(), PASSWORD, "viewer")


def test_every_role_can_be_given(accounts: dict[str, str]) -> None:
    """The roles that are seeded are those that accounts can have."""
    assert list(accounts) == list(ROLES)
