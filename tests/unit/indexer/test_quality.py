"""A realistic little base with the real multilingual encoder: the right things happen."""

import pytest

from indexer.decision import Decision, decide
from indexer.documents import Document
from indexer.encoders import load_encoder
from indexer.ranking import Query
from indexer.snapshot import Snapshot
from indexer.vector_cache import VectorCache


@pytest.fixture(scope="module")
def decision(tmp_path_factory: pytest.TempPathFactory, bank: list[Document]):
    """Asks the bank of the other tests, encoded for real."""
    encoder = load_encoder("multilingual")
    cache = VectorCache(tmp_path_factory.mktemp("cache"), encoder.id, encoder.revision, encoder.dimension)
    snapshot = Snapshot.build(bank, encoder, cache, source="test", highest_change=1)

    def ask(text: str, locale: str) -> Decision:
        query = Query(text, encoder.encode([text], role="query")[0], locale)
        return decide(snapshot.rank("faq", query), snapshot.confidence_model)

    return ask


@pytest.mark.parametrize(
    ("text", "locale", "entry"),
    [
        ("me robaron mi tarjeta ayer", "es-MX", "card-lost"),
        ("roubaram meu cartao", "pt-BR", "card-lost"),
        ("what monthly fees are there", "en", "fees"),
        ("cuanto cobran al mes de comision", "es-MX", "fees"),
        ("quiero cerrar la cuenta", "es-MX", "close"),
    ],
)
def test_the_right_entry_comes_first_in_any_language(decision, text: str, locale: str, entry: str) -> None:
    """Typos, missing accents and another language than the entry's included."""
    assert decision(text, locale).candidates[0].entry == entry


def test_its_own_question_is_answered(decision) -> None:
    """In the customer's locale."""
    made = decision("perdí mi tarjeta", "es-MX")
    assert (made.outcome, made.candidates[0].locale) == ("answer", "es-MX")


@pytest.mark.parametrize("text", ["cuéntame un chiste", "hola", "🙂", "receta de chilaquiles verdes", "???"])
def test_what_the_base_does_not_know_is_never_answered(decision, text: str) -> None:
    """Not with starting thresholds."""
    assert decision(text, "es-MX").outcome != "answer"
