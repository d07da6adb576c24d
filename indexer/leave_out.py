"""Questions without asking anybody: what a smaller copy of the base finds for the phrasings it lacks."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from indexer._collection import Collection
from indexer.adapter import Adapter
from indexer.combination import COMBINED, Weights
from indexer.documents import Document
from indexer.lexical import FieldWeights
from indexer.ranking import Query
from indexer.views import phrasings

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Vectors = Callable[[list[str]], NDArray[np.float32]]
Learn = Callable[[int, Sequence[Document], Sequence[str]], Adapter]

# Copies of the base; each lacks a tenth of the entries, and some a phrasing of every document that has several.
_COPIES, _COPIES_OF_LARGE, _LARGE = 10, 4, 20_000
# Questions asked of all copies together, and of one absent entry in one locale.
_MOST_ANSWERABLE, _MOST_UNANSWERABLE, _OF_ABSENT = 2000, 1000, 3
# The candidates kept of each question: far more than ever compete.
_KEPT = 24


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question a person judged: `entry` answers it, or nothing does (None), or, not `confirmed`, `entry` does not.

    `weight`: how many leave-out questions the judgement counts as.
    """

    text: str
    entry: str | None
    locale: str | None = None
    confirmed: bool = True
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Examples:
    """Questions whose answer is known, in parallel arrays (questions,).

    `signals` (questions, candidates, 5), NaN for absent candidates. `right`: the place of the right candidate, -1 where
    it was not found or there is none. `answerable`: whether the base has it. `labelled`: whether a person said so.
    `importance`: what the question counts; one asked of several copies counts less in each. `group`: equal for
    questions of one entry. `locales`: of the questions.
    """

    signals: Floats
    right: Integers
    answerable: Flags
    labelled: Flags
    importance: Floats
    group: Integers
    locales: tuple[str | None, ...]

    @classmethod
    def of(cls, rows: Sequence["_Row"]) -> Self:
        """The examples in `rows`, of which there may be none."""
        signals = np.full((len(rows), _KEPT, len(COMBINED)), np.nan)
        for place, row in enumerate(rows):
            signals[place, : len(row.signals)] = row.signals
        groups = {name: number for number, name in enumerate(dict.fromkeys(row.group for row in rows))}
        return cls(
            signals,
            np.array([row.right for row in rows], dtype=np.int64),
            np.array([row.answerable for row in rows], dtype=np.bool_),
            np.array([row.labelled for row in rows], dtype=np.bool_),
            np.array([row.importance for row in rows], dtype=np.float64),
            np.array([groups[row.group] for row in rows], dtype=np.int64),
            tuple(row.locale for row in rows),
        )


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, of which entry it is a phrasing, and the rest as in `Examples`."""

    text: str
    entry: str | None
    locale: str | None
    answerable: bool
    labelled: bool = False
    importance: float = 1.0
    refuted: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    signals: Floats
    right: int
    answerable: bool
    labelled: bool
    importance: float
    group: str
    locale: str | None


def gather(
    documents: Sequence[Document],
    vectors_of: Vectors,
    query_vectors_of: Vectors,
    fields: FieldWeights,
    on_progress: Callable[[int, int], None] | None = None,
    learn: Learn | None = None,
) -> list[_Row]:
    """Ask copies of the base of `documents` (of one kind, sorted) for phrasings and entries they lack.

    `learn(copy, documents, asked)` gives a copy, that has those documents and is asked those texts, its adapter.
    """
    rows: list[_Row] = []
    numbers = _shuffled({document.entry for document in documents})
    copies = number_of_copies(documents)
    for copy in range(copies):
        absent = {entry for entry, number in numbers.items() if number % min(_COPIES, len(numbers)) == copy}
        kept, questions = _split(documents, absent, copy)
        asked = _sample(questions, copies, copy)
        texts = [question.text for question in asked]
        adapter = learn(copy, kept, texts) if learn else None
        rows += _ask(Collection.build(kept, vectors_of, fields, adapter), asked, query_vectors_of(texts))
        if on_progress:
            on_progress(copy + 1, copies)
    return rows


def number_of_copies(documents: Sequence[Document]) -> int:
    """How many copies of the base are asked; none where it has but one entry."""
    entries = len({document.entry for document in documents})
    is_large = sum(len(phrasings(document)) for document in documents) > _LARGE
    return min(_COPIES_OF_LARGE if is_large else _COPIES, entries) if entries > 1 else 0


def judge(collection: Collection, labelled: Sequence[Labelled], query_vectors_of: Vectors) -> list[_Row]:
    """Ask the whole base what people have judged.

    That an entry was the wrong answer says something only while it is the one that is found first.
    """
    questions = [
        _Question(
            question.text,
            question.entry if question.confirmed else None,
            question.locale,
            answerable=not question.confirmed or question.entry in collection.entries,
            labelled=True,
            importance=question.weight,
            refuted=None if question.confirmed else question.entry,
        )
        for question in labelled
    ]
    return list(_ask(collection, questions, query_vectors_of([question.text for question in questions])))


def _ask(collection: Collection, questions: Sequence[_Question], vectors: NDArray[np.float32]) -> Iterator[_Row]:
    """What is found for each, but for those that are, word for word, a phrasing of one entry: no fit judges them."""
    for question, vector in zip(questions, vectors, strict=True):
        found = collection.shortlist(Query(question.text, vector, question.locale))
        if found is None or found.exact.any():
            continue
        best = found.order(found.signals @ Weights().array())[:_KEPT]
        names = [collection.entries[number] for number in found.entry[best]]
        if question.refuted is not None and names[0] != question.refuted:
            continue
        yield _Row(
            found.signals[best],
            names.index(question.entry) if question.answerable and question.entry in names else -1,
            question.answerable,
            question.labelled,
            question.importance,
            question.entry or question.text,
            question.locale,
        )


def _split(documents: Sequence[Document], absent: set[str], copy: int) -> tuple[list[Document], list[_Question]]:
    """The documents of a copy, and the questions that ask for what it lacks.

    Every entry lacks a phrasing in every copy, so that all compete with equally many; the same place among the
    phrasings is taken from every locale of an entry, because phrasings are often translated in order, and a question
    whose translation is still there would be too easy.
    """
    cycles: Counter[str] = Counter()
    for document in documents:
        cycles[document.entry] = min(max(cycles[document.entry], len(phrasings(document))), _COPIES)
    kept, questions = [], []
    for document in documents:
        texts, cycle = phrasings(document), cycles[document.entry]
        if document.entry in absent:
            questions += [_Question(text, document.entry, document.locale, False) for text in texts[:_OF_ABSENT]]
            continue
        held = {place for place in range(len(texts)) if place % cycle == copy % cycle and len(texts) > 1}
        questions += [
            _Question(texts[place], document.entry, document.locale, True, importance=cycle / _COPIES)
            for place in sorted(held)
        ]
        left = [text for place, text in enumerate(texts) if place not in held]
        kept.append(replace(document, title=left[0], phrasings=tuple(left[1:])) if held else document)
    return kept, questions


def _shuffled(entries: Iterable[str]) -> dict[str, int]:
    """A number for every entry, in an order that is always the same but has nothing to do with their names."""
    ordered = sorted(entries)
    places = np.random.default_rng(len(ordered)).permutation(len(ordered))
    return dict(zip(ordered, places.tolist(), strict=True))


def _sample(questions: Sequence[_Question], copies: int, copy: int) -> list[_Question]:
    """At most this copy's share of the questions to ask, of each kind."""
    chosen = []
    for answerable, most in ((True, _MOST_ANSWERABLE), (False, _MOST_UNANSWERABLE)):
        own = [question for question in questions if question.answerable == answerable]
        places = np.random.default_rng(copy).permutation(len(own))[: max(1, most // copies)]
        chosen += [own[place] for place in sorted(places.tolist())]
    return chosen
