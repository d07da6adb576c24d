"""Which language short bank questions are in."""

import json
from pathlib import Path

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


@pytest.mark.parametrize(
    "text",
    ["mi saldo", "crédito", "spei", "clabe", "error app", "débito", "reembolso", "cvv", "app", "login", "nip", "hola"],
)
def test_a_few_letters_do_not_contradict_the_likely_language(text: str) -> None:
    """Words of a Spanish bank's customer whose letters look Portuguese or English."""
    assert detect_language(text, LOCALES, "es") in ("es-MX", None)


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("quero meu dinheiro", "pt-BR"),
        ("perdi meu cartão", "pt-BR"),
        ("perdi meu cartao", "pt-BR"),
        ("estorno não caiu", "pt-BR"),
        ("quanto custa um saque?", "pt-BR"),
        ("cartão", "pt-BR"),
        ("my card", "en"),
        ("my card was stolen", "en"),
        ("where is my refund", "en"),
    ],
)
def test_clear_words_contradict_the_likely_language(text: str, locale: str) -> None:
    """Letters or words that only the other language has."""
    assert detect_language(text, LOCALES, "es-MX") == locale


SAMPLE = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "kb_service" / "sample" / "questions.jsonl")
    .read_text("utf-8")
    .splitlines()
]


@pytest.mark.parametrize(("likely", "least"), [("right", 0.99), ("wrong", 0.94), (None, 0.96)])
def test_the_sample_questions_are_told_apart(likely: str | None, least: float) -> None:
    """Spanish and Portuguese questions as customers type them, whatever language was expected."""
    other = {"es-MX": "pt-BR", "pt-BR": "es-MX"}
    right = 0
    for question in SAMPLE:
        locale = question["locale"]
        expected = {"right": locale, "wrong": other[locale], None: None}[likely]
        right += (detect_language(question["query"], LOCALES, expected) or expected) == locale
    assert right / len(SAMPLE) >= least


def test_a_likely_language_it_does_not_know_changes_nothing() -> None:
    """French is never recognised, so nothing speaks for it."""
    assert detect_language("where is my card", LOCALES, "fr-FR") == "en"
    assert detect_language("卡丢了", LOCALES, "es-MX") is None


def test_a_language_that_is_not_offered_is_none() -> None:
    """Nothing is forced into the list; surrogates and long texts are harmless."""
    assert detect_language("where is my card", ("es", "pt")) is None
    assert detect_language("where is my card \ud800 " * 10_000, ("en", "en-GB")) == "en"
