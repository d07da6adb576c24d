"""Words, keywords and the promises about curators' weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.documents import Document, Keyword
from indexer.lexical import LexicalIndex

WORDS = ("card", "stolen", "fee", "abroad", "the", "pin", "transfer", "late")
TEXT = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
WEIGHT = st.one_of(st.just(0.0), st.floats(0.001, 1000))
KEYWORDS = st.lists(st.builds(Keyword, TEXT.filter(bool), WEIGHT), max_size=3).map(tuple)


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    """One to four English documents of different entries."""
    size = draw(st.integers(1, 4))
    return [
        Document(f"e{row}", "faq", "en", 1, draw(TEXT) or "card", draw(TEXT), (draw(TEXT),), draw(KEYWORDS))
        for row in range(size)
    ]


def scores(base: list[Document], question: str) -> np.ndarray:
    return LexicalIndex.build(base).match(question).scores


@given(documents(), st.data(), TEXT)
def test_raising_a_weight_never_lowers_its_entry_nor_moves_another(
    base: list[Document], data: st.DataObject, question: str
) -> None:
    """For any base, keyword, higher weight and question; a weight that was 0 included."""
    row = data.draw(st.integers(0, len(base) - 1))
    term = data.draw(TEXT.filter(bool))
    low, high = sorted(data.draw(st.tuples(WEIGHT, WEIGHT)))

    def with_weight(weight: float) -> np.ndarray:
        changed = replace(base[row], keywords=(*base[row].keywords, Keyword(term, weight)))
        return scores([*base[:row], changed, *base[row + 1 :]], question)

    before, after = with_weight(low), with_weight(high)
    assert after[row] >= before[row] - 1e-12
    np.testing.assert_allclose(np.delete(after, row), np.delete(before, row), atol=1e-12)


@given(documents(), st.sampled_from(WORDS), TEXT)
def test_a_muted_word_contributes_nothing_from_any_field(base: list[Document], word: str, rest: str) -> None:
    """Title, phrasings, body and a positive keyword for the same word are silenced; other words are not."""
    muted = [replace(base[0], keywords=(Keyword(word, 0), Keyword(word.upper(), 5))), *base[1:]]
    index = LexicalIndex.build(muted)
    assert index.match(word).scores[0] == 0
    assert word not in dict(index.match(f"{rest} {word}").contributions(0))


@given(documents(), TEXT)
def test_scores_are_explained_bounded_and_survive_a_file(
    tmp_path_factory: pytest.TempPathFactory, base: list[Document], question: str
) -> None:
    """0 <= score < 1; a document has contributions exactly when it has a score; save and load change nothing."""
    index = LexicalIndex.build(base)
    match = index.match(question)
    assert ((match.scores >= 0) & (match.scores < 1)).all()
    sums = [sum(amount for _, amount in match.contributions(row)) for row in range(len(base))]
    np.testing.assert_array_equal(np.array(sums) > 0, match.scores > 0)
    path = tmp_path_factory.mktemp("lexical") / "index.npz"
    index.save(path)
    np.testing.assert_array_equal(LexicalIndex.load(path).match(question).scores, match.scores)


def test_a_higher_weight_counts_more() -> None:
    """Strictly, where the question contains the keyword."""
    base = [
        Document(f"e{w}", "faq", "en", 1, "Help", "", keywords=(Keyword("stolen", w),)) for w in (0.0, 0.5, 1.0, 4.0)
    ]
    assert (np.diff(scores(base, "my card was stolen")) > 0).all()


def test_a_keyword_of_several_words_needs_all_of_them_in_any_order() -> None:
    """The amount appears under the keyword as the curator wrote it."""
    index = LexicalIndex.build(
        [Document("a", "faq", "es-MX", 1, "Ayuda", "", keywords=(Keyword("Límite de Pix", 3.0),))]
    )
    assert dict(index.match("pix, ¿qué limites tiene?").contributions(0))["Límite de Pix"] > 0
    assert "Límite de Pix" not in dict(index.match("qué es pix").contributions(0))


def test_a_keyword_made_of_stop_words_matches() -> None:
    """It would otherwise silently never do."""
    assert scores([Document("a", "faq", "en", 1, "Help", "", keywords=(Keyword("about us", 1.0),))], "about us")[0] > 0


def test_muting_holds_in_every_locale_of_the_entry() -> None:
    """A name such as Pix muted in Spanish is muted in Portuguese as well, for that entry only."""
    base = [
        Document("a", "faq", "es-MX", 1, "Límites de Pix", "", keywords=(Keyword("pix", 0),)),
        Document("a", "faq", "pt-BR", 1, "Limites do Pix", ""),
        Document("b", "faq", "pt-BR", 1, "Chaves do Pix", ""),
    ]
    assert list(scores(base, "pix") > 0) == [False, False, True]


def test_a_question_is_matched_in_every_language_of_the_base() -> None:
    """Each document by its own language's stems and stop words, accents or not."""
    base = [
        Document("a", "faq", "es-MX", 1, "¿Cómo hago transferencias?", ""),
        Document("b", "faq", "pt-BR", 1, "Como faço transferências?", ""),
        Document("c", "faq", "en", 1, "How do I make a transfer?", ""),
    ]
    assert list(scores(base, "transferencia") > 0) == [True, True, False]
    assert list(scores(base, "transfers") > 0) == [False, False, True]


def test_nothing_in_common_is_zero_everywhere() -> None:
    """No base, no question, no letters: zeros of the right shape."""
    assert scores([], "card").shape == (0,)
    for question in ("", "🙂", "zebra", "\ud800"):
        assert list(scores([Document("a", "faq", "en", 1, "card", "")], question)) == [0]


def test_rarer_words_count_more(tmp_path: Path) -> None:
    """A word every document has tells little."""
    base = [Document(f"e{n}", "faq", "en", 1, f"card {word}", "") for n, word in enumerate(("pin", "fee", "limit"))]
    contributions = dict(LexicalIndex.build(base).match("card pin").contributions(0))
    assert contributions["pin"] > contributions["card"] > 0
