"""Which language short bank questions are in."""

import pytest

from indexer.language import detect_language

LOCALES = ("es-MX", "pt-BR", "en")


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("no me llego mi tarjeta", "es-MX"),
        ("no puedo entrar", "es-MX"),
        ("quiero cancelar", "es-MX"),
        ("ayuda", "es-MX"),
        ("cartao nao chegou", "pt-BR"),
        ("nao consigo entrar", "pt-BR"),
        ("meu cartao", "pt-BR"),
        ("ajuda", "pt-BR"),
        ("where is my card", "en"),
    ],
)
def test_short_questions_without_accents_are_recognised(text: str, locale: str) -> None:
    """The member of `among` is returned as it was given."""
    assert detect_language(text, LOCALES) == locale


@pytest.mark.parametrize("text", ["", "🙂", "1234", "?!", "cancelar"])
def test_what_says_nothing_has_no_language(text: str) -> None:
    """No letters, or a word of two languages."""
    assert detect_language(text, LOCALES) is None


def test_a_language_that_is_not_offered_is_none() -> None:
    """Nothing is forced into the list; surrogates and long texts are harmless."""
    assert detect_language("where is my card", ("es", "pt")) is None
    assert detect_language("where is my card \ud800 " * 10_000, ("en", "en-GB")) == "en"
