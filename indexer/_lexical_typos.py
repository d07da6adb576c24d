"""Which word of the vocabulary a misspelt word stands for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

# Letters a word needs to be taken for another that is one edit away, or two. Shorter words are too often near another.
LEAST_LETTERS = {1: 4, 2: 8}
_BITS = 64

Integers = NDArray[np.int64]


class Spellings:
    """The words of a language as documents spell them, each with a number that says how common it is.

    An edit inserts, deletes or replaces a letter or swaps two neighbours (optimal string alignment).
    """

    def __init__(self, words: Sequence[str], common: Integers) -> None:
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        order = np.argsort(lengths, kind="stable")
        self._words, self._common = [words[number] for number in order.tolist()], common[order]
        self._lengths, self._order = lengths[order], order
        self._letters = _letters(self._words, self._lengths)

    def nearest(self, word: str) -> int | None:
        """The position in `words` of the nearest word, of equally near ones the most common; None if none is near."""
        edits = max((edits for edits, letters in LEAST_LETTERS.items() if len(word) >= letters), default=0)
        if not edits or not word.isalpha():
            return None
        places = self._alike(word, edits)
        found = process.extract(
            word, [self._words[place] for place in places], scorer=OSA.distance, score_cutoff=edits, limit=None
        )
        near = ((distance, -self._common[places[number]], places[number]) for _, distance, number in found)
        _, _, place = min(near, default=(0, 0, None))
        return place if place is None else int(self._order[place])

    def _alike(self, word: str, edits: int) -> list[int]:
        """The places of all words that are near, and of some that are not."""
        first, end = self._lengths.searchsorted((len(word) - edits, len(word) + edits + 1))
        own = 0
        for letter in word:
            own |= 1 << ord(letter) % _BITS
        # An edit changes at most two members of a word's set of letters, which leaves few words to compare.
        alike = np.bitwise_count(self._letters[first:end] ^ np.uint64(own)) <= 2 * edits
        places: list[int] = (first + np.flatnonzero(alike)).tolist()
        return places


def _letters(words: Sequence[str], lengths: Integers) -> NDArray[np.uint64]:
    """(words,) each word's set of letters as bits; letters may share one. No word is empty."""
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    bits = np.left_shift(np.uint64(1), codes % _BITS)
    return np.bitwise_or.reduceat(bits, np.cumsum(lengths) - lengths) if len(words) else bits
