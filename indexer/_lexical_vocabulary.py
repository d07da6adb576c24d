"""What the words of a question mean in one language of the base."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer._lexical_typos import Spellings
from indexer._lexical_words import STOP, term_of

# What a word counts that is known by a near spelling only, next to the right spelling's 1.
MISSPELT = 0.6

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


class Heard(NamedTuple):
    """A term of a question: the first word it is of, what to call it, and the share of its worth that it counts."""

    word: str
    label: str
    share: float


class Vocabulary:
    """The terms of one language, and the words that documents spell them with.

    `columns` are the columns of its terms and `spelling_columns` those of the terms that `spellings` are forms of. By
    column, `containing` is the number of documents and `idf` the inverse document frequency; `unknown_idf` is that of a
    term in no document.
    """

    def __init__(
        self,
        language: str,
        columns: Mapping[str, int],
        spellings: Sequence[str],
        spelling_columns: Integers,
        containing: Integers,
        idf: Floats,
        unknown_idf: float,
    ) -> None:
        self._language, self._columns = language, columns
        self._containing, self._idf, self._unknown_idf = containing, idf, unknown_idf
        self._spellings, self._spelling_columns = spellings, spelling_columns
        self._typos = Spellings(spellings, containing[spelling_columns])

    def hear(self, said: Iterable[str]) -> tuple[dict[int, Heard], float, set[str]]:
        """The columns of the terms of a question's words; what having all its terms would be worth, which is > 0; and
        the words of which a document has a form."""
        heard: dict[int, Heard] = {}
        rarity: dict[str, float] = {}
        known = set()
        for word in said:
            term = term_of(word, self._language)
            column = self._columns.get(term)
            if column is not None:
                heard.setdefault(column, Heard(word, word, 1.0))
                if self._containing[column]:
                    known.add(word)
            if not term.startswith(STOP):
                rarity[term] = self._unknown_idf if column is None else float(self._idf[column])
        return heard, max(sum(rarity.values()), self._unknown_idf), known

    def guess(self, misspelt: Iterable[str]) -> dict[int, Heard]:
        """The columns of what words that no document has may stand for."""
        heard: dict[int, Heard] = {}
        for word in misspelt:
            place = self._typos.nearest(word)
            if place is not None:
                meant = Heard(word, f"{word} → {self._spellings[place]}", MISSPELT)
                heard.setdefault(int(self._spelling_columns[place]), meant)
        return heard
