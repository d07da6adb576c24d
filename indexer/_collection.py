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

from indexer._kernel_ridge import KernelRidge
from indexer._spelling import SpellingIndex
from indexer.adapter import Adapter
from indexer.combination import COMBINED, Weights, leads
from indexer.confidence import ConfidenceModel
from indexer.documents import Document
from indexer.encoders import MAX_CHARACTERS
from indexer.faiss_index import FaissIndex
from indexer.lexical import FieldWeights, LexicalIndex, LexicalMatch
from indexer.locales import choose_locale
from indexer.ranking import Candidate, Query, Signals, TermContribution, Wording
from indexer.text import has_letters, same_wording
from indexer.views import phrasings, views

_FIRST_HITS = 128
_LEXICAL_CANDIDATES = 16

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The entries that may answer a question, in parallel arrays (candidates,), in the order of the entries.

    `entry` is the position in `Collection.entries` and `row` its nearest phrasing; `signals` (candidates, 5) has a
    column for each of the combined ones; `exact` is 1 for the entry the question is a phrasing of. `terms` is what the
    question's words matched.
    """

    entry: Integers
    row: Integers
    signals: Floats
    exact: Floats
    terms: LexicalMatch

    def order(self, scores: Floats) -> Integers:
        """The places from best to worst: the exact one first, then by score, equal scores by entry."""
        order: Integers = np.lexsort((-scores, -self.exact))
        return order


class Collection:
    """Documents of one kind, sorted by (entry, locale), and what finds them.

    `texts[i]` is the phrasing whose vector is row i of `index` and `document_of[i]` the position of its document; rows
    are in the order of the documents, each of which has at least one. `subjects` (entries, d) float32 holds what a
    question's vector is multiplied with to give the signal `subject`. With an `adapter`, all of this is in its space,
    and questions, whose vectors are the encoder's own, are taken there.
    """

    def __init__(
        self,
        documents: Sequence[Document],
        texts: Sequence[str],
        document_of: Sequence[int],
        index: FaissIndex,
        subjects: NDArray[np.float32],
        ridge: KernelRidge,
        lexical: LexicalIndex,
        spelling: SpellingIndex,
        adapter: Adapter | None = None,
    ) -> None:
        self.documents, self.texts = tuple(documents), tuple(texts)
        self._adapter = adapter
        self._index, self._subjects, self._ridge = index, subjects, ridge
        self._lexical, self._spelling = lexical, spelling
        self._document_of = np.asarray(document_of, dtype=np.int64)
        self.entries, self._entry_of = _entries(self.documents)
        self._first_document = np.searchsorted(self._entry_of, np.arange(len(self.entries) + 1))
        self._first_row = np.searchsorted(self._document_of, np.arange(len(self.documents) + 1))
        self._worded: dict[str, list[int]] = defaultdict(list)
        for text, position in zip(self.texts, document_of, strict=True):
            self._worded[same_wording(text)].append(position)
        self._worded.pop("", None)
        channels = {channel for document in self.documents for channel in document.channels}
        # A channel nobody named may show what every channel may, which is what the empty name gives.
        self._allowed_in = {channel: _allowed(self.documents, channel) for channel in (None, "", *channels)}

    @classmethod
    def build(
        cls,
        documents: Sequence[Document],
        vectors_of: Callable[[list[str]], NDArray[np.float32]],
        fields: FieldWeights = FieldWeights(),
        adapter: Adapter | None = None,
    ) -> Self:
        """The collection of sorted `documents`; `vectors_of` gives the encoder's unit vectors of texts, (n, d)."""
        rows = [(text, number) for number, document in enumerate(documents) for text in phrasings(document)]
        texts, document_of = [text for text, _ in rows], [number for _, number in rows]
        entries, entry_of = _entries(documents)
        seen = [(view, entry) for document, entry in zip(documents, entry_of, strict=True) for view in views(document)]
        seen_vectors, row_vectors = vectors_of([text for (text, _), _ in seen]), vectors_of(texts)
        if adapter is not None:
            seen_vectors, row_vectors = adapter.apply(seen_vectors), adapter.apply(row_vectors)
        weights = np.array([weight for (_, weight), _ in seen], dtype=np.float64)
        owners = np.array([entry for _, entry in seen], dtype=np.int64)
        return cls(
            documents,
            texts,
            document_of,
            FaissIndex.build(row_vectors),
            _subjects(seen_vectors, owners, weights, len(entries)),
            KernelRidge.fit(seen_vectors, owners, weights, len(entries)),
            LexicalIndex.build(documents, fields),
            SpellingIndex.build(documents),
            adapter,
        )

    def save(self, folder: Path, name: str) -> None:
        """Write seven files into `folder`, their names beginning with `name`; not the documents and the adapter."""
        self._index.save(folder / f"{name}.faiss")
        np.save(folder / f"{name}.subjects.npy", self._subjects, allow_pickle=False)
        self._ridge.save(folder / f"{name}.ridge")
        self._lexical.save(folder / f"{name}.lexical.npz")
        self._spelling.save(folder / f"{name}.spelling.npz")
        rows = {"texts": self.texts, "document_of": self._document_of.tolist()}
        (folder / f"{name}.rows.json").write_text(json.dumps(rows), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, name: str, documents: Sequence[Document], adapter: Adapter | None = None) -> Self:
        """What `save` wrote, with the same documents and adapter; OSError, RuntimeError, ValueError or KeyError."""
        rows = json.loads((folder / f"{name}.rows.json").read_text(encoding="utf-8"))
        return cls(
            documents,
            rows["texts"],
            rows["document_of"],
            FaissIndex.load(folder / f"{name}.faiss"),
            np.load(folder / f"{name}.subjects.npy", mmap_mode="r", allow_pickle=False),
            KernelRidge.load(folder / f"{name}.ridge"),
            LexicalIndex.load(folder / f"{name}.lexical.npz"),
            SpellingIndex.load(folder / f"{name}.spelling.npz"),
            adapter,
        )

    def of_entry(self, entry: str) -> tuple[Document, ...]:
        """The entry's documents, by locale; none when the entry is unknown."""
        position = bisect_left(self.entries, entry)
        if self.entries[position : position + 1] != (entry,):
            return ()
        return self.documents[self._first_document[position] : self._first_document[position + 1]]

    def rank(self, query: Query, weights: Weights, model: ConfidenceModel, limit: int) -> tuple[Candidate, ...]:
        """At most `limit` entries, the exact one first, then by score, equal ones by entry.

        None is surer than one that comes before it. None at all when the question holds no letter.
        """
        found = self.shortlist(query, limit)
        if found is None:
            return ()
        scores = found.signals @ weights.array()
        lead = leads(scores)
        allowed = self._allowed(query.channel)
        candidates: list[Candidate] = []
        for place in found.order(scores)[:limit].tolist():
            values = dict(zip(COMBINED, found.signals[place].tolist(), strict=True))
            signals = Signals(**values, lead=float(lead[place]), exact=float(found.exact[place]))
            confidence = min(model.confidence(signals, query.locale), candidates[-1].confidence if candidates else 1.0)
            entry, row = int(found.entry[place]), int(found.row[place])
            own = [d for d in range(self._first_document[entry], self._first_document[entry + 1]) if allowed[d]]
            document = self._document_for(query.locale, own, int(self._document_of[row]))
            candidates.append(
                Candidate(
                    entry=document.entry,
                    locale=document.locale,
                    document=document,
                    phrasing=self.texts[row],
                    signals=signals,
                    score=float(scores[place]),
                    confidence=confidence,
                    terms=self._contributions(found.terms, own, weights.words),
                )
            )
        return tuple(candidates)

    def shortlist(self, query: Query, limit: int = 10) -> Shortlist | None:
        """The candidates, more than `limit` if there are as many.

        None when the question holds no letter, unless it is a phrasing all the same, such as 404.
        """
        allowed = self._allowed(query.channel)
        text = query.text[:MAX_CHARACTERS]
        exact = self._exact(text, allowed)
        if not self.documents or not (has_letters(query.text) or len(exact)):
            return None
        match = self._lexical.match(text)
        vector = query.vector if self._adapter is None else self._adapter.apply(query.vector[None])[0]
        rows, similarities = self._first_stage(vector, match, allowed, exact, limit)
        if not len(rows):
            return None
        entries, first = np.unique(self._entry_of[self._document_of[rows]], return_index=True)
        starts, ends = self._first_document[entries], self._first_document[entries + 1]
        documents = _ranges(starts, ends)
        offsets = np.cumsum(ends - starts) - (ends - starts)
        usable = allowed[documents]
        words = np.where(usable, match.scores[documents], 0.0)
        spelling = np.where(usable, self._spelling.scores(text, documents), 0.0)
        signals = (
            similarities[first],
            self._subjects[entries] @ vector,
            self._ridge.scores(vector, entries),
            np.maximum.reduceat(words, offsets),
            np.maximum.reduceat(spelling, offsets),
        )
        found = np.stack(signals, axis=1).astype(np.float64)
        return Shortlist(entries, rows[first], found, np.isin(entries, exact).astype(np.float64), match)

    def wording(self, query: Query, entry: str) -> Wording:
        """How the question's words stand to the phrasings of all entries and to everything `entry` says."""
        text = query.text[:MAX_CHARACTERS]
        having = self._having(text, self._allowed(query.channel))
        position = bisect_left(self.entries, entry)
        own = np.arange(self._first_document[position], self._first_document[position + 1])
        return Wording(tuple(self.entries[number] for number in having), self._lexical.unmatched(text, own))

    def _allowed(self, channel: str | None) -> NDArray[np.bool_]:
        return self._allowed_in.get(channel, self._allowed_in[""])

    def _exact(self, question: str, allowed: NDArray[np.bool_]) -> Integers:
        """(0 or 1,) the entry that has the question among its phrasings, where no other allowed one has it too."""
        entries = self._having(question, allowed)
        return entries if len(entries) == 1 else entries[:0]

    def _having(self, question: str, allowed: NDArray[np.bool_]) -> Integers:
        """The allowed entries that have the question among their phrasings."""
        documents = [d for d in self._worded.get(same_wording(question), ()) if allowed[d]]
        entries: Integers = np.unique(self._entry_of[documents])
        return entries

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

    def _document_for(self, locale: str | None, own: list[int], found: int) -> Document:
        """The document to show: in the customer's locale or by the fallback chain; unknown, the one that was found."""
        if locale is None:
            return self.documents[found]
        by_locale = {self.documents[d].locale: self.documents[d] for d in own}
        return by_locale[choose_locale(tuple(by_locale), locale) or self.documents[found].locale]

    def _contributions(self, match: LexicalMatch, own: list[int], weight: float) -> tuple[TermContribution, ...]:
        """The words behind an entry's signal `words`, which is that of the best of its `own` documents, in units of the
        combined score, of which they are a part."""
        best = max(own, key=lambda d: match.scores[d])
        terms = match.contributions(best)
        total = sum(amount for _, amount in terms)
        share = weight * float(match.scores[best]) / total if total else 0.0
        curated = {keyword.term: keyword.weight for keyword in self.documents[best].keywords}
        matched = {found.label: found for found in match.keywords(best) if found.term in curated} if curated else {}
        return tuple(
            TermContribution(term, amount * share, matched[term].amount * share, curated[matched[term].term])
            if term in matched
            else TermContribution(term, amount * share)
            for term, amount in terms
        )


def _allowed(documents: Sequence[Document], channel: str | None) -> NDArray[np.bool_]:
    """(documents,) which may be shown in `channel`; all of them when it is None."""
    allowed = [channel is None or not document.channels or channel in document.channels for document in documents]
    return np.array(allowed, dtype=np.bool_)


def _entries(documents: Sequence[Document]) -> tuple[tuple[str, ...], Integers]:
    """The documents' entries, sorted, and (documents,) the position of each document's."""
    entries = sorted({document.entry for document in documents})
    number = {entry: position for position, entry in enumerate(entries)}
    return tuple(entries), np.array([number[document.entry] for document in documents], dtype=np.int64)


def _subjects(vectors: NDArray[np.float32], entry_of: Integers, weights: Floats, entries: int) -> NDArray[np.float32]:
    """(entries, d) each entry's weighted mean vector over its squared length; zero where that is zero.

    The product with a unit vector is its mean cosine to the entry's views over the mean cosine among the views.
    """
    sums = np.zeros((entries, vectors.shape[1]))
    np.add.at(sums, entry_of, vectors * weights[:, None])
    means = sums / np.bincount(entry_of, weights, entries)[:, None]
    squares = np.einsum("ij,ij->i", means, means)[:, None]
    scaled: NDArray[np.float32] = (means / np.where(squares > 1e-6, squares, np.inf)).astype(np.float32)
    return scaled


def _ranges(starts: Integers, ends: Integers) -> Integers:
    """The numbers of all half-open ranges [start, end), one range after another."""
    lengths = ends - starts
    offsets = np.repeat(np.cumsum(lengths) - lengths, lengths)
    numbers: Integers = np.arange(lengths.sum()) - offsets + np.repeat(starts, lengths)
    return numbers
