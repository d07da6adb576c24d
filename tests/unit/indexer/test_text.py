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


INFLECTED = {
    "es": """bloqueé bloquear bloqueado bloqueo|transferí transferir transferencia transfiere|tarjeta tarjetas
    |perdí perder perdida pierdo|pagar pagué pago|verifiqué verificar|actualicé actualizar|cuesta costo
    |préstamo préstamos|interés intereses|dólar dólares|devolver devolución devuelve|recibí recibir|comisión comisiones
    |vencimiento vencer venció|retiré retirar retiro""",
    "pt": """cartão cartões|paguei pagar pagamento|transferi transferir transferência transferências|saque sacar saquei
    |cobrança cobrar cobraram|bloqueio bloquear bloqueado|empréstimo empréstimos|verificação verificar verifiquei
    |devolver devolução devoluções|mensal mensais|papel papéis|viagem viagens|vencimento vencer|fatura faturas""",
    "en": """refund refunds refunded|verify verification verified|cancel cancelled cancellation|charge charged charging
    |transfer transferring|currency currencies|notify notification|beneficiary beneficiaries""",
}


@pytest.mark.parametrize("language", INFLECTED)
def test_forms_of_a_word_have_one_stem(language: str) -> None:
    """Verbs, their nouns and plurals as bank customers use them, accents or not."""
    for forms in INFLECTED[language].split("|"):
        assert len({stem(word, language) for word in words(forms)}) == 1, forms


@pytest.mark.parametrize(
    ("language", "different"),
    [
        ("es", "cuenta cuota|correo corriente|tarjeta tarea|seguro seguir|saldo salir|compra comprobante"),
        ("pt", "cartão carta|cartão carteira|senha senhor|corrente correr|saldo sair|parcela parceiro|pessoal pessoa"),
        ("en", "card care|statement state|current currency|not note|tax taxi|fee feel"),
    ],
)
def test_different_words_have_different_stems(language: str, different: str) -> None:
    """Words of a bank that look alike."""
    for pair in different.split("|"):
        one, other = pair.split()
        assert stem(*words(one), language) != stem(*words(other), language), pair


def test_stop_words_go_and_telling_words_stay() -> None:
    """ "no" and "when" tell questions apart; "mi" and "the" do not."""
    assert terms("no tengo mi tarjeta", "es") == ("no", stem("tarjeta", "es"))
    assert "when" in terms("when is the payment", "en")


def test_words_keep_apostrophes_and_drop_punctuation() -> None:
    """Digits are words; symbols and emoji are not."""
    assert words("Don't panic: pay $3.50 🙂 já!") == ("don't", "panic", "pay", "3", "50", "ja")
    assert words("don’t") == ("don't",)


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
