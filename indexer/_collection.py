"""The searchable entries of one kind: vectors, words and documents, and the ranking over them."""

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer.confidence import ConfidenceModel
from indexer.documents import Document
from indexer.encoders import MAX_CHARACTERS
from indexer.faiss_index import FaissIndex
from indexer.lexical import LexicalIndex, LexicalMatch
from indexer.locales import choose_locale
from indexer.ranking import Candidate, Query, Signals, TermContribution
from indexer.text import has_letters, same_wording
from indexer.views import phrasings, plain_start

# The combined score: cosine to the nearest phrasing, plus these shares of the other signals. Set by hand on Banking77,
# CLINC150 and Aurora with both profiles, as a start; a learned combination replaces them.
MEAN_WEIGHT = 0.5
BODY_WEIGHT = 0.3
LEXICAL_WEIGHT = 0.5

_FIRST_HITS = 128
_LEXICAL_CANDIDATES = 16
# Candidates by score that are put in the order of their confidence, or as many as are asked for.
_LEAST_ORDERED = 16

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Table:
    """Parallel arrays, one place per candidate entry, in the order of the entries. `row` is its nearest phrasing's."""

    row: Integers
    nearest: Floats
    mean: Floats
    body: Floats
    lexical: Floats
    exact: Floats
    score: Floats
    margin: Floats

    @classmethod
    def of(cls, row: Integers, nearest: Floats, mean: Floats, body: Floats, lexical: Floats, exact: Floats) -> Self:
        """The table with the combined scores and their margins."""
        score = nearest + MEAN_WEIGHT * mean + BODY_WEIGHT * body + LEXICAL_WEIGHT * lexical
        return cls(row, nearest, mean, body, lexical, exact, score, _margins(score))

    def best(self, number: int) -> list[int]:
        """The places of at most `number` entries, the exact one first, then by score, equal scores by entry."""
        places: list[int] = np.lexsort((-self.score, -self.exact))[:number].tolist()
        return places

    def signals(self, place: int) -> Signals:
        """One entry's signals as plain numbers."""
        columns = (self.nearest, self.mean, self.body, self.lexical, self.margin, self.exact)
        return Signals(*(float(column[place]) for column in columns))


class Collection:
    """Documents of one kind, sorted by (entry, locale), and what finds them.

    `texts[i]` is the phrasing whose vector is row i of `index` and `document_of[i]` the position of its document; rows
    are in the order of the documents, each of which has at least one. `bodies` (documents, d) float32 holds the vector
    of each document's body.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        texts: Sequence[str],
        document_of: Sequence[int],
        index: FaissIndex,
        bodies: NDArray[np.float32],
        lexical: LexicalIndex,
    ) -> None:
        self.documents, self.texts = tuple(documents), tuple(texts)
        self._index, self._bodies, self._lexical = index, bodies, lexical
        self._document_of = np.asarray(document_of, dtype=np.int64)
        entries = sorted({document.entry for document in self.documents})
        number = {entry: position for position, entry in enumerate(entries)}
        self.entries = tuple(entries)
        self._entry_of = np.array([number[document.entry] for document in self.documents], dtype=np.int64)
        self._first_document = np.searchsorted(self._entry_of, np.arange(len(entries) + 1))
        self._first_row = np.searchsorted(self._document_of, np.arange(len(self.documents) + 1))
        self._centroids = _group_means(index.vectors, self._first_row)
        self._worded: dict[str, list[int]] = defaultdict(list)
        for text, position in zip(self.texts, document_of, strict=True):
            self._worded[same_wording(text)].append(position)
        self._worded.pop("", None)
        channels = {channel for document in self.documents for channel in document.channels}
        # A channel nobody named may show what every channel may, which is what the empty name gives.
        self._allowed_in = {channel: _allowed(self.documents, channel) for channel in (None, "", *channels)}

    @classmethod
    def build(cls, documents: Sequence[Document], vectors_of: Callable[[list[str]], NDArray[np.float32]]) -> Self:
        """The collection of sorted `documents`; `vectors_of` gives the unit vectors of texts, (n, d)."""
        rows = [(text, number) for number, document in enumerate(documents) for text in phrasings(document)]
        texts, document_of = [text for text, _ in rows], [number for _, number in rows]
        starts = [plain_start(document.body) for document in documents]
        bodies = vectors_of(starts)
        bodies[[not start for start in starts]] = 0
        index, lexical = FaissIndex.build(vectors_of(texts)), LexicalIndex.build(documents)
        return cls(documents, texts, document_of, index, bodies, lexical)

    def save(self, folder: Path, name: str) -> None:
        """Write four files into `folder`, their names beginning with `name`. The documents are not among them."""
        self._index.save(folder / f"{name}.faiss")
        np.save(folder / f"{name}.bodies.npy", self._bodies, allow_pickle=False)
        self._lexical.save(folder / f"{name}.lexical.npz")
        rows = {"texts": self.texts, "document_of": self._document_of.tolist()}
        (folder / f"{name}.rows.json").write_text(json.dumps(rows), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str, documents: Sequence[Document]) -> Self:
        """The collection `save` wrote, over the same documents; OSError, RuntimeError, ValueError or KeyError."""
        rows = json.loads((folder / f"{name}.rows.json").read_text(encoding="utf-8"))
        index = FaissIndex.load(folder / f"{name}.faiss")
        bodies = np.load(folder / f"{name}.bodies.npy", mmap_mode="r", allow_pickle=False)
        lexical = LexicalIndex.load(folder / f"{name}.lexical.npz")
        return cls(documents, rows["texts"], rows["document_of"], index, bodies, lexical)

    def of_entry(self, entry: str) -> tuple[Document, ...]:
        """The entry's documents, by locale; none when the entry is unknown."""
        position = bisect_left(self.entries, entry)
        if self.entries[position : position + 1] != (entry,):
            return ()
        return self.documents[self._first_document[position] : self._first_document[position + 1]]

    def rank(self, query: Query, model: ConfidenceModel, limit: int) -> tuple[Candidate, ...]:
        """At most `limit` entries by confidence, equal ones by score and then by entry.

        None when the question holds no letter.
        """
        if not self.documents or not has_letters(query.text):
            return ()
        allowed = self._allowed_in.get(query.channel, self._allowed_in[""])
        match = self._lexical.match(query.text[:MAX_CHARACTERS])
        exact = self._exact(query.text, allowed)
        rows, similarities = self._first_stage(query.vector, match, allowed, exact, limit)
        if not len(rows):
            return ()
        table = self._second_stage(rows, similarities, query.vector, match, allowed, exact)
        ordered = [(place, table.signals(place)) for place in table.best(max(limit, _LEAST_ORDERED))]
        confident = [(model.confidence(signals), place, signals) for place, signals in ordered]
        confident.sort(key=lambda candidate: -candidate[0])
        return tuple(self._candidate(query, match, allowed, table, *candidate) for candidate in confident[:limit])

    def _exact(self, question: str, allowed: NDArray[np.bool_]) -> Integers:
        """(0 or 1,) the entry that has the question among its phrasings, where no other allowed one has it too."""
        documents = [d for d in self._worded.get(same_wording(question[:MAX_CHARACTERS]), ()) if allowed[d]]
        entries = np.unique(self._entry_of[documents])
        return entries if len(entries) == 1 else entries[:0]

    def _first_stage(
        self,
        vector: NDArray[np.float32],
        match: LexicalMatch,
        allowed: NDArray[np.bool_],
        exact: Integers,
        limit: int,
    ) -> tuple[Integers, Floats]:
        """Rows and similarities, most similar first: the nearest phrasings (of more than `limit` entries, if there are
        as many) and every phrasing of the `exact` entry and of those that share most words with the question."""
        rows, similarities = self._nearest(vector, allowed, limit)
        shared = np.where(allowed, match.scores, 0.0)
        wordy = np.argpartition(-shared, min(_LEXICAL_CANDIDATES, len(shared) - 1))[:_LEXICAL_CANDIDATES]
        wanted = np.concatenate([self._entry_of[wordy[shared[wordy] > 0]], exact])
        entries = np.setdiff1d(wanted, self._entry_of[self._document_of[rows]])
        starts, ends = self._first_document[entries], self._first_document[entries + 1]
        more = _ranges(self._first_row[starts], self._first_row[ends])
        more = more[allowed[self._document_of[more]]]
        similarities = np.concatenate([similarities, self._index.vectors[more] @ vector])
        order = np.argsort(-similarities, kind="stable")
        return np.concatenate([rows, more])[order], similarities[order]

    def _nearest(self, vector: NDArray[np.float32], allowed: NDArray[np.bool_], limit: int) -> tuple[Integers, Floats]:
        """The nearest allowed phrasings, searching deeper until they belong to more than `limit` entries."""
        k = _FIRST_HITS
        while True:
            similarities, rows = (found[0] for found in self._index.search(vector[None], k))
            usable = allowed[self._document_of[rows]]
            entries = np.unique(self._entry_of[self._document_of[rows[usable]]])
            if k >= self._index.ntotal or len(entries) > limit:
                return rows[usable], similarities[usable].astype(np.float64)
            k *= 4

    def _second_stage(
        self,
        rows: Integers,
        similarities: Floats,
        vector: NDArray[np.float32],
        match: LexicalMatch,
        allowed: NDArray[np.bool_],
        exact: Integers,
    ) -> _Table:
        """The signals of every entry that one of `rows`, which come most similar first, belongs to."""
        entries, first = np.unique(self._entry_of[self._document_of[rows]], return_index=True)
        starts, ends = self._first_document[entries], self._first_document[entries + 1]
        documents = _ranges(starts, ends)
        offsets = np.cumsum(ends - starts) - (ends - starts)
        usable = allowed[documents]
        mean = np.where(usable, self._centroids[documents] @ vector, -1.0)
        body = np.where(usable, self._bodies[documents] @ vector, -1.0)
        lexical = np.where(usable, match.scores[documents], 0.0)
        return _Table.of(
            row=rows[first],
            nearest=similarities[first],
            mean=np.maximum.reduceat(mean, offsets),
            body=np.maximum.reduceat(body, offsets),
            lexical=np.maximum.reduceat(lexical, offsets),
            exact=np.isin(entries, exact).astype(np.float64),
        )

    def _candidate(
        self,
        query: Query,
        match: LexicalMatch,
        allowed: NDArray[np.bool_],
        table: _Table,
        confidence: float,
        place: int,
        signals: Signals,
    ) -> Candidate:
        found = int(self._document_of[table.row[place]])
        entry = self._entry_of[found]
        own = [d for d in range(self._first_document[entry], self._first_document[entry + 1]) if allowed[d]]
        document = self._document_for(query.locale, own, found)
        return Candidate(
            entry=document.entry,
            locale=document.locale,
            document=document,
            phrasing=self.texts[table.row[place]],
            signals=signals,
            score=float(table.score[place]),
            confidence=confidence,
            terms=_contributions(match, max(own, key=lambda d: match.scores[d])),
        )

    def _document_for(self, locale: str | None, own: list[int], found: int) -> Document:
        """The document to show: in the customer's locale or by the fallback chain; unknown, the one that was found."""
        if locale is None:
            return self.documents[found]
        by_locale = {self.documents[d].locale: self.documents[d] for d in own}
        return by_locale[choose_locale(tuple(by_locale), locale) or self.documents[found].locale]


def _allowed(documents: Sequence[Document], channel: str | None) -> NDArray[np.bool_]:
    """(documents,) which may be shown in `channel`; all of them when it is None."""
    allowed = [channel is None or not document.channels or channel in document.channels for document in documents]
    return np.array(allowed, dtype=np.bool_)


def _margins(score: Floats) -> Floats:
    """Each score minus the best of the others; 0 for a score without others."""
    if len(score) < 2:
        return np.zeros_like(score)
    second, best = np.partition(score, -2)[-2:]
    margins: Floats = score - np.where(np.arange(len(score)) == score.argmax(), second, best)
    return margins


def _contributions(match: LexicalMatch, document: int) -> tuple[TermContribution, ...]:
    """The words behind a document's lexical score, in units of the combined score, of which they are a part."""
    terms = match.contributions(document)
    total = sum(amount for _, amount in terms)
    share = LEXICAL_WEIGHT * float(match.scores[document]) / total if total else 0.0
    return tuple(TermContribution(term, amount * share) for term, amount in terms)


def _ranges(starts: Integers, ends: Integers) -> Integers:
    """The numbers of all half-open ranges [start, end), one range after another."""
    lengths = ends - starts
    offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)
    numbers: Integers = np.arange(lengths.sum()) - offsets + np.repeat(starts, lengths)
    return numbers


def _group_means(vectors: NDArray[np.float32], first: Integers) -> NDArray[np.float32]:
    """(groups, d) the mean of each run of rows; `first` holds the runs' starts and, last, the end. None is empty."""
    if len(first) < 2:
        return np.zeros((0, vectors.shape[1]), dtype=np.float32)
    sums: NDArray[np.float32] = np.add.reduceat(vectors, first[:-1], axis=0)
    sums /= np.diff(first)[:, None]
    return sums
