"""Text as words: cleaning, folding, tokens, stop words and stems for Spanish, Portuguese and English."""

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Protocol

import snowballstemmer

from indexer._stopwords import STOP_WORDS

_ALGORITHMS = {"es": "spanish", "pt": "portuguese", "en": "english"}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
# No word of es, pt or en is longer; keeps what customers paste from filling the cache of stems.
_LONGEST_WORD = 40
_SURROGATE = re.compile("[\ud800-\udfff]")
# "cartao" and "cartoes" have different Portuguese stems, accented or not; this makes the plural the singular.
_PORTUGUESE_PLURAL = re.compile(r"(?:oes|aes)$")


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
    """NFKC, case folded, without accents: `¿CARTÃO ﬁn?` becomes `¿cartao fin?`. ñ and ç lose their marks as well,
    because customers leave them out."""
    if text.isascii():  # the same, ten times as fast
        return text.lower()
    compatible = unicodedata.normalize("NFKC", text).casefold()
    return "".join(mark for mark in unicodedata.normalize("NFKD", compatible) if not unicodedata.combining(mark))


def has_letters(text: str) -> bool:
    """Whether `text` says anything in words: False for emoji, digits and punctuation alone."""
    return any(character.isalpha() for character in text)


def language_of(locale: str) -> str:
    """The language of a locale, lower case: `pt` for `pt-BR` and `pt_br`."""
    return re.split(r"[-_]", locale.strip().lower(), maxsplit=1)[0]


def words(text: str) -> tuple[str, ...]:
    """The folded words and numbers of `text`, in order, each cut after 40 letters. Inner apostrophes stay."""
    return tuple(word[:_LONGEST_WORD] for word in _WORD.findall(fold(text)))


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
    """The Snowball stem of a folded word; the word itself in a language other than es, pt and en.

    Cached because Snowball in Python takes some 20 microseconds a word and customers repeat themselves.
    """
    if language not in _ALGORITHMS:
        return word
    if language == "pt":
        word = _PORTUGUESE_PLURAL.sub("ao", word)
    return _stemmer(language).stemWord(word)


@lru_cache
def _stemmer(language: str) -> _Stemmer:
    stemmer: _Stemmer = snowballstemmer.stemmer(_ALGORITHMS[language])
    return stemmer
