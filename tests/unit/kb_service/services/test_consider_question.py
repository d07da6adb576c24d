"""Considering a question: in which locale, and by which part of its text."""

import pytest

from kb_service.services.consider_question import ConsiderQuestion
from tests.support.bases import faq
from tests.unit.kb_service.services.conftest import SmallBase


@pytest.fixture
def bank(small: SmallBase) -> SmallBase:
    """Two FAQs."""
    small.publish(
        faq("card-lost", question="perdí mi tarjeta"),
        faq("balance", question="¿Cómo consulto mi saldo?"),
    )
    return small


@pytest.mark.parametrize("data", ["55 1234 5678", "ana.perez@ejemplo.mx", "4111 1111 1111 1111", "+52 1 55 1234 5678"])
def test_personal_data_does_not_change_the_decision(bank: SmallBase, data: str) -> None:
    """The same candidates with the same confidence as without it; what is kept is redacted."""
    plain = bank.questions.consider("perdí mi tarjeta", None)
    considered = bank.questions.consider(f"perdí mi tarjeta {data}", None)
    assert considered.decision == plain.decision
    assert considered.locale == plain.locale == "es-MX"
    assert considered.query.startswith("perdí mi tarjeta [")
    assert not any(character.isdigit() for character in considered.query)


def test_personal_data_alone_is_handed_over(bank: SmallBase) -> None:
    """There is nothing to understand."""
    considered = bank.questions.consider("ana@b.mx", None)
    assert (considered.decision.outcome, considered.ranked, considered.query) == ("handoff", (), "[email]")


@pytest.mark.parametrize(
    ("query", "likely", "locale"),
    [
        ("mi saldo", "es-MX", "es-MX"),
        ("spei", "es-MX", "es-MX"),
        ("app", "es-MX", "es-MX"),
        ("cvv", None, "es-AR"),
        ("login", "pt-BR", "pt-BR"),
        ("where is my refund", "es-MX", "en"),
        ("quero meu dinheiro", "es-MX", "pt-BR"),
        ("quiero mi dinero de vuelta", "pt-BR", "es-MX"),
        ("perdi meu cartão [card] [email]", "es-MX", "pt-BR"),
        ("[card] [phone]", "es-MX", "es-MX"),
    ],
)
def test_the_likely_locale_is_contradicted_by_clear_words_only(
    bank: SmallBase, query: str, likely: str | None, locale: str
) -> None:
    """The page's, else the default; placeholders are words of no language."""
    questions = ConsiderQuestion(bank.live, "es-AR", 5000)
    assert questions.locale_of(query, likely) == locale
