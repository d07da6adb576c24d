"""Sizes a test before it starts: units, days, the least effect it can find, and whether it is worth starting."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from experiments import checks
from experiments.power import harmless_power, least_effect, least_units, standard_error
from experiments.reading_plan import PlannedMetric, Request, read_request
from experiments.report import plain
from experiments.sentences import DAYS_A_MONTH, tell_plan

WEEKS = (2, 4, 8)
"""After how many weeks the least detectable effect is told; a test that takes longer than the last is out of reach."""
_LEAST_UNITS = 2


@dataclass(frozen=True, slots=True)
class Detectable:
    """The least effect that is found after so many weeks, `units` over all arms: in the metric's unit, and relative to
    the control's value. None where no possible effect is."""

    weeks: int
    units: int
    absolute: float | None
    relative: float | None


@dataclass(frozen=True, slots=True)
class Need:
    """Units over all arms that one metric needs, None beyond 2^53, at two-sided level `alpha` and this `power`.

    A guardrail's one-sided test at its level is a two-sided one at twice that.
    """

    metric: str
    units: int | None
    alpha: float
    power: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A sized test; effects are sizes in the metric's unit.

    `units` over all arms are enough for the primary metric and every guardrail. `achieved_power` is that of the primary
    metric with them. `days` at today's traffic, `reachable` if within eight weeks of it. What has no effect, no
    traffic or no end is None. `detectable` is empty without traffic. `text` says it in English, Spanish and Portuguese.
    """

    effect: float | None
    units: int | None
    units_by_arm: Mapping[str, int] | None
    needs: tuple[Need, ...]
    achieved_power: float | None
    daily_units: float | None
    days: int | None
    reachable: bool | None
    detectable: tuple[Detectable, ...]
    text: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        """The plan in JSON types."""
        return dict(plain(self))


def plan(document: Any) -> Plan:
    """The plan for the test that a parsed JSON document describes; InvalidInput names what is wrong with it."""
    with np.errstate(all="ignore"):
        return _plan(read_request(document))


def _plan(request: Request) -> Plan:
    needs = _needs(request)
    known_units = [need.units for need in needs if need.units is not None]
    by_arm = None
    if needs and len(known_units) == len(needs):
        by_arm = {arm: math.ceil(max(known_units) * weight) for arm, weight in request.weights.items()}
    units = None if by_arm is None else sum(by_arm.values())
    daily = request.daily_units
    days = None if units is None or daily is None else math.ceil(units / daily)
    reachable = None if days is None else days <= 7 * WEEKS[-1]
    return Plan(
        effect=request.metric.size,
        units=units,
        units_by_arm=by_arm,
        needs=needs,
        achieved_power=None if units is None else _found(request, max(known_units), request.metric.size or 0.0),
        daily_units=daily,
        days=days,
        reachable=reachable,
        detectable=() if daily is None else tuple(_detectable(request, daily, weeks) for weeks in WEEKS),
        text=_text(request, units, days, reachable),
    )


def _needs(request: Request) -> tuple[Need, ...]:
    """What the primary metric and every guardrail need; nothing where no effect is named."""
    if request.metric.size is None:
        return ()
    power = request.corrected_power
    primary = partial(_found, request, effect=request.metric.size)
    return (
        _need(primary, request, request.metric, request.hardest_alpha, power),
        *(
            _need(partial(_harmless, request, one), request, one, 2 * request.alpha, power)
            for one in request.guardrails
        ),
    )


def _need(
    power_of: Callable[[float], float], request: Request, metric: PlannedMetric, alpha: float, power: float
) -> Need:
    """Searched for around the textbook formula's number of units."""
    distance = float(special.ndtri(power) - special.ndtri(alpha / 2))
    error = standard_error(metric.outcome.variances(0.0), request.sample(1.0))
    guess = (distance * error / (metric.size or math.inf)) ** 2
    found = least_units(power_of, power, guess, checks.LARGEST_COUNT)
    return Need(metric.name, None if found is None else int(found), alpha, power)


def _found(request: Request, units: float, effect: float) -> float:
    """The chance to find an effect of this size, in the better direction, in the arm with the fewest units."""
    metric = request.metric
    return request.rule.power(metric.outcome, request.sample(units), metric.sign * effect, request.hardest_alpha)


def _harmless(request: Request, metric: PlannedMetric, units: float) -> float:
    """The chance to show that a guardrail that does not change is no worse than its margin."""
    worse = -metric.sign * (metric.size or 0.0)
    return harmless_power(metric.outcome, request.rule, request.sample(units), worse, request.alpha)


def _detectable(request: Request, daily_units: float, weeks: int) -> Detectable:
    units = daily_units * 7 * weeks
    metric, sample = request.metric, request.sample(units)
    most = metric.outcome.most(metric.sign)
    found = (
        least_effect(partial(_found, request, units), request.corrected_power, most)
        if min(sample.n0, sample.n1) >= 2
        else None
    )
    relative = None if found is None or not metric.baseline else found / abs(metric.baseline)
    return Detectable(weeks, math.floor(units), found, relative)


def _text(request: Request, units: int | None, days: int | None, reachable: bool | None) -> Mapping[str, str]:
    """Whether the test is worth starting."""
    if request.metric.size is None:
        return tell_plan("open")
    if units is None:
        return tell_plan("impossible")
    if days is None:
        return tell_plan("sized", units=units)
    if reachable:
        return tell_plan("reachable", units=units, days=days)
    return tell_plan("unreachable", weekly=(request.daily_units or 0) * 7, months=days / DAYS_A_MONTH)
