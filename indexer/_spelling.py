"""How alike a question and an entry are spelt: TF-IDF over the pieces of words, for typos and inflection."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from indexer.documents import Document
from indexer.text import language_of, terms, words

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_SIZES = (3, 4, 5)
# Pieces are hashed: a table of all pieces of a large base would take a hundred megabytes, collisions cost nothing seen.
_BUCKETS = 1 << 18
# A pasted page says what it is about near its start.
_MOST_WORDS = 400


class SpellingIndex:
    """Character n-grams of 3 to 5 within words, log term frequency times inverse document frequency, cosine.

    `matrix` (documents, buckets) has unit or zero rows; `idf` (buckets,). A document's pieces come from its title,
    phrasings and keywords, without words that a keyword of its entry mutes.
    """

    def __init__(self, matrix: sparse.csr_array, idf: NDArray[np.float32]) -> None:
        self._matrix, self._idf = matrix, idf

    @classmethod
    def build(cls, documents: Sequence[Document]) -> Self:
        """The index over `documents`, of which there may be none."""
        muted: dict[str, list[str]] = defaultdict(list)
        for document in documents:
            muted[document.entry] += (keyword.term for keyword in document.keywords if keyword.weight == 0)
        counted = [_pieces(_words_of(document, muted[document.entry])) for document in documents]
        indptr = np.cumsum([0, *(len(pieces) for pieces in counted)])
        indices = np.fromiter((p for pieces in counted for p in pieces), dtype=np.int32, count=indptr[-1])
        counts = np.fromiter((c for pieces in counted for c in pieces.values()), dtype=np.float32, count=indptr[-1])
        frequency = np.bincount(indices, minlength=_BUCKETS)
        idf = (np.log((1 + len(documents)) / (1 + frequency)) + 1).astype(np.float32)
        data = (1 + np.log(counts)) * idf[indices]
        matrix = sparse.csr_array((data, indices, indptr), shape=(len(documents), _BUCKETS))
        norms = np.sqrt(matrix.multiply(matrix).sum(axis=1))
        matrix.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(indptr)).astype(np.float32)
        return cls(matrix, idf)

    def scores(self, question: str, documents: Integers) -> Floats:
        """(len(documents),) cosine in [0, 1] of the question's pieces and each document's; 0 without a word."""
        pieces = _pieces(words(question)[:_MOST_WORDS])
        if not pieces:
            return np.zeros(len(documents))
        indices = np.fromiter(pieces, dtype=np.int64, count=len(pieces))
        amounts = (1 + np.log(np.fromiter(pieces.values(), dtype=np.float32, count=len(pieces)))) * self._idf[indices]
        asked = np.zeros(_BUCKETS, dtype=np.float32)
        asked[indices] = amounts / np.linalg.norm(amounts)
        scores: Floats = (self._matrix[documents] @ asked).astype(np.float64)
        return scores

    def save(self, path: Path) -> None:
        """Write the index to one .npz file, without pickles."""
        parts = {name: getattr(self._matrix, name) for name in ("data", "indices", "indptr")}
        np.savez(path, allow_pickle=False, idf=self._idf, **parts)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The index `save` wrote. OSError, ValueError or KeyError when the file is not one."""
        with np.load(path, allow_pickle=False) as stored:
            parts = (stored["data"], stored["indices"], stored["indptr"])
            return cls(sparse.csr_array(parts, shape=(len(parts[2]) - 1, _BUCKETS)), stored["idf"])


def _words_of(document: Document, muted_keywords: Iterable[str]) -> Iterable[str]:
    """A keyword of several words mutes none of them here: each alone may say what the entry is about."""
    language = language_of(document.locale)
    muted = {found[0] for keyword in muted_keywords if len(found := terms(keyword, language)) == 1}
    loud = (keyword.term for keyword in document.keywords if keyword.weight > 0)
    texts = (document.title, *document.phrasings, document.shortcut or "", *loud)
    return (
        word for text in texts for word in words(text) if not muted or not muted.intersection(terms(word, language))
    )


def _pieces(of: Iterable[str]) -> Counter[int]:
    """How often each bucket occurs among the pieces of some folded words."""
    return Counter(piece for word in of for piece in _word_pieces(word))


@lru_cache(maxsize=100_000)
def _word_pieces(word: str) -> tuple[int, ...]:
    padded = f" {word} "
    return tuple(
        crc32(padded[start : start + size].encode()) % _BUCKETS
        for size in _SIZES
        for start in range(len(padded) - size + 1)
    )
