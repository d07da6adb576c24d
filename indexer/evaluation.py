"""How good ranking and decisions are on labelled questions."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

TARGET_PRECISION = 0.95
_BINS = 10

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled question and what became of it.

    `expected` is the right entry, None when nothing in the base answers. `ranked` are entries, best first; `confidence`
    in [0, 1] is the first one's; `outcome` is `answer`, `suggest` or `handoff`.
    """

    locale: str
    expected: str | None
    ranked: tuple[str, ...]
    confidence: float
    outcome: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """All are shares in [0, 1] except `n`; None where there is nothing to divide by.

    `n`: questions. `hit_at_1`, `hit_at_3`, `mrr` (mean reciprocal rank): over answerable questions. `oos_auroc`: chance
    that an answerable question has more confidence than an unanswerable one, ties counting half. `coverage_at_95`: the
    largest share of all questions that one threshold on confidence would answer with at least 95 % of the replies
    right. `coverage`, `precision`: share of all questions answered at the threshold in force, and share of those
    replies that are right. `ece`: expected calibration error of "the first entry is right", 10 equal-width bins
    (Naeini et al. 2015). A reply to an unanswerable question is wrong.
    """

    n: int
    hit_at_1: float | None
    hit_at_3: float | None
    mrr: float | None
    oos_auroc: float | None
    coverage_at_95: float | None
    coverage: float | None
    precision: float | None
    ece: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """Metrics over all questions and over those of each locale."""

    overall: Metrics
    locales: Mapping[str, Metrics]

    def to_dict(self) -> dict[str, Any]:
        """The overall metrics by name, with those of each locale under `locales`, in JSON types."""
        return {**asdict(self.overall), "locales": {locale: asdict(m) for locale, m in self.locales.items()}}


def evaluate(rows: Sequence[Judged]) -> Report:
    """The report on `rows`, of which there may be none."""
    locales = {locale: [row for row in rows if row.locale == locale] for locale in sorted({row.locale for row in rows})}
    return Report(_metrics(rows), {locale: _metrics(own) for locale, own in locales.items()})


def _metrics(rows: Sequence[Judged]) -> Metrics:
    confidence = np.array([row.confidence for row in rows], dtype=np.float64)
    right = np.array([_rank(row) == 1 for row in rows], dtype=np.bool_)
    answerable = np.array([row.expected is not None for row in rows], dtype=np.bool_)
    answered = np.array([row.outcome == "answer" for row in rows], dtype=np.bool_)
    candidate = np.array([bool(row.ranked) for row in rows], dtype=np.bool_)
    ranks = np.array([_rank(row) for row in rows], dtype=np.float64)[answerable]
    return Metrics(
        n=len(rows),
        hit_at_1=_mean(ranks <= 1),
        hit_at_3=_mean(ranks <= 3),
        mrr=_mean(1 / ranks),
        oos_auroc=_auroc(confidence[answerable], confidence[~answerable]),
        coverage_at_95=_coverage_at_target(confidence[candidate], right[candidate], len(rows)),
        coverage=_mean(answered),
        precision=_mean(right[answered]),
        ece=_calibration_error(confidence[candidate], right[candidate]),
    )


def _rank(row: Judged) -> float:
    """1 for first; infinite when the expected entry is not among the ranked ones or there is none."""
    if row.expected is None or row.expected not in row.ranked:
        return float("inf")
    return float(row.ranked.index(row.expected) + 1)


def _mean(values: Floats | Flags) -> float | None:
    return float(values.mean()) if len(values) else None


def _auroc(positive: Floats, negative: Floats) -> float | None:
    """Mann-Whitney U over the number of pairs."""
    if not len(positive) or not len(negative):
        return None
    ordered = np.sort(negative)
    below, not_above = np.searchsorted(ordered, positive, "left"), np.searchsorted(ordered, positive, "right")
    return float((below + not_above).mean() / 2 / len(ordered))


def _coverage_at_target(confidence: Floats, right: Flags, total: int) -> float | None:
    """Rows of equal confidence are answered together or not at all, since no threshold can part them."""
    if not total:
        return None
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    answered = np.arange(1, len(order) + 1)
    last_of_ties = np.append(np.diff(confidence[order]) != 0, True)[: len(order)]
    # Compared as counts: hits / answered >= 0.95 would be at the mercy of rounding.
    good = last_of_ties & (hits * 100 >= answered * round(TARGET_PRECISION * 100))
    return float(answered[good].max(initial=0)) / total


def _calibration_error(confidence: Floats, right: Flags) -> float | None:
    if not len(confidence):
        return None
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    gaps = np.bincount(place, confidence, _BINS) - np.bincount(place, right, _BINS)
    return float(np.abs(gaps).sum() / len(confidence))
