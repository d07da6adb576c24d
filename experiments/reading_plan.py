"""The input of `plan`, checked: one clear error naming the place, before anything is computed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

import numpy as np

from experiments import checks
from experiments.checks import field, known, mapping, one_of
from experiments.errors import InvalidInput
from experiments.metrics import KINDS
from experiments.power import (
    AtAnyTime,
    AtPlannedLooks,
    AtTheEnd,
    MeanOutcome,
    OrdinalOutcome,
    Outcome,
    ProportionOutcome,
    Rule,
    Sample,
)
from experiments.ratios import RatioArm
from experiments.reading import read_allocation, read_alpha
from experiments.reading_metric import MOST_MARGIN, Direction, read_arm

DAYS_OF_TRAFFIC = 28
_MOST_LOOKS = 100
_MOST_PRIMARIES = 100
_SCARCE = 1e-9


@dataclass(frozen=True, slots=True)
class PlannedMetric:
    """A metric to plan for: what it looks like, the control's value, and the size of the effect to find or the margin.

    `sign` is 1 where more of the metric is better, else -1. `size` is None where only the least effect is asked for.
    """

    name: str
    outcome: Outcome
    baseline: float | None
    sign: int
    size: float | None


@dataclass(frozen=True, slots=True)
class Request:
    """A test to size. `primaries` counts the primary metrics that share `alpha`; `daily_units` over all arms."""

    alpha: float
    power: float
    weights: Mapping[str, float]
    rule: Rule
    primaries: int
    metric: PlannedMetric
    guardrails: tuple[PlannedMetric, ...]
    daily_units: float | None

    @property
    def hardest_alpha(self) -> float:
        """The level of the hardest decision that Holm's method makes among the primary metrics and arms."""
        return self.alpha / (self.primaries * (sum(weight > 0 for weight in self.weights.values()) - 1))

    @property
    def corrected_power(self) -> float:
        """The power of each decision: shipping takes the primary metric and all guardrails, so that each may miss with
        its share of the error only (Schultzberg, Ankargren and Frånberg 2024)."""
        return 1 - (1 - self.power) / (1 + len(self.guardrails))

    def sample(self, units: float) -> Sample:
        """The control and the treatment with the fewest units, of `units` over all arms."""
        control, *treatments = self.weights.values()
        return Sample(units * control, units * min(weight for weight in treatments if weight > 0))


def read_request(document: Any) -> Request:
    """The request described by a parsed JSON document; InvalidInput otherwise."""
    given = mapping(document)
    names = {"alpha", "power", "allocation", "metric", "guardrails", "primaries", "sequential", "units_last_28_days"}
    known(given, names)
    alpha = read_alpha(given)
    units = given.get("units_last_28_days")
    guardrails = given.get("guardrails", [])
    if not isinstance(guardrails, list):
        raise InvalidInput("guardrails", "must be a list")
    traffic = None if units is None else checks.count(units, "units_last_28_days", least=1) / DAYS_OF_TRAFFIC
    return Request(
        alpha=alpha,
        power=checks.number(given.get("power", 0.8), "power", least=0.5, most=0.99),
        weights=read_allocation(field(given, "allocation")),
        rule=read_rule(given.get("sequential"), alpha),
        primaries=checks.count(given.get("primaries", 1), "primaries", least=1, most=_MOST_PRIMARIES),
        metric=read_planned_metric(field(given, "metric"), "metric", ("effect", "relative_effect")),
        guardrails=tuple(read_planned_metric(one, f"guardrails[{i}]", ("margin",)) for i, one in enumerate(guardrails)),
        daily_units=traffic,
    )


def read_rule(value: Any, alpha: float) -> Rule:
    """How a test is looked at; once, at its end, where nothing else is said."""
    if value is None:
        return AtTheEnd()
    given = mapping(value, "sequential")
    known(given, {"looks", "planned_looks"}, "sequential")
    if len(given) != 1:
        raise InvalidInput("sequential", "must have either looks (any time) or planned_looks")
    name, looks = next(iter(given.items()))
    number = checks.count(looks, f"sequential.{name}", least=1, most=_MOST_LOOKS)
    return AtAnyTime(number, alpha) if name == "looks" else AtPlannedLooks(number)


def read_planned_metric(value: Any, path: str, sizes: tuple[str, ...]) -> PlannedMetric:
    """A metric to plan for; `sizes` are the fields that may name the effect, or the margin."""
    given = mapping(value, path)
    kind = one_of(given, "type", tuple(KINDS), path)
    read, names = _READERS[kind]
    known(given, {"name", "type", "direction", *names, *sizes}, path)
    outcome, baseline = read(given, path)
    direction = cast(Direction, one_of(given, "direction", get_args(Direction), path))
    sign = 1 if direction == "increase" else -1
    size = _size(given, path, sizes, baseline)
    most = outcome.most(sign)
    if size is not None and "margin" not in sizes and size > most:
        raise InvalidInput(f"{path}.effect", f"must be at most {most:.6g}, as far as the metric can go, not {size:g}")
    if "margin" in sizes:
        checks.number(size, f"{path}.margin", most=MOST_MARGIN.get(kind, math.inf))
    return PlannedMetric(checks.name(given.get("name", kind), f"{path}.name"), outcome, baseline, sign, size)


def _size(given: Mapping[str, Any], path: str, sizes: tuple[str, ...], baseline: float | None) -> float | None:
    """The effect's or margin's size; a margin must be there."""
    named = [name for name in sizes if given.get(name) is not None]
    if len(named) > 1:
        raise InvalidInput(f"{path}.{named[1]}", f"cannot be there beside {named[0]}")
    if not named:
        return None if "margin" not in sizes else checks.number(field(given, "margin", path), f"{path}.margin")
    size = checks.number(given[named[0]], f"{path}.{named[0]}", above=0)
    if named[0] != "relative_effect":
        return size
    if not baseline:
        raise InvalidInput(f"{path}.relative_effect", "needs a control's value that is not 0; give effect instead")
    return size * abs(baseline)


def _proportion(given: Mapping[str, Any], path: str) -> tuple[Outcome, float | None]:
    baseline = checks.number(field(given, "baseline", path), f"{path}.baseline", least=_SCARCE, most=1 - _SCARCE)
    return ProportionOutcome(baseline), baseline


def _mean(given: Mapping[str, Any], path: str) -> tuple[Outcome, float | None]:
    _, mean, variance, *_ = read_arm(KINDS["mean"], {"n": 2, **_only(given, ("mean", "variance"))}, path) or ()
    return _spread(variance, given, path), mean


def _ratio(given: Mapping[str, Any], path: str) -> tuple[Outcome, float | None]:
    row = read_arm(KINDS["ratio"], {"n": 2, **_only(given, _RATIO_NAMES)}, path) or ()
    arm = RatioArm(*np.array(row[:6])).arm()
    if not math.isfinite(arm.variance):
        raise InvalidInput(f"{path}.denominator_mean", "must not be 0")
    return _spread(float(arm.variance), given, path), float(arm.value)


def _spread(variance: float, given: Mapping[str, Any], path: str) -> Outcome:
    """The outcome of a metric with this variance, less what a covariate with this `correlation` takes off (CUPED)."""
    correlation = checks.number(given.get("correlation", 0), f"{path}.correlation", least=-0.999, most=0.999)
    if variance <= 0:
        raise InvalidInput(f"{path}.variance", "must be greater than 0: what does not vary needs no test")
    return MeanOutcome(variance * (1 - correlation**2))


def _ordinal(given: Mapping[str, Any], path: str) -> tuple[Outcome, float | None]:
    row = read_arm(KINDS["ordinal"], _only(given, ("counts",)), path)
    if row is None or sum(count > 0 for count in row) < 2:
        raise InvalidInput(f"{path}.counts", "must have at least two scores that were given")
    return OrdinalOutcome(tuple(count / sum(row) for count in row)), None


def _only(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if name in given}


_RATIO_NAMES = ("numerator_mean", "denominator_mean", "numerator_variance", "denominator_variance", "covariance")
_READERS = {
    "proportion": (_proportion, ("baseline",)),
    "mean": (_mean, ("mean", "variance", "correlation")),
    "ratio": (_ratio, (*_RATIO_NAMES, "correlation")),
    "ordinal": (_ordinal, ("counts",)),
}
