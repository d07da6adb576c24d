"""Which words of a question an entry shares: BM25F over stemmed terms, with the curators' weighted keywords on top."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from indexer._lexical_build import Arrays, FieldWeights, build_arrays
from indexer._lexical_vocabulary import Heard, Vocabulary
from indexer._stopwords import STOP_WORDS
from indexer.documents import Document
from indexer.text import words

__all__ = ["FieldWeights", "KeywordMatch", "LexicalIndex", "LexicalMatch"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_STOP_WORDS = frozenset().union(*STOP_WORDS.values())
_NONE: Integers = np.zeros(0, dtype=np.int64)
# A question with more words that no document has is in another language, and guessing takes time.
_MOST_GUESSES = 20
# Of a long question, the words that are looked at one by one.
_MOST_NAMED = 50


class _Word(NamedTuple):
    """What a word of the question adds to each of the ascending `documents`."""

    label: str
    documents: Integers
    amounts: Floats


class _Keywords(NamedTuple):
    """The matched keywords: parallel arrays, the documents ascending, and the spellings that matched by typo."""

    number: Integers
    documents: Integers
    amounts: Floats
    misspelt: Mapping[int, Sequence[str]]


class KeywordMatch(NamedTuple):
    """A keyword that matched: what its contribution is called, the term as the curator wrote it, and its amount."""

    label: str
    term: str
    amount: float


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """What one question shares with every document, which is known by its row.

    `scores` (documents,) in [0, 1]: s / (s + c), where s is the sum of the document's contributions and c that of the
    inverse document frequencies of the question's terms, so that a long question does not score more than a short one.
    """

    scores: Floats
    _words: Sequence[_Word]
    _keywords: _Keywords
    _labels: Sequence[str]  # of all keywords, by number

    def contributions(self, document: int) -> tuple[tuple[str, float], ...]:
        """(term, amount) of everything that made the document's score, largest first, amounts summing to s.

        A word is spelt as in the question (folded), a keyword as the curator wrote it. One that matched in spite of a
        typo is "typo → word".
        """
        summed: dict[str, float] = defaultdict(float)
        for label, documents, amounts in self._words:
            place = documents.searchsorted(document)
            if place < len(documents) and documents[place] == document:
                summed[label] += float(amounts[place])
        for keyword in self.keywords(document):
            summed[keyword.label] += keyword.amount
        heard = ((label, amount) for label, amount in summed.items() if amount > 0)
        return tuple(sorted(heard, key=lambda pair: (-pair[1], pair[0])))

    def keywords(self, document: int) -> tuple[KeywordMatch, ...]:
        """The document's keywords that matched, muted ones among them."""
        of_document = slice(*self._keywords.documents.searchsorted((document, document + 1)))
        numbers, amounts = self._keywords.number[of_document], self._keywords.amounts[of_document]
        return tuple(
            KeywordMatch(self._label(keyword), self._labels[keyword], amount)
            for keyword, amount in zip(numbers.tolist(), amounts.tolist(), strict=True)
        )

    def _label(self, keyword: int) -> str:
        misspelt = " ".join(self._keywords.misspelt.get(keyword, ()))
        return f"{misspelt} → {self._labels[keyword]}" if misspelt else self._labels[keyword]


class LexicalIndex:
    """Word matches between questions and documents. A document's row is its position in what `build` was given.

    A question is stemmed in every language present and matched with the documents of that language only. A word that
    no document has stands in each language for the one it is nearest to, if any, at the share MISSPELT of its worth.

    A keyword of weight w > 0 matches when all its terms are in the question, in any order, and adds w times the mean
    inverse document frequency of its terms, times MISSPELT for each one misspelt; nothing else depends on w, so raising
    a weight never lowers its entry and never moves another. A keyword of weight 0, matched in the same way, removes
    what its terms contribute to every document of its entry, and wins over a positive weight for the same terms.
    """

    def __init__(self, meta: dict[str, Any], arrays: Arrays) -> None:
        self._meta, self._arrays = meta, arrays
        self._postings = _Rows(arrays, "postings")
        self._keyword_postings = _Rows(arrays, "keyword_postings")
        self._vocabularies = _vocabularies(meta, arrays, self._postings.lengths())

    @classmethod
    def build(cls, documents: Sequence[Document], weights: FieldWeights = FieldWeights()) -> Self:  # noqa: B008
        """The index over `documents`, of which there may be none."""
        return cls(*build_arrays(documents, weights))

    @property
    def weights(self) -> FieldWeights:
        """What the index was built with."""
        return FieldWeights(**self._meta["weights"])

    def save(self, path: Path) -> None:
        """Write the index to one .npz file, without pickles."""
        text = json.dumps(self._meta).encode()
        np.savez(path, allow_pickle=False, meta=np.frombuffer(text, dtype=np.uint8), **self._arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The index `save` wrote. OSError, ValueError or KeyError when the file is not one."""
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return cls(json.loads(arrays.pop("meta").tobytes()), arrays)

    def match(self, question: str) -> LexicalMatch:
        """What `question` shares with every document."""
        heard, ceilings = self._hear(question)
        keywords, muted = self._match_keywords(heard)
        shared = [self._share(column, term, muted.get(column, _NONE)) for column, term in heard.items()]
        documents = np.concatenate([*(word.documents for word in shared), keywords.documents])
        amounts = np.concatenate([*(word.amounts for word in shared), keywords.amounts])
        total = np.bincount(documents, amounts, minlength=len(ceilings))
        return LexicalMatch(total / (total + ceilings), shared, keywords, self._meta["keywords"])

    def unmatched(self, question: str, documents: Integers) -> tuple[str, ...]:
        """The question's words, each once, folded, without stop words, that none of the ascending `documents` has."""

        def is_matched(word: str) -> bool:
            heard, _ = self._hear(word)
            return any(np.isin(documents, self._postings.row(column)[0]).any() for column in heard)

        asked = (word for word in dict.fromkeys(words(question)) if word not in _STOP_WORDS)
        return tuple(word for word in islice(asked, _MOST_NAMED) if not is_matched(word))

    def _hear(self, question: str) -> tuple[dict[int, Heard], Floats]:
        """The question's terms by column; and (documents,) what having all of them would be worth in each document's
        language, which is > 0."""
        said = tuple(dict.fromkeys(words(question)))
        heard: dict[int, Heard] = {}
        worth: list[float] = []
        known: set[str] = set()
        for vocabulary in self._vocabularies:
            terms, ceiling, forms = vocabulary.hear(said)
            heard |= terms
            worth.append(ceiling)
            known |= forms
        strange = [word for word in said if word not in known and word not in _STOP_WORDS][:_MOST_GUESSES]
        for vocabulary in self._vocabularies:
            heard = vocabulary.guess(strange) | heard
        return heard, np.array(worth, dtype=np.float64)[self._arrays["language"]]

    def _match_keywords(self, heard: Mapping[int, Heard]) -> tuple[_Keywords, dict[int, Integers]]:
        """The keywords all of whose terms were heard; and the documents, by column, in which muted ones silence it."""
        size, document = self._arrays["keyword_size"], self._arrays["keyword_document"]
        having = {column: self._keyword_postings.row(column)[0] for column in heard}
        counts = np.bincount(np.concatenate([*having.values(), _NONE]), minlength=len(size))
        matched = counts == size
        number, misspelt = np.flatnonzero(matched), defaultdict[int, list[str]](list)
        amounts = self._arrays["keyword_amount"][number]
        for column in (column for column, term in heard.items() if term.share < 1):
            own = having[column][matched[having[column]]]
            amounts[number.searchsorted(own)] *= heard[column].share
            for keyword in own.tolist():
                misspelt[keyword].append(heard[column].word)
        silent = matched & self._arrays["keyword_muted"]
        muted = {column: document[own[silent[own]]] for column, own in having.items()} if silent.any() else {}
        return _Keywords(number, document[number], amounts, misspelt), muted

    def _share(self, column: int, term: Heard, muted: Integers) -> _Word:
        """What a term adds to every document that has it, which is nothing in `muted` ones."""
        documents, amounts = self._postings.row(column)
        if term.share < 1:
            amounts = amounts * term.share
        if len(muted):
            amounts = np.where(np.isin(documents, muted), 0, amounts)
        return _Word(term.label, documents, amounts)


class _Rows:
    """The rows of a sparse matrix."""

    def __init__(self, arrays: Arrays, name: str) -> None:
        self._values = arrays[f"{name}_data"]
        self._columns = arrays[f"{name}_indices"].astype(np.int64)
        self._bounds = arrays[f"{name}_indptr"].astype(np.int64)

    def row(self, number: int) -> tuple[Integers, Floats]:
        """The ascending columns of the row's cells, and their values."""
        cells = slice(*self._bounds[number : number + 2].tolist())
        return self._columns[cells], self._values[cells]

    def lengths(self) -> Integers:
        """(rows,) how many cells each has."""
        return np.diff(self._bounds)


def _vocabularies(meta: Mapping[str, Any], arrays: Arrays, containing: Integers) -> list[Vocabulary]:
    """One for each language, in the order of the columns."""
    found: list[Vocabulary] = []
    first = spelt = 0
    for language, terms, spellings, unknown in zip(
        meta["languages"], meta["terms"], meta["spellings"], arrays["unknown_idf"].tolist(), strict=True
    ):
        columns = {term: column for column, term in enumerate(terms, first)}
        spelling_columns = arrays["spelling_column"][spelt : spelt + len(spellings)]
        found.append(Vocabulary(language, columns, spellings, spelling_columns, containing, arrays["idf"], unknown))
        first, spelt = first + len(terms), spelt + len(spellings)
    return found
