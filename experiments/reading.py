"""The input of `analyze`, checked: one clear error naming the place, before anything is computed."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from experiments import checks
from experiments.checks import field, known, mapping, one_of
from experiments.errors import InvalidInput
from experiments.group_sequential import check_fractions
from experiments.metrics import KINDS, Kind, Row
from experiments.normality import LEAST_REPLICATES, Shape

Role = Literal["primary", "secondary", "guardrail"]
Direction = Literal["increase", "decrease"]

_MOST_ARMS = 100
_MOST_LOOKS = 50
_LEAST_ALPHA = 1e-6
_LEAST_DAILY_UNITS = 1e-3
_MOST_COST = 1e12
_MOST_MEAN = 1e100
_MOST_MARGIN = {"proportion": 0.99, "ordinal": 0.49}  # a wider one would let anything pass
_MOST_SKEWNESS = 1e6
_MOST_REPLICATES = 100_000
_SUM_TOLERANCE = 1e-6

BySegment = Mapping[str, Mapping[str, Mapping[str, Row | None]]]


@dataclass(frozen=True, slots=True)
class Monitoring:
    """How results may be looked at before `planned_n` units, over all arms, are in.

    `previous_looks` are the fractions of `planned_n` at which the planned looks so far were taken; None where anybody
    may look at any time.
    """

    planned_n: int
    previous_looks: tuple[float, ...] | None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `arms` by name, and by segment `segments[dimension][value]`; None where an arm has no data.

    `direction` is that of an improvement. `margin`, in the metric's unit, is how much worse a guardrail may get.
    `asked`
    are the units asked of a survey. `cap` is the limit values were winsorised at, `shapes` what is known of means by
    arm.
    """

    name: str
    kind: Kind
    type: str
    role: Role
    direction: Direction
    arms: Mapping[str, Row | None]
    margin: float | None = None
    asked: Mapping[str, int] | None = None
    cap: float | None = None
    shapes: Mapping[str, Shape] = dataclasses.field(default_factory=dict)
    segments: BySegment | None = None

    @property
    def sign(self) -> int:
        """1 where more of the metric is better, -1 where less is."""
        return 1 if self.direction == "increase" else -1


@dataclass(frozen=True, slots=True)
class Test:
    """A test to analyse; the first arm is the control. `exposures` are units by arm, None where they were not given.

    `daily_units`: how many new units come in a day, for saying how long is left. `several_arms`: units seen in more
    than
    one arm, already left out. `holdout`: customers' sums with and without automatic replies, and the cost of a contact.
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
    read = tuple(_metric(metric, f"metrics[{i}]", weights) for i, metric in enumerate(metrics))
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
        checks.text(arm, "allocation"): checks.number(w, f"allocation.{arm}", least=0, most=1)
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
    _arms_known(given, "exposures", weights)
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


def _metric(value: Any, path: str, weights: Mapping[str, float]) -> Metric:
    given = mapping(value, path)
    names = {"name", "type", "role", "direction", "arms", "margin", "asked", "cap", "segments"}
    known(given, names, path)
    kind = one_of(given, "type", tuple(KINDS), path)
    role = cast(Role, one_of(given, "role", get_args(Role), path))
    arms = mapping(field(given, "arms", path), f"{path}.arms")
    metric = Metric(
        name=checks.text(field(given, "name", path), f"{path}.name"),
        kind=KINDS[kind],
        type=kind,
        role=role,
        direction=cast(Direction, one_of(given, "direction", get_args(Direction), path)),
        arms=_arms(arms, f"{path}.arms", weights, KINDS[kind]),
        margin=_margin(given, role, kind, path),
        cap=_cap(given, kind, path),
        asked=_asked(given, path, weights),
        shapes=_shapes(arms, f"{path}.arms") if kind == "mean" else {},
        segments=_segments(given.get("segments"), f"{path}.segments", weights, KINDS[kind]),
    )
    _agrees(metric, path)
    return metric


def _arms(given: Mapping[str, Any], path: str, weights: Mapping[str, float], kind: Kind) -> Mapping[str, Row | None]:
    """The rows by arm; None where an arm is not there, or empty, or without units."""
    _arms_known(given, path, weights)
    rows: dict[str, Row | None] = {}
    for arm in weights:
        statistics = mapping(given.get(arm, {}), f"{path}.{arm}")
        rows[arm] = read_arm(kind, statistics, f"{path}.{arm}")
        if rows[arm] is not None and weights[arm] == 0:
            raise InvalidInput(f"{path}.{arm}", "must be empty: the arm's weight is 0")
    return rows


def read_arm(kind: Kind, statistics: Mapping[str, Any], path: str) -> Row | None:
    """The row of an arm; None where it is empty, or has no units."""
    try:
        return kind.read(statistics) if statistics else None
    except InvalidInput as error:
        raise error.inside(path) from None


def _arms_known(given: Mapping[str, Any], path: str, weights: Mapping[str, float]) -> None:
    for arm in given:
        if arm not in weights:
            raise InvalidInput(f"{path}.{arm}", f"is not an arm of the allocation ({', '.join(weights)})"[:200])


def _cap(given: Mapping[str, Any], kind: str, path: str) -> float | None:
    if given.get("cap") is None:
        return None
    if kind != "mean":
        raise InvalidInput(f"{path}.cap", "is for means only")
    return checks.number(given["cap"], f"{path}.cap")


def _margin(given: Mapping[str, Any], role: str, kind: str, path: str) -> float | None:
    if role != "guardrail":
        if given.get("margin") is not None:
            raise InvalidInput(f"{path}.margin", "is for guardrails only")
        return None
    most = _MOST_MARGIN.get(kind, _MOST_MEAN)
    return checks.number(field(given, "margin", path), f"{path}.margin", least=0, most=most)


def _asked(given: Mapping[str, Any], path: str, weights: Mapping[str, float]) -> Mapping[str, int] | None:
    if given.get("asked") is None:
        return None
    asked = mapping(given["asked"], f"{path}.asked")
    _arms_known(asked, f"{path}.asked", weights)
    return {arm: checks.count(count, f"{path}.asked.{arm}") for arm, count in asked.items()}


def _shapes(arms: Mapping[str, Any], path: str) -> Mapping[str, Shape]:
    return {
        arm: Shape(_skewness(statistics, f"{path}.{arm}"), _replicates(statistics, f"{path}.{arm}"))
        for arm, statistics in arms.items()
        if "skewness" in statistics or "replicates" in statistics
    }


def _skewness(arm: Mapping[str, Any], path: str) -> float | None:
    value = arm.get("skewness")
    return (
        None if value is None else checks.number(value, f"{path}.skewness", least=-_MOST_SKEWNESS, most=_MOST_SKEWNESS)
    )


def _replicates(arm: Mapping[str, Any], path: str) -> tuple[float, ...] | None:
    value = arm.get("replicates")
    if value is None:
        return None
    if not isinstance(value, list) or not LEAST_REPLICATES <= len(value) <= _MOST_REPLICATES:
        raise InvalidInput(f"{path}.replicates", f"must be a list of {LEAST_REPLICATES} to {_MOST_REPLICATES} means")
    return tuple(
        checks.number(mean, f"{path}.replicates[{i}]", least=-_MOST_MEAN, most=_MOST_MEAN)
        for i, mean in enumerate(value)
    )


def _segments(value: Any, path: str, weights: Mapping[str, float], kind: Kind) -> BySegment | None:
    if value is None:
        return None
    return {
        dimension: _dimension(parts, f"{path}.{dimension}", weights, kind)
        for dimension, parts in mapping(value, path).items()
    }


def _dimension(
    value: Any, path: str, weights: Mapping[str, float], kind: Kind
) -> Mapping[str, Mapping[str, Row | None]]:
    """The rows by segment and arm."""
    parts = mapping(value, path)
    if not parts:
        raise InvalidInput(path, "must name at least one segment")
    return {
        name: _arms(mapping(arms, f"{path}.{name}"), f"{path}.{name}", weights, kind) for name, arms in parts.items()
    }


def _agrees(metric: Metric, path: str) -> None:
    """What must hold between the parts of a metric."""
    _alike({f"{path}.arms.{arm}": row for arm, row in metric.arms.items()})
    for dimension, parts in (metric.segments or {}).items():
        place = f"{path}.segments.{dimension}"
        _alike({f"{place}.{name}.{arm}": row for name, arms in parts.items() for arm, row in arms.items()})
    for arm, row in metric.arms.items():
        if row is None:
            continue
        answered = sum(row) if metric.type == "ordinal" else row[0]
        asked = None if metric.asked is None else metric.asked.get(arm)
        if metric.asked is not None and asked is None:
            raise InvalidInput(f"{path}.asked.{arm}", "is missing")
        if asked is not None and answered > asked:
            raise InvalidInput(f"{path}.asked.{arm}", f"must be at least the {answered:.0f} that answered, not {asked}")
        if metric.cap is not None and metric.type == "mean" and row[1] > metric.cap:
            raise InvalidInput(f"{path}.arms.{arm}.mean", f"must be at most the cap {metric.cap:g}, not {row[1]:g}")


def _alike(arms: Mapping[str, Row | None]) -> None:
    """Raises InvalidInput unless all rows, by place, have as many scores, and a covariate or none."""
    rows = [(place, row) for place, row in arms.items() if row is not None]
    for place, row in rows:
        first, other = rows[0]
        if len(row) != len(other):
            raise InvalidInput(f"{place}.counts", f"must be {len(other)} counts as in {first}, not {len(row)}")
        if math.isnan(row[-1]) != math.isnan(other[-1]):
            raise InvalidInput(place, f"must have a covariate, or none, as {first} does")


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
