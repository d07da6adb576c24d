"""Survey scores are compared only where the arms did not change who answered."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from experiments.contrast import Difference, Flags, Floats, Interval, StudentT, Wald, placement_difference
from experiments.ordinal import placements


@dataclass(frozen=True, slots=True)
class Response:
    """Response rates in [0, 1] of both arms, and the p-value of their being equal; arrays over comparisons."""

    control: Floats
    treatment: Floats
    p_value: Floats

    def differs(self, alpha: float) -> Flags:
        """Where the arms changed who answered, so that scores have bounds and no clean verdict."""
        return np.asarray(self.p_value <= alpha)


def bounds(counts: tuple[Floats, Floats], asked: tuple[float, float], alpha: float) -> Interval:
    """Bounds of P(treatment > control) + P(equal)/2 among those who answer in either arm, widened by their sampling
    error to level 1 - `alpha`.

    `counts` per score, worst first, of control and treatment, of so many `asked`. The surplus of the arm that answers
    more is taken off its best or its worst scores (Lee 2009, assuming that an arm only ever adds respondents); that its
    size is itself an estimate is counted in by the delta method.
    """
    answered = [float(part.sum()) for part in counts]
    rates = [n / of for n, of in zip(answered, asked, strict=True)]
    more = 0 if rates[0] > rates[1] else 1
    kept = rates[1 - more] / rates[more]
    of_rates = kept**2 * sum((1 - rate) / n for rate, n in zip(rates, answered, strict=True))
    error = float(np.sqrt(of_rates + kept * (1 - kept) / answered[more]))
    lower, upper = (_without_worst, _without_best) if more == 0 else (_without_best, _without_worst)
    low = _interval(counts, more, lower, (kept, error), alpha)[0]
    return low, _interval(counts, more, upper, (kept, error), alpha)[1]


def _interval(
    counts: tuple[Floats, Floats],
    more: int,
    trimmed: Callable[[Floats, float], Floats],
    kept: tuple[float, float],
    alpha: float,
) -> Interval:
    """The interval with the larger arm trimmed to a share, given with its standard error."""

    def observed(share: float) -> Difference:
        arms = [trimmed(part, share) if arm == more else part for arm, part in enumerate(counts)]
        return placement_difference(*placements(arms[0], arms[1]))

    share, error = kept
    above, below = min(share + error, 1.0), max(share - error, share / 2)
    slope = (observed(above).estimate - observed(below).estimate) / (above - below)
    whole = observed(share)
    whole = replace(whole, squared_error=whole.squared_error + (slope * error) ** 2)
    return Wald(whole, StudentT(whole.df), least=0.0, most=1.0).interval(alpha)


def _without_best(counts: Floats, kept: float) -> Floats:
    """The worst `kept` share of the scores."""
    total = np.minimum(np.cumsum(counts), kept * counts.sum())
    return np.diff(total, prepend=0.0)


def _without_worst(counts: Floats, kept: float) -> Floats:
    """The best `kept` share of the scores."""
    return _without_best(counts[::-1], kept)[::-1]
