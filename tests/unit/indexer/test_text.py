"""Words as customers and curators write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text import clean, content_hash, fold, has_letters, language_of, same_wording, stem, terms, words


@given(st.text(alphabet=st.characters()))
def test_any_text_has_words_a_hash_and_a_clean_form(text: str) -> None:
    """No text, lone surrogates and control characters included, makes these fail."""
    clean(text).encode()
    assert len(content_hash(text)) == 64
    assert all(word for word in words(text))
    assert fold(fold(text)) == fold(text) or not text.isascii()


def test_the_hash_is_of_what_is_seen() -> None:
    """Composed and decomposed accents are the same text; case is not."""
    assert content_hash("cafe\u0301") == content_hash("caf\u00e9")
    assert content_hash("Café") != content_hash("café")


def test_folding_removes_case_accents_and_ligatures() -> None:
    """NFKC, case folding and removal of accents."""
    assert fold("¿CARTÃO Ñandú ﬁn STRASSE straße ½?") == "¿cartao nandu fin strasse strasse 1⁄2?"


@pytest.mark.parametrize(
    ("locale", "one", "other"),
    [
        ("es-MX", "¿Las transacciónes rechazadas?", "transaccion rechazada"),
        ("pt-BR", "cartões bloqueados", "cartao bloqueado"),
        ("pt-BR", "minhas transferências", "minha transferencia"),
        ("en", "lost cards", "losing a card"),
    ],
)
def test_questions_without_accents_have_the_same_terms(locale: str, one: str, other: str) -> None:
    """Accents, inflection and stop words do not matter where Snowball knows the inflection."""
    assert set(terms(one, locale)) & set(terms(other, locale))
    assert terms(one, locale) == terms(fold(one), locale)


def test_stop_words_go_and_telling_words_stay() -> None:
    """ "no" and "when" tell questions apart; "mi" and "the" do not."""
    assert terms("no tengo mi tarjeta", "es") == ("no", stem("tarjeta", "es"))
    assert "when" in terms("when is the payment", "en")


def test_words_keep_apostrophes_and_drop_punctuation() -> None:
    """Digits are words; symbols and emoji are not."""
    assert words("Don't panic: pay $3.50 🙂 já!") == ("don't", "panic", "pay", "3", "50", "ja")


def test_a_language_without_a_stemmer_keeps_its_words() -> None:
    """French words stay whole."""
    assert terms("cartes perdues", "fr-FR") == ("cartes", "perdues")


def test_letters_and_languages() -> None:
    """Digits, emoji and punctuation are not letters; regions do not matter to the language."""
    assert [has_letters(text) for text in ("", "🙂!", "123 ?", "á", "漢")] == [False, False, False, True, True]
    assert [language_of(locale) for locale in ("pt-BR", "PT_br", "en")] == ["pt", "pt", "en"]


def test_the_wording_is_what_is_said_however_it_is_typed() -> None:
    """Case, accents, punctuation and space make no other wording; a word more does, and no word is no wording."""
    assert same_wording("¿Dónde  está mi TARJETA?") == same_wording("donde esta, mi tarjeta") == "donde esta mi tarjeta"
    assert same_wording("mi tarjeta") != same_wording("tarjeta mi")
    assert same_wording("¿?! 🙂") == ""


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_letters_fold_as_any(text: str) -> None:
    """The short cut for ASCII gives what the long way gives."""
    assert fold(text) == fold(text + "é")[:-1]
