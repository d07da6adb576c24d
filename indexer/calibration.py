"""Fits the confidence model to questions whose answer is known, and finds the thresholds that keep the promise."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from indexer.combination import COMBINED, Weights, absent_candidates, leads
from indexer.confidence import (
    MOST_SUBJECT,
    TYPICAL_UNANSWERABLE,
    ConfidenceModel,
    Evidence,
    Goal,
    Promise,
    ReliabilityBin,
    Thresholds,
)
from indexer.leave_out import Examples

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

# With fewer questions of either kind, or fewer answered ones, nothing is promised.
LEAST_ANSWERABLE, LEAST_UNANSWERABLE, LEAST_ANSWERED = 60, 20, 30
_LEAST_OF_LOCALE = 100
# Replies that are surer than needed on average must not pay for others that are more likely wrong than right, nor
# offers for hopeless ones.
LEAST_CONFIDENCE, LEAST_OFFERED = 0.5, 0.2
# Questions of an absent entry are still about what the base is about. What is about something else entirely never shows
# up among them, but among customers' questions, and is known by its distance alone.
LEAST_SUBJECT = 3.0
# The share of unanswerable questions that the direction (what counts how much) is learned with; more of them than are
# expected, because they are what the direction must tell apart. The level is then set for the share expected.
_SHARE_FOR_DIRECTION = 0.35
_FOLDS = 5
_BINS = 10
# Bias (at the subject of a typical unanswerable question), subject and lead on other bases: mean, standard deviation.
_START = ConfidenceModel()
_PRIOR = np.array([_START.bias + _START.subject * TYPICAL_UNANSWERABLE, _START.subject, _START.lead])
_SPREAD = np.array([0.5, 1.5, 0.15])
_LOCALE_SPREAD = 0.5
# Shift and scale of the level: mean, standard deviation, least.
_LEVEL = np.array([0.0, 1.0]), np.array([1.0, 0.2]), np.array([-np.inf, 0.0])


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Questions and the first entry found for each, in parallel arrays (questions,).

    `subject`, `lead`: that entry's signals. `right`: whether it is the answer. The others as in `Examples`.
    """

    subject: Floats
    lead: Floats
    right: Flags
    answerable: Flags
    labelled: Flags
    importance: Floats
    group: Integers
    locales: Sequence[str | None]

    @classmethod
    def of(cls, examples: Examples, weights: Weights) -> Self:
        """What is found first under `weights`."""
        absent = absent_candidates(examples.signals)
        scores = np.where(absent, -np.inf, np.where(absent[..., None], 0.0, examples.signals) @ weights.array())
        asked, first = np.arange(len(scores)), scores.argmax(axis=1)
        return cls(
            examples.signals[asked, first, COMBINED.index("subject")],
            leads(scores)[asked, first],
            first == examples.right,
            examples.answerable,
            examples.labelled,
            examples.importance,
            examples.group,
            examples.locales,
        )

    @property
    def evidence(self) -> Evidence:
        """How many different questions of each kind there are."""
        own = np.where(self.labelled, 0.0, self.importance)
        return Evidence(
            answerable=round(float(own @ self.answerable)),
            unanswerable=round(float(own @ ~self.answerable)),
            labelled=int(self.labelled.sum()),
        )

    def shares(self, unanswerable_share: float) -> Floats:
        """What each question counts, 1 on average, if so many of all questions are unanswerable."""
        kinds = ((self.answerable, 1 - unanswerable_share), (~self.answerable, unanswerable_share))
        present = [(kind, share) for kind, share in kinds if share and self.importance[kind].sum()]
        whole = sum(share for _, share in present)
        counts = np.zeros_like(self.importance)
        for kind, share in present:
            own = self.importance[kind]
            counts[kind] = own / own.sum() * (share / whole) * self.importance.sum()
        return counts


def calibrate(outcomes: Outcomes, goal: Goal) -> ConfidenceModel:
    """The confidence model for `outcomes`, with the thresholds that reach `goal`.

    What is promised is counted on questions judged by fits that knew no question of their entry.
    """
    model = _fit(outcomes, goal, np.ones(len(outcomes.right), dtype=np.bool_))
    # A judgement may count more, but is one question.
    questions = np.minimum(outcomes.importance, 1.0)
    answerable, unanswerable = (questions[kind].sum() for kind in (outcomes.answerable, ~outcomes.answerable))
    if answerable < LEAST_ANSWERABLE or unanswerable < LEAST_UNANSWERABLE:
        return model
    judged = judged_confidences(outcomes, goal)
    counts = outcomes.shares(goal.unanswerable_share)
    answer = max(_threshold(judged, outcomes.right, counts, goal.precision), LEAST_CONFIDENCE)
    answered = judged >= answer
    if answer > 1 or questions[answered].sum() < LEAST_ANSWERED:
        return model
    suggest = _threshold(judged[~answered], outcomes.right[~answered], counts[~answered], goal.suggest_precision)
    suggest = max(suggest, LEAST_OFFERED)
    promise = Promise(
        precision=float(counts[answered] @ outcomes.right[answered] / counts[answered].sum()),
        coverage=float(counts[answered].sum() / counts.sum()),
        reliability=_reliability(judged, outcomes.right, counts, questions),
    )
    return replace(model, thresholds=Thresholds(answer, min(suggest, answer)), promise=promise)


def judged_confidences(outcomes: Outcomes, goal: Goal) -> Floats:
    """(questions,) the confidence in each question's first entry, by fits that knew no question of its entry."""
    judged = np.zeros(len(outcomes.right))
    for fold in range(_FOLDS):
        own = outcomes.group % _FOLDS == fold
        judged[own] = _confidences(_fit(outcomes, goal, ~own), outcomes)[own]
    return judged


def _fit(outcomes: Outcomes, goal: Goal, known: Flags) -> ConfidenceModel:
    """The model fitted to the `known` questions, with cautious thresholds and no promise."""
    unanswerable = known & ~outcomes.answerable
    subjects = np.minimum(outcomes.subject, MOST_SUBJECT)
    typical = float(subjects[unanswerable].mean()) if unanswerable.any() else TYPICAL_UNANSWERABLE
    locales = _frequent(outcomes, known)
    columns = [np.ones_like(outcomes.lead), subjects - typical, outcomes.lead]
    columns += [np.array([name == locale for name in outcomes.locales], dtype=np.float64) for locale in locales]
    coefficients = np.concatenate([_PRIOR, np.zeros(len(locales))])
    if (known & outcomes.answerable).any():
        spread = np.concatenate([_SPREAD, np.full(len(locales), _LOCALE_SPREAD)])
        design, right = np.stack(columns, axis=1)[known], outcomes.right[known]
        for_direction, for_level = (
            outcomes.shares(share)[known] for share in (_SHARE_FOR_DIRECTION, goal.unanswerable_share)
        )
        least = np.concatenate([[-np.inf, LEAST_SUBJECT, 0.0], np.full(len(locales), -np.inf)])
        coefficients = _logistic(design, right, for_direction, coefficients, spread, least)
        level = np.stack([np.ones(len(design)), design @ coefficients], axis=1)
        shift, scale = _logistic(level, right, for_level, *_LEVEL)
        coefficients = scale * coefficients
        coefficients[0] += shift
    bias, subject, lead, *offsets = coefficients.tolist()
    return ConfidenceModel(
        bias=bias - subject * typical,
        subject=subject,
        lead=lead,
        locales=dict(zip(locales, offsets, strict=True)),
        goal=goal,
        # Up to three are offered, and where two are alike neither can be surer than half.
        thresholds=Thresholds(goal.precision, goal.suggest_precision / 2),
        evidence=outcomes.evidence,
    )


def _frequent(outcomes: Outcomes, known: Flags) -> list[str]:
    """The locales with enough answerable questions for a level of their own, unless there is only one."""
    counted: Counter[str] = Counter()
    for locale, counts, importance in zip(
        outcomes.locales, known & outcomes.answerable, outcomes.importance, strict=True
    ):
        if locale and counts:
            counted[locale] += importance
    return (
        sorted(locale for locale, number in counted.items() if number >= _LEAST_OF_LOCALE) if len(counted) > 1 else []
    )


def _logistic(design: Floats, right: Flags, counts: Floats, mean: Floats, spread: Floats, least: Floats) -> Floats:
    """Logistic regression, maximum a posteriori under a normal prior; no coefficient is below `least`."""
    sign = np.where(right, 1.0, -1.0)

    def loss(weights: Floats) -> tuple[float, Floats]:
        logits = sign * (design @ weights)
        away = (weights - mean) / spread
        gradient = design.T @ (-counts * sign * expit(-logits)) + away / spread
        return float(-counts @ log_expit(logits) + away @ away / 2), gradient

    found: Floats = minimize(loss, mean, jac=True, method="L-BFGS-B", bounds=[(low, None) for low in least]).x
    return found


def _confidences(model: ConfidenceModel, outcomes: Outcomes) -> Floats:
    """(questions,) the confidence in each question's first entry."""
    offsets = np.array([model.locales.get(locale or "", 0.0) for locale in outcomes.locales])
    subjects = np.minimum(outcomes.subject, MOST_SUBJECT)
    confidences: Floats = expit(model.bias + model.subject * subjects + model.lead * outcomes.lead + offsets)
    return confidences


def _threshold(confidence: Floats, right: Flags, counts: Floats, precision: float) -> float:
    """The least confidence from which on at least `precision` of the questions are right, one more wrong one of average
    weight being allowed for; above 1 where there is none."""
    if not counts.any():
        return math.inf
    order = np.argsort(-confidence, kind="stable")
    reached = np.cumsum((counts * right)[order]) / (np.cumsum(counts[order]) + counts.mean())
    # Equally sure ones are answered together or not at all.
    is_last = np.diff(confidence[order], append=-1) < 0
    good = np.flatnonzero(is_last & (reached >= precision))
    return float(confidence[order[good[-1]]]) if len(good) else math.inf


def _reliability(confidence: Floats, right: Flags, counts: Floats, questions: Floats) -> tuple[ReliabilityBin, ...]:
    """How often the first entry was right, by confidence."""
    place = np.minimum((confidence * _BINS).astype(np.int64), _BINS - 1)
    bins = []
    for number in range(_BINS):
        own = place == number
        if counts[own].sum():
            means = np.average(np.stack([confidence[own], right[own]]), axis=1, weights=counts[own])
            bins.append(ReliabilityBin(float(means[0]), float(means[1]), max(1, round(float(questions[own].sum())))))
    return tuple(bins)
