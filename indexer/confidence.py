"""How sure we are, as a probability, how sure we must be to reply, and what that promises."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from indexer.ranking import Signals

# What a curator vouches for: the question is, word for word, a phrasing of this entry and of no other.
EXACT_CONFIDENCE = 0.999
# Nearer than an entry's views are to one another is no surer: where they differ widely, any of them is that near.
MOST_SUBJECT = 1.0
# The signal `subject` of what is found first for a question the base cannot answer, where nothing better is known.
TYPICAL_UNANSWERABLE = 0.8


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least confidence, in [0, 1], for an automatic reply and for being offered as a choice."""

    answer: float
    suggest: float

    def __post_init__(self) -> None:
        """Refuse (ValueError) anything but 0 <= suggest <= answer <= 1."""
        if not 0 <= self.suggest <= self.answer <= 1:
            raise ValueError(f"thresholds must satisfy 0 <= suggest <= answer <= 1, got {self}")


@dataclass(frozen=True, slots=True)
class Goal:
    """What the operator wants, as shares in [0, 1], from which the thresholds follow.

    `precision`: of automatic replies, how many must be right. `suggest_precision`: of offers of choices, how many must
    have the right entry first. `unanswerable_share`: of customers' questions, how many nothing in the base answers.
    """

    precision: float = 0.95
    suggest_precision: float = 0.5
    unanswerable_share: float = 0.1

    def __post_init__(self) -> None:
        """Refuse (ValueError) shares that cannot be wanted."""
        if not 0 < self.suggest_precision <= self.precision < 1:
            raise ValueError(f"a goal must satisfy 0 < suggest_precision <= precision < 1, got {self}")
        if not 0 <= self.unanswerable_share < 1:
            raise ValueError(f"unanswerable_share must be in [0, 1), got {self.unanswerable_share}")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How many questions a fit rests on: phrasings asked without themselves (`answerable`), phrasings asked without
    their whole entry (`unanswerable`), and confirmed by people (`labelled`)."""

    answerable: int = 0
    unanswerable: int = 0
    labelled: int = 0


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Questions of similar confidence: its mean, the share that was right, both in [0, 1], and how many they are."""

    confidence: float
    right: float
    questions: int


@dataclass(frozen=True, slots=True)
class Promise:
    """What the thresholds should give on questions like those of the evidence, each judged by a fit without its entry.

    `precision`: share of automatic replies that are right. `coverage`: share of all questions that are answered
    automatically. `reliability`: bins of equal width from low to high confidence, empty ones left out.
    """

    precision: float
    coverage: float
    reliability: tuple[ReliabilityBin, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfidenceModel:
    """Turns signals into the probability that the entry answers the question, by logistic regression.

    confidence = 1 / (1 + exp(-(bias + subject * min(signal, 1) + lead * signal + locales[locale]))), or
    EXACT_CONFIDENCE where the signal `exact` is 1, if that is more. The starting values come from the leave-out
    questions of other bases, not this one's, so `promise` is None and the threshold is cautious: no reply is less sure
    than the precision wanted.
    """

    bias: float = -4.1
    subject: float = 3.5
    lead: float = 0.6
    locales: Mapping[str, float] = field(default_factory=dict)
    goal: Goal = Goal()
    thresholds: Thresholds = Thresholds(answer=0.95, suggest=0.25)
    evidence: Evidence = Evidence()
    promise: Promise | None = None

    def confidence(self, signals: Signals, locale: str | None = None) -> float:
        """The probability, in [0, 1], that the entry with these signals is the right answer; never NaN."""
        logit = self.logit(signals, locale)
        # tanh neither overflows nor divides; NaN signals mean that nothing is known.
        probability = 0.0 if math.isnan(logit) else 0.5 * (1 + math.tanh(logit / 2))
        return max(probability, EXACT_CONFIDENCE) if signals.exact == 1 else probability

    def logit(self, signals: Signals, locale: str | None = None) -> float:
        """The log-odds of being right, but for an exact match."""
        offset = self.locales.get(locale, 0.0) if locale else 0.0
        return self.bias + self.subject * min(signals.subject, MOST_SUBJECT) + self.lead * signals.lead + offset

    def describe(self) -> str:
        """One line: what is promised, on what evidence, and the thresholds in force."""
        evidence = self.evidence
        counted = (
            f"{evidence.answerable} answerable, {evidence.unanswerable} unanswerable, {evidence.labelled} labelled"
        )
        if self.promise:
            promised = f"{self.promise.precision:.1%} right, {self.promise.coverage:.0%} of questions answered"
        else:
            promised = "nothing promised, too little evidence: cautious starting values"
        return (
            f"{promised} ({counted} questions); automatic reply from {self.thresholds.answer:.2f}, "
            f"suggestion from {self.thresholds.suggest:.2f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """A dict of JSON types; `from_dict` turns it back into an equal model."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The model `to_dict` described. KeyError, TypeError or ValueError when `data` is not such a description."""
        promise = data["promise"] and Promise(
            **{**data["promise"], "reliability": tuple(ReliabilityBin(**b) for b in data["promise"]["reliability"])}
        )
        parts = {
            "goal": Goal(**data["goal"]),
            "thresholds": Thresholds(**data["thresholds"]),
            "evidence": Evidence(**data["evidence"]),
            "promise": promise,
        }
        return cls(**{**data, **parts})
