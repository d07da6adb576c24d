"""Words, typos, keywords, and the promises about curators' weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.documents import Document, Keyword
from indexer.lexical import FieldWeights, LexicalIndex

WORDS = ("card", "stolen", "fee", "abroad", "the", "pin", "transfer", "late")
TYPOS = {"card": "crad", "stolen": "stoen", "abroad": "abrroad", "transfer": "trasnfre", "late": "lste"}
TEXT = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
QUESTION = st.lists(st.sampled_from((*WORDS, *TYPOS.values())), max_size=6).map(" ".join)
WEIGHT = st.one_of(st.just(0.0), st.floats(0.001, 1000))
KEYWORDS = st.lists(st.builds(Keyword, TEXT.filter(bool), WEIGHT), max_size=3).map(tuple)


@st.composite
def documents(draw: st.DrawFn) -> list[Document]:
    """One to five documents of one to three entries, each in English and perhaps in Spanish."""
    places = draw(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(("en", "es"))), max_size=4, unique=True))
    return [
        Document(f"e{entry}", "faq", locale, 1, draw(TEXT) or "card", draw(TEXT), (draw(TEXT),), draw(KEYWORDS))
        for entry, locale in dict.fromkeys([(0, "en"), *places])
    ]


def scores(base: list[Document], question: str) -> np.ndarray:
    return LexicalIndex.build(base).match(question).scores


@given(documents(), st.data(), QUESTION)
def test_raising_a_weight_never_lowers_its_entry_nor_moves_another(
    base: list[Document], data: st.DataObject, question: str
) -> None:
    """For any base, keyword, higher weight and question, misspelt or not; a weight that was 0 included."""
    row = data.draw(st.integers(0, len(base) - 1))
    term = data.draw(TEXT.filter(bool))
    low, high = sorted(data.draw(st.tuples(WEIGHT, WEIGHT)))

    def with_weight(weight: float) -> np.ndarray:
        changed = replace(base[row], keywords=(*base[row].keywords, Keyword(term, weight)))
        return scores([*base[:row], changed, *base[row + 1 :]], question)

    before, after = with_weight(low), with_weight(high)
    own = np.array([document.entry == base[row].entry for document in base])
    assert (after[own] >= before[own] - 1e-12).all()
    np.testing.assert_allclose(after[~own], before[~own], atol=1e-12)


@given(documents(), st.sampled_from(WORDS), TEXT)
def test_a_muted_word_contributes_nothing_from_any_field(base: list[Document], word: str, rest: str) -> None:
    """Title, phrasings, body and a positive keyword for the same word are silenced; other words are not."""
    muted = [replace(base[0], keywords=(Keyword(word, 0), Keyword(word.upper(), 5))), *base[1:]]
    index = LexicalIndex.build(muted)
    for spelling in {word, TYPOS.get(word, word)}:
        assert index.match(spelling).scores[0] == 0
        labels = [label for label, _ in index.match(f"{rest} {spelling}").contributions(0)]
        assert not {word, f"{spelling} → {word}"}.intersection(labels)


@given(documents(), QUESTION)
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
    right, misspelt = scores(base, "my card was stolen"), scores(base, "my card was stoln")
    assert (np.diff(right) > 0).all()
    assert (np.diff(misspelt) > 0).all()
    assert misspelt[0] == 0
    assert (misspelt[1:] < right[1:]).all()


def test_a_keyword_of_several_words_needs_all_of_them_in_any_order() -> None:
    """The amount appears under the keyword as the curator wrote it, with the customer's spelling if that differs."""
    index = LexicalIndex.build(
        [Document("a", "faq", "es-MX", 1, "Ayuda", "", keywords=(Keyword("Límite de Pix", 3.0),))]
    )
    assert dict(index.match("pix, ¿qué limites tiene?").contributions(0))["Límite de Pix"] > 0
    assert "Límite de Pix" not in dict(index.match("qué es pix").contributions(0))
    assert dict(index.match("pix: ¿qué limte tiene?").contributions(0))["limte → Límite de Pix"] > 0


def test_a_keyword_made_of_stop_words_matches() -> None:
    """It would otherwise silently never do."""
    assert scores([Document("a", "faq", "en", 1, "Help", "", keywords=(Keyword("about us", 1.0),))], "about us")[0] > 0


def test_a_stop_word_is_no_form_of_another_word() -> None:
    """ "entre" (between) has the stem of "entrar" (to enter)."""
    assert scores([Document("a", "faq", "es-MX", 1, "No puedo entrar", "")], "entre")[0] == 0


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


def test_a_misspelt_word_counts_less_than_the_right_one_and_is_explained() -> None:
    """By both spellings: the customer's and the document's, folded."""
    index = LexicalIndex.build([Document("a", "faq", "es-MX", 1, "Perdí mi TARJETA de crédito", "")])
    right, misspelt = index.match("tarjetas"), index.match("targeta")
    assert 0 < misspelt.scores[0] < right.scores[0]
    assert [label for label, _ in misspelt.contributions(0)] == ["targeta → tarjeta"]
    assert [label for label, _ in index.match("transfer targeta tarjeta").contributions(0)] == ["tarjeta"]


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("carga", True),  # a word of the base is never taken for another, in whatever language it is
        ("carta", True),
        ("carrta", True),
        ("crta", True),
        ("pxi", False),  # too short
        ("2025", False),
        ("tranferensia", True),  # two edits
        ("tranfrensia", False),  # three
        ("hte", False),
    ],
)
def test_what_is_a_typo(question: str, found: bool) -> None:
    """One edit in words of 4 letters, two in words of 8; never a number, a short word or a word of the base."""
    base = [Document("a", "faq", "es-MX", 1, "carta pix 2024 transferencia the", "")]
    assert (scores([*base, Document("b", "faq", "pt-BR", 1, "carga", "")], question).max() > 0) == found


def test_a_word_of_one_language_is_no_typo_in_another() -> None:
    """The Portuguese "carga" leaves the Spanish "carta" alone."""
    base = [Document("a", "faq", "es-MX", 1, "carta", ""), Document("b", "faq", "pt-BR", 1, "carga", "")]
    assert list(scores(base, "carga") > 0) == [False, True]
    assert list(scores(base, "casta") > 0) == [True, False]


def test_fields_count_as_much_as_their_weights() -> None:
    """The same word in another field; a field of weight 0 counts nothing."""
    base = [
        Document("question", "faq", "en", 1, "stolen", "x", ("x",)),
        Document("phrasings", "faq", "en", 1, "x", "x", ("stolen",)),
        Document("answer", "faq", "en", 1, "x", "stolen", ("x",)),
        Document("other", "faq", "en", 1, "x", "x", ("x",)),
    ]
    match = LexicalIndex.build(base, FieldWeights(question=0.5, phrasings=2.0, answer=0.0)).match("stolen")
    assert match.scores[1] > match.scores[0] > match.scores[2] == match.scores[3] == 0
    heavy = [replace(document, keywords=(Keyword("stolen", 1.0),)) for document in base]
    default, none = (LexicalIndex.build(heavy, FieldWeights(keywords=k)).match("stolen").scores for k in (1.0, 0.0))
    assert (default > none).all()
    assert none[3] > 0  # the keyword itself, whose weight is the curator's


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_field_weight_is_a_finite_number_of_at_least_0(weight: float) -> None:
    """ValueError names the field."""
    with pytest.raises(ValueError, match="answer"):
        FieldWeights(answer=weight)


def test_field_weights_are_kept_in_the_file(tmp_path: Path) -> None:
    """A loaded index knows what it was built with, and scores the same."""
    base = [Document("a", "faq", "en", 1, "card fee", "late card", ("pin",)), Document("b", "faq", "en", 1, "pin", "")]
    index = LexicalIndex.build(base, FieldWeights(question=3.0, answer=0.1))
    index.save(tmp_path / "index.npz")
    loaded = LexicalIndex.load(tmp_path / "index.npz")
    assert loaded.weights == index.weights == FieldWeights(question=3.0, answer=0.1)
    np.testing.assert_array_equal(loaded.match("card pin").scores, index.match("card pin").scores)


GREAT = st.one_of(st.just(0.0), st.floats(0, 1.7e308), st.sampled_from((5e-324, 1e300, 1.7e308)))
ANYTHING = st.one_of(
    st.text(max_size=30), TEXT, st.sampled_from(("the", "🙂", "我的卡丢了", "картa", "\ud800", "don’t"))
)


@given(
    st.lists(st.tuples(ANYTHING, ANYTHING, st.lists(st.tuples(ANYTHING, GREAT), max_size=3)), max_size=4),
    st.builds(FieldWeights, GREAT, GREAT, GREAT, GREAT),
    ANYTHING,
)
def test_no_text_and_no_weight_makes_a_score_infinite_or_undefined(
    texts: list[tuple[str, str, list[tuple[str, float]]]], weights: FieldWeights, question: str
) -> None:
    """Any characters, huge and tiny weights, nothing but stop words: scores in [0, 1], finite contributions."""
    base = [
        Document(f"e{row}", "faq", ("es-MX", "ja")[row % 2], 1, title, body, (), tuple(Keyword(*k) for k in keywords))
        for row, (title, body, keywords) in enumerate(texts)
    ]
    index = LexicalIndex.build(base, weights)
    for asked in (question, *(title for title, _, _ in texts)):
        match = index.match(asked)
        assert ((match.scores >= 0) & (match.scores <= 1)).all()
        assert all(np.isfinite(amount) for row in range(len(base)) for _, amount in match.contributions(row))


def test_long_texts_and_questions_do_no_harm() -> None:
    """Ten thousand different words in each."""
    long = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(10_000))
    base = [Document("a", "faq", "en", 1, long, long, (long,), (Keyword(long, 1.0),))]
    assert 0 < scores(base, long)[0] < 1
    assert scores(base, long.replace("word", "wrod"))[0] < 1
