"""The Bayesian view: how likely the treatment is better, and what a wrong choice would cost."""

from dataclasses import dataclass

import numpy as np
from scipy import special

from experiments.contrast import Difference, Floats


@dataclass(frozen=True, slots=True)
class Posterior:
    """`probability_better` in [0, 1]; losses in the metric's unit.

    `loss_of_shipping`: expected loss if the treatment is shipped, over the cases in which it is worse;
    `loss_of_keeping`: the expected gain that is missed if control is kept.
    """

    probability_better: Floats
    loss_of_shipping: Floats
    loss_of_keeping: Floats


def posterior(observed: Difference, sign: int) -> Posterior:
    """The posterior of a normal effect; `sign` is 1 where more of the metric is better, else -1.

    The prior is a unit-information one around no effect (Kass and Wasserman 1995). Its variance is half the units times
    the squared error: with equal arms, what one unit in each would have. It shrinks an effect by about two parts in the
    number of units.
    """
    prior_variance = observed.units * observed.squared_error / 2
    precision = 1 / observed.squared_error + 1 / prior_variance
    mean = sign * (observed.estimate - observed.null) / observed.squared_error / precision
    deviation = 1 / np.sqrt(precision)
    z = mean / deviation
    density = deviation * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    gain = np.maximum(density + mean * special.ndtr(z), 0)
    loss = np.maximum(density - mean * special.ndtr(-z), 0)
    return Posterior(np.asarray(special.ndtr(z)), np.asarray(loss), np.asarray(gain))
