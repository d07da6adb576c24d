"""Languages of the pages: who gets which, and that nothing is left untranslated."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask import Flask

from tests.support.pages import TRANSLATIONS, Browser

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Everything that templates and Python say, as `pybabel extract` finds it."""
    found = tmp_path_factory.mktemp("babel") / "messages.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-k", "lazy_gettext"]
    command += ["-F", str(TRANSLATIONS / "babel.cfg"), "-o", str(found), "."]
    subprocess.run(command, cwd=ROOT, check=True)
    return read_po(BytesIO(found.read_bytes()))


@pytest.mark.parametrize("language", ["es", "pt"])
def test_everything_is_translated(language: str, sources: Catalog) -> None:
    """Each text has its translation with the same placeholders, and no translation is left of a text that is gone."""
    with (TRANSLATIONS / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        translated = read_po(file, locale=language)
    wanted = {message.id for message in sources if message.id}
    assert {message.id for message in translated if message.id} == wanted
    for message in translated:
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), message.id
        assert not message.fuzzy, message.id
        assert not list(message.check(translated)), message.id


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("es-MX,es;q=0.9", "es-MX"),
        ("es-AR", "es-MX"),
        ("pt", "pt-BR"),
        ("pt-PT,en;q=0.5", "pt-BR"),
        ("de-DE,en-GB;q=0.7", "en"),
        ("de-DE", "es-MX"),
        ("*", "es-MX"),
        ("", "es-MX"),
    ],
)
def test_the_browsers_language_is_taken(accepted: str, shown: str, sample_app: Flask) -> None:
    """The first accepted language that there is, in our region; the default locale where there is none."""
    page = Browser(sample_app.test_client(), accepted).get("/help")
    assert page.all("html")[0].attributes["lang"] == shown


def test_a_chosen_language_stays_and_keeps_the_page(browser: Browser) -> None:
    """The switch stays on the page with its query, and the choice outlives it; nonsense is ignored."""
    page = browser.get("/help?x=1&lang=pt")
    assert page.text("h1") == "Como podemos ajudar?"
    links = {e.attributes["hreflang"]: e.attributes["href"] for e in page.all("a") if "data-language" in e.attributes}
    assert links == {"es-MX": "?x=1&lang=es-MX", "pt-BR": "?x=1&lang=pt-BR", "en": "?x=1&lang=en"}
    assert browser.get("/sign-in").all("html")[0].attributes["lang"] == "pt-BR"
    assert browser.get("/help?lang=klingon").text("h1") == "Como podemos ajudar?"
