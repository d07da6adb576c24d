"""Numbers for the words of documents, and the terms they are forms of."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from indexer.text import is_stop_word, stem, words

Integers = NDArray[np.int64]


# What the terms of stop words begin with, and no other does.
STOP = " "


def term_of(word: str, language: str) -> str:
    """What the forms of a word share: its stem. A stop word is a form of no other, or "entre" (between) would be one
    of "entrar" (to enter)."""
    return STOP + word if is_stop_word(word, language) else stem(word, language)


class Said(NamedTuple):
    """Parallel arrays with one place for each time that a document says a word: the word's number, the document."""

    word: Integers
    document: Integers


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of each language in turn, which are the columns; by the number of each word, how it is spelt, the
    column of its term and whether it is a stop word."""

    names: list[list[str]]
    spelling: list[str]
    column: Integers
    stop: NDArray[np.bool_]

    @property
    def language(self) -> Integers:
        """(columns,) the position of each column's language."""
        return np.repeat(np.arange(len(self.names)), [len(names) for names in self.names])


class Lexicon:
    """Numbers words in the order in which they are met. Equal words of two languages are two words."""

    def __init__(self, languages: Sequence[str]) -> None:
        following = count()
        self._numbers: dict[str, dict[str, int]] = {name: defaultdict(following.__next__) for name in languages}

    def numbers(self, text: str, language: str) -> list[int]:
        """The numbers of the words of `text`, in order."""
        return list(map(self._numbers[language].__getitem__, words(text)))

    def said(self, texts: Iterable[tuple[str, str]]) -> Said:
        """The words of documents that are given in order, each as (text, language)."""
        found = [self.numbers(text, language) for text, language in texts]
        document = np.repeat(np.arange(len(found)), [len(numbers) for numbers in found])
        return Said(np.fromiter(chain.from_iterable(found), dtype=np.int64, count=len(document)), document)

    def terms(self) -> Terms:
        """The terms of all words met so far."""
        size = sum(map(len, self._numbers.values()))
        spelling, column, stop = [""] * size, np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.bool_)
        names: list[list[str]] = []
        for language, numbers in self._numbers.items():
            first, own = sum(map(len, names)), dict[str, int]()
            for word, number in numbers.items():
                column[number] = first + own.setdefault(term_of(word, language), len(own))
                spelling[number], stop[number] = word, is_stop_word(word, language)
            names.append(list(own))
        return Terms(names, spelling, column, stop)
