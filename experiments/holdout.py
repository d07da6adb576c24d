"""What automatic replies cause: contacts per 1,000 messages with and without them, from customers held out at
random."""

from dataclasses import dataclass

from experiments.contrast import Floats, StudentT, Wald, difference
from experiments.ratios import RatioArm

PER = 1000.0


@dataclass(frozen=True, slots=True)
class CausalEffect:
    """Contacts per 1,000 messages; arrays over comparisons, NaN where a group has too little to compute it.

    `avoided` is `without` minus `with_replies`, with its interval of level 1 - alpha and two-sided p-value. Clustered
    by customer: a group's contacts over its messages, by the delta method on each customer's sums.
    """

    without: Floats
    with_replies: Floats
    avoided: Floats
    avoided_low: Floats
    avoided_high: Floats
    p_value: Floats


def causal_effect(holdout: RatioArm, replied: RatioArm, alpha: float) -> CausalEffect:
    """The effect from customers' sums: contacts as numerators, messages as denominators."""
    held, served = holdout.arm(), replied.arm()
    observed = difference(served, held)
    contrast = Wald(observed, StudentT(observed.df))
    low, high = contrast.interval(alpha)
    return CausalEffect(
        without=PER * held.value,
        with_replies=PER * served.value,
        avoided=PER * observed.estimate,
        avoided_low=PER * low,
        avoided_high=PER * high,
        p_value=contrast.p_value(),
    )
