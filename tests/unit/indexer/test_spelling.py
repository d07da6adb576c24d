"""Likeness of spelling against scikit-learn's TF-IDF of character n-grams."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from indexer._spelling import SpellingIndex
from indexer.documents import Document, Keyword
from indexer.text import words

WORDS = (
    "tarjeta",
    "targeta",
    "tarjetas",
    "saldo",
    "cómo",
    "NIP",
    "a",
    "no",
    "cuenta",
    "cuentas",
    "l'eau",
    "2024",
    "👍",
)
TEXT = st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join)
TITLE = TEXT.filter(bool)


def document(title: str, *phrasings: str, keywords: tuple[Keyword, ...] = (), locale: str = "es-MX") -> Document:
    return Document(title, "faq", locale, 1, title, "nothing of the answer counts", phrasings, keywords)


def scores(base: list[Document], question: str) -> np.ndarray:
    return SpellingIndex.build(base).scores(question, np.arange(len(base)))


def folded(*texts: str) -> str:
    return " ".join(word for text in texts for word in words(text))


def oracle(texts: list[str], question: str) -> np.ndarray:
    """Cosines by scikit-learn, with the question's pieces in the vocabulary: one no document has is the rarest."""
    options = {"analyzer": "char_wb", "ngram_range": (3, 5), "sublinear_tf": True, "lowercase": False}
    known = TfidfVectorizer(**options).fit([*texts, question, "any"]).vocabulary_
    vectorizer = TfidfVectorizer(**options, vocabulary=known).fit(texts)
    cosines: np.ndarray = (vectorizer.transform(texts) @ vectorizer.transform([question]).T).toarray()[:, 0]
    return cosines


@given(
    st.lists(st.tuples(TITLE, st.lists(TEXT, max_size=2), st.lists(TITLE, max_size=2)), min_size=1, max_size=5), TEXT
)
def test_scores_are_those_of_scikit_learn(base: list[tuple[str, list[str], list[str]]], question: str) -> None:
    """Of title, phrasings and keywords whatever these weigh, folded, without punctuation and without the answer."""
    documents = [
        document(title, *phrasings, keywords=tuple(Keyword(term, 7.0) for term in terms))
        for title, phrasings, terms in base
    ]
    texts = [folded(title, *phrasings, *terms) for title, phrasings, terms in base]
    np.testing.assert_allclose(scores(documents, question), oracle(texts, folded(question)), atol=1e-5)


def test_only_the_documents_asked_for_are_scored() -> None:
    """In the order asked for, as often as asked for."""
    index = SpellingIndex.build([document(word) for word in ("tarjeta", "saldo", "tarjetas")])
    every = index.scores("tarjeta", np.arange(3))
    for some in ([2, 0], [1], [], [0, 0]):
        chosen = np.array(some, dtype=np.int64)
        np.testing.assert_array_equal(index.scores("tarjeta", chosen), every[chosen])


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("perdi mi targeta", "Perdí mi tarjeta"),
        ("tarjta", "tarjeta"),
        ("TARJETITAS", "tarjeta"),
        ("transferensia", "transferencia"),
        ("cartao", "cartão"),
        ("desbloquear", "bloqueo"),
        ("forgoten pasword", "forgotten password"),
    ],
)
def test_a_typo_or_another_form_is_nearer_than_what_is_unrelated(typed: str, meant: str) -> None:
    """What is spelt otherwise has nothing, whatever its length."""
    own, other, long = scores([document(meant), document("xyz"), document("uvw xyz " * 50)], typed)
    assert own > 0.1
    assert other == long == 0


def test_the_same_spelling_is_1() -> None:
    """Order, case, accents and punctuation do not matter; repetition and any other word does."""
    index = SpellingIndex.build([document("¿Cómo cambio mi NIP?"), document("saldo")])

    def score(question: str) -> float:
        return float(index.scores(question, np.arange(1))[0])

    for same in ("¿Cómo cambio mi NIP?", "como cambio mi nip", "NIP: ¡cambio mi cómo!"):
        assert score(same) == pytest.approx(1, abs=1e-6)
    for other in ("cómo cambio mi NIP NIP", "cómo cambio mi NIP ahora", "cambio mi NIP"):
        assert 0.5 < score(other) < 0.999


def test_a_piece_no_document_has_lowers_the_score() -> None:
    """As much as the rarest; a question about something else that shares a word is not taken for the document's."""
    index = SpellingIndex.build([document("saldo"), document("tarjeta")])
    alone, more, much = (index.scores(f"saldo{rest}", np.arange(1))[0] for rest in ("", " xyz", " xyz qwrt zzzz"))
    assert alone == pytest.approx(1, abs=1e-6)
    assert alone > more > much > 0


def test_muted_words_are_silent() -> None:
    """In any form, from the title, a phrasing or a louder keyword; as if the document did not have them."""
    muting = (Keyword("robo", 0.0), Keyword("Robos", 5.0))
    muted = document("robo de tarjeta", "un ROBO", keywords=muting)
    plain = document("de tarjeta", "un")
    for question in ("robo", "robos de tarjeta", "tarjeta", "rovo"):
        one, other = (scores([base, document("saldo")], question) for base in (muted, plain))
        np.testing.assert_array_equal(one, other)
    assert scores([muted], "robo")[0] == 0


def test_a_document_may_be_muted_altogether() -> None:
    """It has nothing left to be spelt like."""
    silent = document("robo", keywords=(Keyword("robo", 0.0),))
    assert list(scores([silent, replace(document("robo"), entry="other")], "robo") > 0) == [False, True]


def test_a_keywords_weight_does_not_count() -> None:
    """So that raising it can only help where it should."""
    light, heavy = (scores([document("saldo", keywords=(Keyword("nip", w),))], "mi nip") for w in (0.001, 1e300))
    np.testing.assert_array_equal(light, heavy)
    assert light[0] > 0


def test_a_macro_is_found_by_its_shortcut() -> None:
    """Which is one of its words."""
    macro = Document("m", "macro", "es-MX", 1, "Pix::Devolución", "Hola", shortcut="dvol")
    assert scores([macro], "dvol")[0] > 0
    assert scores([macro], "devolucion")[0] > 0


@pytest.mark.parametrize("question", ["", "   ", "🙂🙂", "?!…", "\ud800", "_"])
def test_without_a_word_there_is_no_likeness(question: str) -> None:
    """Zeros of the right shape; for such a document as well."""
    base = [document("saldo"), document("🙂", locale="pt-BR")]
    np.testing.assert_array_equal(scores(base, question), [0, 0])
    np.testing.assert_array_equal(scores([], question), [])
    assert scores(base, "saldo")[1] == 0


def test_an_empty_base_has_no_scores(tmp_path: Path) -> None:
    """Before and after saving."""
    index = SpellingIndex.build([])
    index.save(tmp_path / "index.npz")
    for same in (index, SpellingIndex.load(tmp_path / "index.npz")):
        assert same.scores("saldo", np.zeros(0, dtype=np.int64)).shape == (0,)


def test_ten_thousand_words_do_no_harm() -> None:
    """Of a question the first 400 count, of a document all."""
    rng = np.random.default_rng(1)
    many = ["".join(letters) for letters in rng.choice(list("abcdefghij"), size=(10_000, 6))]
    index = SpellingIndex.build([document(" ".join(many)), document("zzz")])
    both = np.arange(2)
    found = index.scores(" ".join(many), both)
    np.testing.assert_array_equal(found, index.scores(" ".join([*many[:400], "zzz"]), both))
    assert 0 < found[0] <= 1
    assert found[1] == 0
    assert index.scores(many[-1], both)[0] > 0


@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.text(max_size=30))
def test_any_text_has_a_score_from_0_to_1(titles: list[str], question: str) -> None:
    """Lone surrogates and other scripts included; a text is never less like itself than like another."""
    base = [document(title) for title in titles]
    for asked in (question, *titles):
        found = scores(base, asked)
        assert ((found >= 0) & (found <= 1 + 1e-5)).all()
    for number, title in enumerate(titles):
        assert scores(base, title)[number] == pytest.approx(float(bool(words(title))), abs=1e-5)


def test_loading_gives_what_was_saved(tmp_path: Path, bank: list[Document]) -> None:
    """To the last bit; nonsense is refused."""
    index = SpellingIndex.build(bank)
    index.save(tmp_path / "index.npz")
    loaded = SpellingIndex.load(tmp_path / "index.npz")
    for question in ("perdí la targeta", "saldo", "my card was stolen", "zzz"):
        every = np.arange(len(bank))
        np.testing.assert_array_equal(loaded.scores(question, every), index.scores(question, every))
    np.savez(tmp_path / "other.npz", data=np.zeros(1))
    with pytest.raises(KeyError):
        SpellingIndex.load(tmp_path / "other.npz")
    (tmp_path / "other.npz").write_bytes(b"[]\n")
    with pytest.raises(ValueError, match=r"."):
        SpellingIndex.load(tmp_path / "other.npz")
    with pytest.raises(OSError, match="missing"):
        SpellingIndex.load(tmp_path / "missing.npz")
