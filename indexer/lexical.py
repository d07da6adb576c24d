"""Which words of a question an entry shares: BM25F over stemmed terms, with the curators' weighted keywords on top."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from indexer._lexical_build import Arrays, build_arrays, qualified
from indexer.documents import Document
from indexer.text import is_stop_word, stem, words

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LexicalMatch:
    """What one question shares with every document, which is known by its row.

    `scores` (documents,) in [0, 1): s / (s + c), where s is the sum of the document's contributions and c that of the
    inverse document frequencies of the question's terms, so that a long question does not score more than a short one.
    """

    scores: Floats
    _labels: tuple[str, ...]  # parallel to the next two: every single contribution
    _documents: Integers
    _amounts: Floats

    def contributions(self, document: int) -> tuple[tuple[str, float], ...]:
        """(term, amount) of everything that made the document's score, largest first, amounts summing to s.

        A word is spelt as in the question (folded), a keyword as the curator wrote it.
        """
        summed: dict[str, float] = defaultdict(float)
        for position in np.flatnonzero((self._documents == document) & (self._amounts > 0)):
            summed[self._labels[position]] += float(self._amounts[position])
        return tuple(sorted(summed.items(), key=lambda pair: (-pair[1], pair[0])))


class LexicalIndex:
    """Word matches between questions and documents. A document's row is its position in what `build` was given.

    A question is stemmed in every language present and matched with the documents of that language only.

    A keyword of weight w > 0 matches when all its terms are in the question, in any order, and adds w times the mean
    inverse document frequency of its terms; nothing else depends on w, so raising a weight never lowers its entry and
    never moves another. A keyword of weight 0, matched in the same way, removes what its terms contribute to every
    document of its entry, and wins over a positive weight for the same terms.
    """

    def __init__(self, meta: dict[str, Any], arrays: Arrays) -> None:
        self._meta, self._arrays = meta, arrays
        self._column = {name: column for column, name in enumerate(meta["vocabulary"])}
        columns, keywords = len(self._column), len(meta["keywords"])
        self._postings = _matrix(arrays, "postings", (columns, len(arrays["language"])))
        self._keyword_postings = _matrix(arrays, "keyword_postings", (columns, keywords))

    @classmethod
    def build(cls, documents: Sequence[Document]) -> Self:
        """The index over `documents`, of which there may be none."""
        return cls(*build_arrays(documents))

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
        spelling, ceilings = self._read(words(question))
        columns = np.fromiter(spelling, dtype=np.int64, count=len(spelling))
        term, document, amount = _cells(self._postings, columns)
        keywords, muted = self._keywords(columns)
        if len(muted):
            amount[np.isin(term * self._postings.shape[1] + document, muted)] = 0
        labels = [spelling[column] for column in term.tolist()] + [self._meta["keywords"][k] for k in keywords.tolist()]
        documents = np.concatenate([document, self._arrays["keyword_document"][keywords]])
        amounts = np.concatenate([amount, self._arrays["keyword_amount"][keywords]])
        total = np.bincount(documents, amounts, minlength=self._postings.shape[1])
        return LexicalMatch(total / (total + ceilings), tuple(labels), documents, amounts)

    def _read(self, question: Sequence[str]) -> tuple[dict[int, str], Floats]:
        """The vocabulary's columns for the question's words, each with the first word it stands for; and (documents,)
        what having every term of the question would be worth in each document's language, which is > 0."""
        spelling: dict[int, str] = {}
        worth = []
        for language, unknown in zip(self._meta["languages"], self._arrays["unknown_idf"].tolist(), strict=True):
            rarity: dict[str, float] = {}
            for word in question:
                term = stem(word, language)
                column = self._column.get(qualified(language, term))
                if column is not None:
                    spelling.setdefault(column, word)
                if not is_stop_word(word, language):
                    rarity[term] = unknown if column is None else float(self._arrays["idf"][column])
            worth.append(max(sum(rarity.values()), unknown))
        ceilings: Floats = np.array(worth, dtype=np.float64)[self._arrays["language"]]
        return spelling, ceilings

    def _keywords(self, columns: Integers) -> tuple[Integers, Integers]:
        """The keywords all of whose terms are among `columns`, and the (term, document) cells the muted ones silence,
        each as term * documents + document."""
        term, keyword, _ = _cells(self._keyword_postings, columns)
        counts = np.bincount(keyword, minlength=self._keyword_postings.shape[1])
        matched = counts == self._arrays["keyword_size"]
        silent = (matched & (self._arrays["keyword_amount"] == 0))[keyword]
        documents = self._arrays["keyword_document"][keyword[silent]]
        return np.flatnonzero(matched), term[silent] * self._postings.shape[1] + documents


def _matrix(arrays: Arrays, name: str, shape: tuple[int, int]) -> Any:
    parts = (arrays[f"{name}_data"], arrays[f"{name}_indices"], arrays[f"{name}_indptr"])
    return sparse.csr_array(parts, shape=shape)


def _cells(matrix: Any, rows: Integers) -> tuple[Integers, Integers, Floats]:
    """The non-zero cells of `rows` of a CSR matrix as (row, column, value)."""
    chosen = matrix[rows]
    return np.repeat(rows, np.diff(chosen.indptr)), chosen.indices.astype(np.int64), chosen.data
