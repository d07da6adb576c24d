"""Units that are drawn for the simulation gate and that no textbook formula fits exactly."""

from dataclasses import dataclass

import numpy as np

from experiments.contrast import Floats
from experiments.metrics import KINDS, Kind
from experiments.simulation import Vectors


@dataclass(frozen=True)
class Clustered:
    """Customers with few or many messages and their own rates of contact: contacts per message, a ratio metric.

    An effect adds to every customer's rate.
    """

    rate: float
    kind: Kind = KINDS["ratio"]
    numbers: int = 2

    def sums(self, rng: np.random.Generator, runs: int, units: int, effect: float) -> Floats:
        """Units, contacts and messages, and their products."""
        messages = 1 + rng.poisson(rng.gamma(1.5, 0.6, size=(runs, units)))
        rates = rng.beta(2, 2 / self.rate - 2, size=(runs, units)) + effect
        contacts = rng.binomial(messages, np.clip(rates, 0, 1))
        values = np.stack([contacts, messages], axis=-1).astype(float)
        products = np.einsum("rui,ruj->rij", values, values).reshape(runs, -1)
        return np.column_stack([np.full(runs, float(units)), values.sum(axis=1), products])

    def rows(self, sums: Floats) -> Floats:
        """The statistics of a ratio."""
        return Vectors(self.kind, (0.0, 0.0), ((1.0, 0.0), (0.0, 1.0))).rows(sums)


@dataclass(frozen=True)
class Capped:
    """Handling times in seconds, lognormal and capped at an hour before anything is added up."""

    kind: Kind = KINDS["mean"]
    numbers: int = 1
    cap: float = 3600.0

    def sums(self, rng: np.random.Generator, runs: int, units: int, effect: float) -> Floats:
        """Units, sums and squares."""
        values = np.minimum(rng.lognormal(6.0, 1.0, size=(runs, units)), self.cap) + effect
        return np.column_stack([np.full(runs, float(units)), values.sum(axis=1), (values**2).sum(axis=1)])

    def rows(self, sums: Floats) -> Floats:
        """The statistics of a mean."""
        return Vectors(self.kind, (0.0,), ((1.0,),)).rows(sums)
