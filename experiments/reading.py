"""The input of `analyze`, checked: one clear error naming the place, before anything is computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments import checks
from experiments.checks import field, known, mapping
from experiments.errors import InvalidInput
from experiments.group_sequential import check_fractions
from experiments.metrics import KINDS, Row
from experiments.reading_metric import Metric, arms_known, read_arm, read_metric

_MOST_ARMS = 100
_MOST_LOOKS = 50
_LEAST_ALPHA = 1e-6
_LEAST_DAILY_UNITS = 1e-3
_MOST_COST = 1e12
_SUM_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Monitoring:
    """How results may be looked at before `planned_n` units, over all arms, are in.

    `previous_looks` are the fractions of `planned_n` at which the planned looks so far were taken; None where anybody
    may look at any time.
    """

    planned_n: int
    previous_looks: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Test:
    """A test to analyse; the first arm is the control. `exposures` are units by arm, None where they were not given.

    `daily_units`: how many new units come in a day, for saying how long is left. `several_arms`: units seen in more
    than one arm, already left out. `holdout`: customers' sums with and without automatic replies, and the cost of a
    contact.
    """

    alpha: float
    weights: Mapping[str, float]
    exposures: Mapping[str, int] | None
    monitoring: Monitoring | None
    metrics: tuple[Metric, ...]
    daily_units: float | None
    several_arms: int
    holdout: "Holdout | None"

    @property
    def control(self) -> str:
        """The arm the others are compared with."""
        return next(iter(self.weights))

    @property
    def treatments(self) -> tuple[str, ...]:
        """The other arms that get units."""
        return tuple(arm for arm, weight in list(self.weights.items())[1:] if weight > 0)

    @property
    def units(self) -> int:
        """Units exposed so far, over all arms."""
        return sum((self.exposures or {}).values())

    @property
    def is_anytime(self) -> bool:
        """Whether anybody may look at any time."""
        return self.monitoring is not None and self.monitoring.previous_looks is None

    @property
    def is_complete(self) -> bool:
        """Whether the planned sample is in, as that of a test that is looked at once always is."""
        return self.fraction >= 1

    @property
    def fraction(self) -> float:
        """The share of the planned units that is in, at most 1; 1 for a sample of fixed size."""
        return 1.0 if self.monitoring is None else min(1.0, self.units / self.monitoring.planned_n)


@dataclass(frozen=True, slots=True)
class Holdout:
    """Customers' contacts (numerators) and messages (denominators) of both groups; cost of one contact, if known."""

    without: Row | None
    with_replies: Row | None
    cost_per_contact: float | None


def read_test(document: Any) -> Test:
    """The test described by a parsed JSON document; InvalidInput otherwise."""
    given = mapping(document)
    names = {"alpha", "allocation", "exposures", "sequential", "metrics", "daily_units", "several_arms", "holdout"}
    known(given, names)
    alpha = read_alpha(given)
    weights = read_allocation(field(given, "allocation"))
    exposures = _exposures(given["exposures"], weights) if given.get("exposures") is not None else None
    metrics = field(given, "metrics")
    if not isinstance(metrics, list) or not metrics:
        raise InvalidInput("metrics", "must be a list of at least one metric")
    read = tuple(read_metric(metric, f"metrics[{i}]", weights) for i, metric in enumerate(metrics))
    _no_repeats(read)
    several_arms = checks.count(given.get("several_arms", 0), "several_arms")
    if several_arms and exposures is None:
        raise InvalidInput("exposures", "are needed with several_arms: they say how many that is")
    daily = given.get("daily_units")
    monitoring = _monitoring(given.get("sequential"), exposures)
    return Test(
        alpha=alpha,
        weights=weights,
        exposures=exposures,
        monitoring=monitoring,
        metrics=read,
        daily_units=None
        if daily is None
        else checks.number(daily, "daily_units", least=_LEAST_DAILY_UNITS, most=checks.LARGEST_COUNT),
        several_arms=several_arms,
        holdout=_holdout(given.get("holdout")),
    )


def read_alpha(given: Mapping[str, Any]) -> float:
    """The error rate that decisions keep."""
    return checks.number(given.get("alpha", 0.05), "alpha", least=_LEAST_ALPHA, most=0.2)


def read_allocation(value: Any) -> Mapping[str, float]:
    """Weights by arm, the control first, that sum to 1."""
    given = mapping(value, "allocation")
    weights = {
        checks.name(arm, "allocation"): checks.number(w, f"allocation.{arm}", least=0, most=1)
        for arm, w in given.items()
    }
    if not 2 <= len(weights) <= _MOST_ARMS:
        raise InvalidInput("allocation", f"must name 2 to {_MOST_ARMS} arms, not {len(weights)}")
    total = math.fsum(weights.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        raise InvalidInput("allocation", f"must sum to 1, not {total:g}")
    control = next(iter(weights))
    if weights[control] == 0:
        raise InvalidInput(f"allocation.{control}", "must be greater than 0: the first arm is the control")
    if sum(weight > 0 for weight in weights.values()) < 2:
        raise InvalidInput("allocation", "must give units to at least two arms")
    return weights


def _exposures(value: Any, weights: Mapping[str, float]) -> Mapping[str, int]:
    given = mapping(value, "exposures")
    arms_known(given, "exposures", weights)
    exposures = {arm: checks.count(given.get(arm, 0), f"exposures.{arm}") for arm in weights}
    for arm, count in exposures.items():
        if count and weights[arm] == 0:
            raise InvalidInput(f"exposures.{arm}", f"must be 0, not {count}: the arm's weight is 0")
    if sum(exposures.values()) > checks.LARGEST_COUNT:
        raise InvalidInput("exposures", "must sum to at most 2^53")
    return exposures


def _monitoring(value: Any, exposures: Mapping[str, int] | None) -> Monitoring | None:
    if value is None:
        return None
    given = mapping(value, "sequential")
    known(given, {"planned_n", "previous_looks"}, "sequential")
    if exposures is None:
        raise InvalidInput("exposures", "are needed with sequential: they say how much of planned_n is in")
    planned = checks.count(field(given, "planned_n", "sequential"), "sequential.planned_n", least=2)
    looks = given.get("previous_looks")
    if looks is None:
        return Monitoring(planned, None)
    path = "sequential.previous_looks"
    if not isinstance(looks, list) or len(looks) > _MOST_LOOKS:
        raise InvalidInput(path, f"must be a list of at most {_MOST_LOOKS} fractions of planned_n")
    fractions = tuple(checks.number(look, f"{path}[{i}]", above=0, most=1) for i, look in enumerate(looks))
    now = min(1.0, sum(exposures.values()) / planned)
    if fractions and fractions[-1] >= now:
        raise InvalidInput(path, f"must lie before this look, which is at {now:g} of planned_n")
    check_fractions((*fractions, now or 1.0), path)
    return Monitoring(planned, fractions)


def _no_repeats(metrics: tuple[Metric, ...]) -> None:
    names = [metric.name for metric in metrics]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InvalidInput(f"metrics[{i}].name", f"must differ from the others; {name!r} is there twice")


def _holdout(value: Any) -> Holdout | None:
    if value is None:
        return None
    given = mapping(value, "holdout")
    known(given, {"without", "with_replies", "cost_per_contact"}, "holdout")
    without, with_replies = (
        read_arm(KINDS["ratio"], mapping(field(given, name, "holdout"), f"holdout.{name}"), f"holdout.{name}")
        for name in ("without", "with_replies")
    )
    cost = given.get("cost_per_contact")
    read_cost = None if cost is None else checks.number(cost, "holdout.cost_per_contact", least=0, most=_MOST_COST)
    return Holdout(without, with_replies, read_cost)
