"""Text as words: cleaning, folding, tokens, stop words and stems for Spanish, Portuguese and English."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import snowballstemmer

from indexer._stopwords import STOP_WORDS

_ALGORITHMS = {"es": "spanish", "pt": "portuguese", "en": "english"}
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# No word of es, pt or en is longer; keeps what customers paste from filling the cache of stems.
_LONGEST_WORD = 40
_SURROGATE = re.compile("[\ud800-\udfff]")
# Snowball looks for accents that were folded away, and stems some singulars and plurals apart. Applied before it:
# "dolares" to "dolar"; "cartoes" to "cartão", "devolucao" to "devolução", "transferencia" to "transferência", "mensais"
# to "mensal", "viagens" to "viagem".
_BEFORE = {
    "es": ((re.compile(r"(?<=[aeiou][dlnrs])es$"), ""),),
    "pt": (
        (re.compile(r"(?:oes|aes|ao)$"), "ão"),
        (re.compile(r"cão$"), "ção"),
        (re.compile(r"encia(?=s?$)"), "ência"),
        (re.compile(r"(?<=..[ae])is$"), "l"),
        (re.compile(r"ns$"), "m"),
    ),
}
# What Spanish and Portuguese stems keep of an ending once its accent is gone, of spellings that change before e and i,
# and of nouns made from verbs: "transferi", "bloque(o)"; "verifiq(ue)", "actualiz(ar)"; "pagament(o)", "cobranz(a)",
# "transferent" (from transferencia), "prestam(o)" (whose plural looks like a verb), "devolv(er)".
_AFTER = (
    (re.compile(r"(?<=...)[eiou]+$"), ""),
    (re.compile(r"[qz]$"), "c"),
    (re.compile(r"(?<=...)[ai]mi?ent$|(?<=.{4})anc$|(?<=.{5})i?ent$|(?<=.{4})[aei]m$|(?<=[eo]l)v$"), ""),
)
_REPAIRS = {
    # "cuest(a)" and "cost(o)", "pierd(o)" and "perd(er)".
    "es": (*_AFTER, (re.compile(r"(?<!q)ue(?=[^aeiou]+$)"), "o"), (re.compile(r"ie(?=[^aeiou]+$)"), "e")),
    "pt": _AFTER,
    # "verifi" of "verify", "verif" of "verification".
    "en": ((re.compile(r"(?<=.{4})i$"), ""),),
}


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str:  # noqa: N802
        """The word's stem."""


def clean(text: str) -> str:
    """`text` in NFC with every lone surrogate replaced by U+FFFD, so that it can be written as UTF-8."""
    return unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text))


def content_hash(text: str) -> str:
    """SHA-256 of the cleaned NFC text, as 64 hexadecimal digits: equal for texts that look the same."""
    return hashlib.sha256(clean(text).encode()).hexdigest()


def fold(text: str) -> str:
    """NFKC, case folded, without accents and with straight apostrophes: `¿CARTÃO ﬁn?` becomes `¿cartao fin?`. ñ and ç
    lose their marks as well, because customers leave them out."""
    if text.isascii():  # the same, ten times as fast
        return text.lower()
    compatible = unicodedata.normalize("NFKC", text.replace("’", "'")).casefold()
    return "".join(mark for mark in unicodedata.normalize("NFKD", compatible) if not unicodedata.combining(mark))


def has_letters(text: str) -> bool:
    """Whether `text` says anything in words: False for emoji, digits and punctuation alone."""
    return any(character.isalpha() for character in text)


def language_of(locale: str) -> str:
    """The language of a locale, lower case: `pt` for `pt-BR` and `pt_br`."""
    return re.split(r"[-_]", locale.strip().lower(), maxsplit=1)[0]


def words(text: str) -> tuple[str, ...]:
    """The folded words and numbers of `text`, in order, each cut after 40 letters. Inner apostrophes stay."""
    return tuple([word[:_LONGEST_WORD] for word in _WORD.findall(fold(text))])


def same_wording(text: str) -> str:
    """What two texts share that differ in nothing but case, accents, punctuation and space; empty without a word."""
    return " ".join(words(text))


def is_stop_word(word: str, language: str) -> bool:
    """Whether a folded word of `language` is too common to tell one question from another."""
    return word in STOP_WORDS.get(language, frozenset())


def terms(text: str, locale: str) -> tuple[str, ...]:
    """The stems of the words of `text` that are not stop words, in order.

    Accents are folded before stemming, so a question typed without them has the same terms. A language other than
    es, pt and en keeps its words whole.
    """
    language = language_of(locale)
    return tuple(stem(word, language) for word in words(text) if not is_stop_word(word, language))


@lru_cache(maxsize=100_000)
def stem(word: str, language: str) -> str:
    """The Snowball stem of a folded word, folded, with the forms that folding set apart brought together again; the
    word itself in a language other than es, pt and en.

    Cached because this takes some 25 microseconds a word and customers repeat themselves.
    """
    if language not in _ALGORITHMS:
        return word
    stemmed = fold(_stemmer(language).stemWord(_replaced(word, _BEFORE.get(language, ()))))
    return _replaced(stemmed, _REPAIRS[language])


def _replaced(word: str, rules: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, replacement in rules:
        word = pattern.sub(replacement, word)
    return word


@lru_cache
def _stemmer(language: str) -> _Stemmer:
    stemmer: _Stemmer = snowballstemmer.stemmer(_ALGORITHMS[language])
    return stemmer
