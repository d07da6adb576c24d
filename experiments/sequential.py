"""Results that stay valid however often one looks: asymptotic confidence sequences.

Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences"
(2021, Annals of Statistics 2024), with Robbins' normal mixture.
"""

import math
from dataclasses import dataclass

import numpy as np

from experiments.contrast import Floats, as_p_value

LEAST_UNITS = 30
"""With fewer units in an arm nothing is said yet: the sequence rests on the central limit theorem."""


def mixture_variance(planned_n: Floats | float, alpha: float) -> Floats:
    """Robbins' mixture variance (rho squared) that makes the interval narrowest at `planned_n` units (their B.2)."""
    log = -2 * math.log(alpha)
    return np.asarray((log + math.log(log + 1)) / np.asarray(planned_n, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class ConfidenceSequence:
    """What an estimate from `n` units is held against when anybody may look at any time, `rho2` as above.

    The interval is estimate ± s·sqrt(2(n rho2 + 1)/(n² rho2) · log(sqrt(n rho2 + 1)/alpha)), with s² the variance of
    the difference per unit, that is `n` times its squared standard error.
    """

    n: Floats
    rho2: Floats

    def critical(self, alpha: Floats | float) -> Floats:
        """How many standard errors the interval reaches to either side."""
        rate = self.n * self.rho2
        return np.asarray(np.sqrt(2 * (rate + 1) / rate * (np.log1p(rate) / 2 - np.log(alpha))))

    def p_value(self, statistic: Floats) -> Floats:
        """The anytime-valid p-value: the least alpha at which the interval leaves out no difference."""
        rate = self.n * self.rho2
        return as_p_value(np.exp(np.log1p(rate) / 2 - statistic**2 * rate / (2 * (rate + 1))))
