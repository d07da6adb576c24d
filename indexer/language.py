"""Which language a question is written in."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from indexer.text import clean, has_letters, language_of

if TYPE_CHECKING:
    from lingua import LanguageDetector

# Beneath this much probability mass on the best language, or this little ahead of the second, the words say nothing:
# "saldo" is Spanish and Portuguese. Found by trying short bank questions without accents.
_LEAST_CONFIDENCE = 0.5
_LEAST_LEAD = 0.1
_MAX_CHARACTERS = 1000


def detect_language(text: str, among: Sequence[str]) -> str | None:
    """The member of `among` (languages or locales) whose language `text` is in, the first if several; None if unsure.

    Knows Spanish, Portuguese and English; None as well for text without letters and for a language not in `among`.
    """
    if not has_letters(text):
        return None
    values = _detector().compute_language_confidence_values(clean(text[:_MAX_CHARACTERS]))
    best, second = values[0], values[1]
    if best.value < _LEAST_CONFIDENCE or best.value - second.value < _LEAST_LEAD:
        return None
    code = best.language.iso_code_639_1.name.lower()
    return next((member for member in among if language_of(member) == code), None)


@lru_cache(maxsize=1)
def _detector() -> "LanguageDetector":
    """Imported and loaded at the first question, which takes a few tenths of a second."""
    from lingua import Language, LanguageDetectorBuilder

    languages = (Language.SPANISH, Language.PORTUGUESE, Language.ENGLISH)
    return LanguageDetectorBuilder.from_languages(*languages).build()
