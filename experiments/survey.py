"""Survey scores are compared only where the arms did not change who answered."""

from dataclasses import dataclass

import numpy as np

from experiments.contrast import Arm, Difference, Flags, Floats, Interval, StudentT, Wald, placement_difference
from experiments.ordinal import placements
from experiments.proportions import Proportions


@dataclass(frozen=True, slots=True)
class Response:
    """Response rates in [0, 1] of both arms, and the p-value of their being equal; arrays over comparisons."""

    control: Floats
    treatment: Floats
    p_value: Floats

    def differs(self, alpha: float) -> Flags:
        """Where the arms changed who answered, so that scores have bounds and no clean verdict."""
        return np.asarray(self.p_value <= alpha)


def response(answered: tuple[Floats, Floats], asked: tuple[Floats, Floats]) -> Response:
    """The comparison of response rates, control first."""
    table = Proportions(answered[0], asked[0], answered[1], asked[1])
    rates = [a / np.where(b > 0, b, np.nan) for a, b in zip(answered, asked, strict=True)]
    return Response(rates[0], rates[1], table.p_value())


def bounds(counts: tuple[Floats, Floats], rates: tuple[float, float], alpha: float) -> Interval:
    """Bounds of P(treatment > control) + P(equal)/2 among those who answer in either arm, widened by their sampling
    error to level 1 - `alpha`.

    `counts` per score, worst first, of control and treatment. The surplus of the arm that answers more is taken off its
    best or its worst scores (Lee 2009, assuming that an arm only ever adds respondents; Imbens and Manski 2004).
    """
    low = high = counts
    if rates[0] > rates[1]:
        kept = rates[1] / rates[0]
        low, high = (_without_worst(counts[0], kept), counts[1]), (_without_best(counts[0], kept), counts[1])
    elif rates[1] > rates[0]:
        kept = rates[0] / rates[1]
        low, high = (counts[0], _without_best(counts[1], kept)), (counts[0], _without_worst(counts[1], kept))
    return _interval(low, alpha)[0], _interval(high, alpha)[1]


def _interval(counts: tuple[Floats, Floats], alpha: float) -> Interval:
    arms: tuple[Arm, Arm] = placements(*counts)
    observed: Difference = placement_difference(*arms)
    return Wald(observed, StudentT(observed.df), least=0.0, most=1.0).interval(alpha)


def _without_best(counts: Floats, kept: float) -> Floats:
    """The worst `kept` share of the scores."""
    total = np.minimum(np.cumsum(counts), kept * counts.sum())
    return np.diff(total, prepend=0.0)


def _without_worst(counts: Floats, kept: float) -> Floats:
    """The best `kept` share of the scores."""
    return _without_best(counts[::-1], kept)[::-1]
