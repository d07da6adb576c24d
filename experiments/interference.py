"""Warns before launch of experiments that disturb each other: their entries compete for the same questions.

Entries are what an experiment changes, questions are where its effect is measured. Such a pair of sides, joined by what
can affect what, makes a bipartite experiment (Pouget-Abadie et al. 2019, "Variance reduction in bipartite experiments
through correlation clustering"). A question with candidates in two experiments gets an outcome that depends on both.
What interferes is best treated as one (for graphs: Ugander et al. 2013, "Graph cluster randomization"): merge such
experiments, run them one after the other, or put them into one layer, where no customer is in both.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from experiments.checks import count, number

LEAST_OVERLAP = 0.05
"""Overlaps above this share are worth a warning."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much two sets of entries compete. A set's questions are those that any of its entries is a candidate for.

    `of_first`, `of_second`: which share, in [0, 1], of all the times the questions of the first, or second, were asked
    fell on questions of both; 0 for a set that was never a candidate. `questions`: the number of different questions
    of both.
    """

    of_first: float
    of_second: float
    questions: int

    @property
    def largest(self) -> float:
        """The larger of the two shares: a small set may be swallowed by a large one that hardly notices."""
        return max(self.of_first, self.of_second)


NONE = Overlap(0.0, 0.0, 0)
"""The overlap of sets that share no question."""


@dataclass(frozen=True, slots=True)
class Interference:
    """Two experiments, by key, that would disturb each other: `same_entries` are in both, in alphabetical order."""

    first: str
    second: str
    overlap: Overlap
    same_entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """Questions, or clusters of them, that were asked at least once, and their candidates.

    `columns`: each entry's column, in alphabetical order. `candidates`: (questions, entries) sparse, 1 where the entry
    is a candidate. `times`: (questions,) how often each was asked.
    """

    columns: Mapping[str, int]
    candidates: Any
    times: NDArray[np.float64]

    @classmethod
    def of(cls, asked: Mapping[str, tuple[AbstractSet[str], int]]) -> Self:
        """For each question the entries that compete for it and how often it was asked.

        Name as candidates only entries that may well be shown, such as the first five; all competing is alike here.
        `InvalidInput` for a number of times that is negative or not whole.
        """
        counts = {question: count(times, f"questions.{question}") for question, (_, times) in asked.items()}
        rows = [asked[question][0] for question, times in counts.items() if times]
        columns = {entry: column for column, entry in enumerate(sorted(set().union(*rows)))}
        indices = [columns[entry] for entries in rows for entry in entries]
        starts = np.cumsum([0, *map(len, rows)])
        candidates = sparse.csr_array((np.ones(len(indices)), indices, starts), shape=(len(rows), len(columns)))
        return cls(columns, candidates, np.array([times for times in counts.values() if times], dtype=np.float64))

    def of_sets(self, sets: Sequence[AbstractSet[str]]) -> Any:
        """(questions, sets) sparse, 1 where any entry of the set is a candidate; unknown entries never are."""
        places = [(self.columns[entry], place) for place, one in enumerate(sets) for entry in one & self.columns.keys()]
        columns, owners = np.array(places, dtype=np.int64).reshape(-1, 2).T
        members = sparse.csr_array((np.ones(len(places)), (columns, owners)), shape=(len(self.columns), len(sets)))
        return (self.candidates @ members).sign()


def overlap(questions: Questions, first: AbstractSet[str], second: AbstractSet[str]) -> Overlap:
    """How much two sets of entries compete for the same questions."""
    return _overlaps(questions.of_sets([first, second]), questions.times, 0.0).get((0, 1), NONE)


def shared_entries(questions: Questions, threshold: float = LEAST_OVERLAP) -> dict[tuple[str, str], Overlap]:
    """All pairs of entries whose largest overlap is above `threshold`, a share in [0, 1]; largest first, then by name.

    Each pair is in alphabetical order. Time and memory grow with the pairs of candidates of each question.
    """
    least = number(threshold, "threshold", least=0, most=1)
    entries = list(questions.columns)
    found = _overlaps(questions.candidates, questions.times, least)
    by_size = sorted(found.items(), key=lambda pair: (-pair[1].largest, pair[0]))
    return {(entries[first], entries[second]): shared for (first, second), shared in by_size}


def warnings(
    experiments: Mapping[str, AbstractSet[str]], questions: Questions, threshold: float = LEAST_OVERLAP
) -> list[Interference]:
    """The pairs of experiments that share an entry, or whose largest overlap is above `threshold`, a share in [0, 1].

    `experiments`: the entries that each changes. Pairs are in the order of the experiments.
    """
    least = number(threshold, "threshold", least=0, most=1)
    found = _overlaps(questions.of_sets(list(experiments.values())), questions.times, 0.0)
    pairs = [
        Interference(first, second, found.get((i, j), NONE), tuple(sorted(experiments[first] & experiments[second])))
        for (i, first), (j, second) in combinations(enumerate(experiments), 2)
    ]
    return [pair for pair in pairs if pair.same_entries or pair.overlap.largest > least]


def _overlaps(touched: Any, times: NDArray[np.float64], least: float) -> dict[tuple[int, int], Overlap]:
    """The overlaps above `least` of the columns of `touched`, (questions, sets) sparse of ones, by pair of columns."""
    # One product for both, so both have one order: its real part sums times, its imaginary part counts questions.
    shared = sparse.triu(touched.T @ (touched * (times + 1j)[:, None]), 1).tocoo()
    whole = touched.T @ times
    first, second = shared.coords
    shares = shared.data.real / np.stack([whole[first], whole[second]])
    above = np.flatnonzero(shares.max(axis=0) > least)
    pairs = zip(first[above].tolist(), second[above].tolist(), strict=True)
    measures = zip(*shares[:, above].tolist(), shared.data.imag[above].astype(np.int64).tolist(), strict=True)
    return {pair: Overlap(*measured) for pair, measured in zip(pairs, measures, strict=True)}
