"""What tuning an encoder gained: ranking with it and without it, on questions that it was not learned from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from indexer.adapter import Adapter
from indexer.calibration import LEAST_CONFIDENCE, Outcomes, judged_confidences
from indexer.confidence import Goal

Floats = NDArray[np.float64]
_RESAMPLES = 1000
# With fewer, drawing entries says little about chance.
LEAST_ENTRIES = 10
# Parts of the share of replies that may be wrong. One threshold hangs on the few most confident wrong ones: the mean
# over these has intervals half as wide.
_WRONG = (0.4, 0.8, 1.2, 1.6, 2.0)
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Difference:
    """A share in [0, 1] with the encoder alone (`before`) and tuned (`after`), and the 95 % interval of the gain."""

    before: float
    after: float
    low: float
    high: float

    @property
    def gain(self) -> float:
        """after - before."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Gain:
    """What tuning gained on held-out `questions`, answerable ones.

    `hit_at_1`: share of answerable questions whose entry comes first. `coverage`: share of all questions that would be
    answered automatically, the mean over several thresholds under which about as many replies are right as wanted.
    """

    questions: int
    hit_at_1: Difference
    coverage: Difference

    @property
    def is_real(self) -> bool:
        """Whether one of the two is better beyond chance and the other no worse."""
        both = (self.hit_at_1, self.coverage)
        return any(found.low > _TINY for found in both) and all(found.gain > -_TINY for found in both)


@dataclass(frozen=True, slots=True)
class Tuning:
    """A learned adapter, what it was learned from (`phrasings`, `confirmed` questions), when, and what it gained.

    `tuned_at` is ISO 8601 in UTC.
    """

    adapter: Adapter
    tuned_at: str
    phrasings: int
    confirmed: int
    gain: Gain

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types, with the adapter's revision in place of the adapter."""
        facts = {name: getattr(self, name) for name in ("tuned_at", "phrasings", "confirmed")}
        return facts | {"adapter": self.adapter.revision, "gain": asdict(self.gain)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], adapter: Adapter | None) -> Self:
        """The tuning `to_dict` described, with its `adapter`. KeyError, TypeError or ValueError where it is not."""
        if adapter is None or adapter.revision != data["adapter"]:
            raise ValueError(f"the adapter is not {data['adapter']}")
        gain = data["gain"]
        differences = {name: Difference(**gain[name]) for name in ("hit_at_1", "coverage")}
        return cls(
            adapter, data["tuned_at"], data["phrasings"], data["confirmed"], Gain(gain["questions"], **differences)
        )


def measure_gain(before: Outcomes, after: Outcomes, goal: Goal) -> Gain:
    """What the same questions, in the same order, gained.

    The intervals are percentiles of a paired bootstrap that draws entries, with all questions of one: these are alike.
    A judgement that counts more in the fit is one question here.
    """
    before, after = (replace(own, importance=np.minimum(own.importance, 1.0)) for own in (before, after))
    _, entry_of = np.unique(before.group, return_inverse=True)
    entries = int(entry_of.max()) + 1
    draws = np.random.default_rng(0).multinomial(entries, np.full(entries, 1 / entries), size=_RESAMPLES)
    samples = np.concatenate([np.ones((1, entries)), draws])[:, entry_of]
    return Gain(
        before.evidence.answerable + int((before.labelled & before.answerable).sum()),
        _difference(_hits(before, samples), _hits(after, samples)),
        _difference(_coverage(before, goal, samples), _coverage(after, goal, samples)),
    )


def _difference(before: Floats, after: Floats) -> Difference:
    """From (1 + resamples,) values, the first of them that of the questions themselves."""
    low, high = np.quantile(after[1:] - before[1:], [0.025, 0.975])
    return Difference(float(before[0]), float(after[0]), float(low), float(high))


def _hits(outcomes: Outcomes, samples: Floats) -> Floats:
    """(samples,) for `samples` (samples, questions), how often each question was drawn."""
    counts = samples * (outcomes.importance * outcomes.answerable)
    hits: Floats = counts @ outcomes.right / np.maximum(counts.sum(axis=1), _TINY)
    return hits


def _coverage(outcomes: Outcomes, goal: Goal, samples: Floats) -> Floats:
    """As `_hits`; every sample has the thresholds that its own questions call for."""
    confidences = judged_confidences(outcomes, goal)
    order = np.argsort(-confidences, kind="stable")
    counts = (samples * outcomes.shares(goal.unanswerable_share))[:, order]
    answered = np.cumsum(counts, axis=1)
    total = np.maximum(answered[:, -1:], _TINY)
    precision = np.cumsum(counts * outcomes.right[order], axis=1) / (answered + total / len(order))
    # Equally sure questions are answered together or not at all, and none that is too unsure.
    is_end = (np.diff(confidences[order], append=-1) < 0) & (confidences[order] >= LEAST_CONFIDENCE)
    shares = [
        np.where(is_end & (precision >= 1 - (1 - goal.precision) * part), answered / total, 0.0).max(axis=1)
        for part in _WRONG
    ]
    covered: Floats = np.mean(shares, axis=0)
    return covered
