"""Which language a question is written in."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from indexer._stopwords import TELLING_WORDS
from indexer.text import clean, has_letters, language_of, words

if TYPE_CHECKING:
    from lingua import LanguageDetector

# Beneath this much probability mass on the best language, or this little ahead of the second, the words say nothing:
# "saldo" is Spanish and Portuguese. Found by trying short bank questions without accents.
_LEAST_CONFIDENCE = 0.5
_LEAST_LEAD = 0.1
# How much more the letters must speak for another language than for the likely one, by the number of words. Letters say
# little about one or two words: they make "mi saldo" and "spei" Portuguese, "error app" and "login" English.
_LIKELY_ODDS = {1: 25.0, 2: 4.0, 3: 3.0}
_LIKELY_ODDS_OF_MORE = 1.5
# What a word such as "meu" or "my", which only one of the languages has, counts for it beyond its letters.
_TELLING_WORD_ODDS = 5.0
_MAX_CHARACTERS = 1000


def detect_language(text: str, among: Sequence[str], likely: str | None = None) -> str | None:
    """The member of `among` (languages or locales) whose language `text` is in, the first if several; None if unsure.

    `likely` is the language or locale to expect; another is returned on strong evidence only, the stronger the fewer
    words there are. Knows Spanish, Portuguese and English; None as well for text without letters and for a language
    not in `among`.
    """
    if not has_letters(text):
        return None
    evidence = _evidence(clean(text[:_MAX_CHARACTERS]))
    if likely is not None and language_of(likely) in evidence:
        number = len(words(text[:_MAX_CHARACTERS]))
        evidence[language_of(likely)] *= _LIKELY_ODDS.get(number, _LIKELY_ODDS_OF_MORE)
    (code, best), (_, second), *_ = sorted(evidence.items(), key=lambda pair: -pair[1])
    total = sum(evidence.values())
    if best < _LEAST_CONFIDENCE * total or best - second <= _LEAST_LEAD * total:
        return None
    return next((member for member in among if language_of(member) == code), None)


def _evidence(text: str) -> dict[str, float]:
    """By language, how probable its letters make the text, raised for every telling word of it."""
    said = set(words(text))
    values = _detector().compute_language_confidence_values(text)
    letters = {value.language.iso_code_639_1.name.lower(): value.value for value in values}
    return {code: value * _TELLING_WORD_ODDS ** len(said & TELLING_WORDS[code]) for code, value in letters.items()}


@lru_cache(maxsize=1)
def _detector() -> "LanguageDetector":
    """Imported and loaded at the first question, which takes a few tenths of a second."""
    from lingua import Language, LanguageDetectorBuilder

    languages = (Language.SPANISH, Language.PORTUGUESE, Language.ENGLISH)
    return LanguageDetectorBuilder.from_languages(*languages).build()
