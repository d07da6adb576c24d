"""From ranked candidates to what happens: reply, offer a choice, or hand over to a person."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.confidence import ConfidenceModel, Thresholds
from indexer.ranking import Candidate

Outcome = Literal["answer", "suggest", "handoff"]
Reason = Literal["confident", "unsure", "nothing_close", "no_candidates"]

LEAST_CHANCE = -math.log(9)
"""Log-odds of one in ten."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a question and why.

    `confidence` is the best candidate's, 0 without candidates. `candidates`, best first: for `answer` the reply and up
    to `max_suggestions` - 1 others, for `suggest` the choices to offer, for `handoff` whatever came nearest, for a
    person to see. `reason`: `confident` (answer), `unsure` (suggest), `nothing_close` or `no_candidates` (handoff).
    """

    outcome: Outcome
    confidence: float
    candidates: tuple[Candidate, ...]
    thresholds: Thresholds
    reason: Reason


def decide(candidates: Sequence[Candidate], model: ConfidenceModel, max_suggestions: int = 3) -> Decision:
    """The decision for `candidates` (best first) under the model's thresholds.

    Only the first candidate may be the answer. Choices are offered when the first reaches the suggestion threshold:
    that one, and every other that has at least LEAST_CHANCE among the candidates.
    """
    thresholds, confidence = model.thresholds, candidates[0].confidence if candidates else 0.0
    shown = tuple(candidates[:max_suggestions])
    others = (candidate for candidate in shown[1:] if candidate.signals.lead >= LEAST_CHANCE)
    choices = (*shown[:1], *others) if confidence >= thresholds.suggest else ()
    if not candidates:
        return Decision("handoff", confidence, (), thresholds, "no_candidates")
    if confidence >= thresholds.answer:
        return Decision("answer", confidence, shown, thresholds, "confident")
    if choices:
        return Decision("suggest", confidence, choices, thresholds, "unsure")
    return Decision("handoff", confidence, shown, thresholds, "nothing_close")
