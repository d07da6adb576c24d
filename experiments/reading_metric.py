"""The metrics in the input of `analyze`, checked."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

from experiments import checks
from experiments.checks import field, known, mapping, one_of, within
from experiments.errors import InvalidInput
from experiments.metrics import KINDS, LARGEST, Kind, Row
from experiments.normality import LEAST_REPLICATES, Shape

Role = Literal["primary", "secondary", "guardrail"]
Direction = Literal["increase", "decrease"]
Weights = Mapping[str, float]
BySegment = Mapping[str, Mapping[str, Mapping[str, Row | None]]]

MOST_MARGIN = {"proportion": 0.99, "ordinal": 0.49}
"""A wider margin of these kinds of metric would let anything pass."""
_MOST_SKEWNESS = 1e6
_MOST_REPLICATES = 100_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: `arms` by name, and by segment `segments[dimension][value]`; None where an arm has no data.

    `direction` is that of an improvement. `margin`, in the metric's unit, is how much worse a guardrail may get.
    `asked` are the units asked of a survey. `cap` is the limit values were winsorised at, `shapes` what is known of
    means by arm.
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


def read_metric(value: Any, path: str, weights: Weights) -> Metric:
    """The metric of a parsed JSON object; InvalidInput otherwise."""
    given = mapping(value, path)
    names = {"name", "type", "role", "direction", "arms", "margin", "asked", "cap", "segments"}
    known(given, names, path)
    kind = one_of(given, "type", tuple(KINDS), path)
    role = cast(Role, one_of(given, "role", get_args(Role), path))
    arms = mapping(field(given, "arms", path), f"{path}.arms")
    metric = Metric(
        name=checks.name(field(given, "name", path), f"{path}.name"),
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


def _arms(given: Mapping[str, Any], path: str, weights: Weights, kind: Kind) -> Mapping[str, Row | None]:
    """The rows by arm; None where an arm is not there, or empty, or without units."""
    arms_known(given, path, weights)
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


def arms_known(given: Mapping[str, Any], path: str, weights: Weights) -> None:
    """Raises InvalidInput for an arm that is not one of the allocation."""
    for arm in given:
        if arm not in weights:
            raise InvalidInput(within(path, arm), f"is not an arm of the allocation ({', '.join(weights)})"[:200])


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
    most = MOST_MARGIN.get(kind, LARGEST)
    return checks.number(field(given, "margin", path), f"{path}.margin", least=0, most=most)


def _asked(given: Mapping[str, Any], path: str, weights: Weights) -> Mapping[str, int] | None:
    if given.get("asked") is None:
        return None
    asked = mapping(given["asked"], f"{path}.asked")
    arms_known(asked, f"{path}.asked", weights)
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
        checks.number(mean, f"{path}.replicates[{i}]", least=-LARGEST, most=LARGEST) for i, mean in enumerate(value)
    )


def _segments(value: Any, path: str, weights: Weights, kind: Kind) -> BySegment | None:
    if value is None:
        return None
    return {
        checks.name(dimension, path): _dimension(parts, f"{path}.{dimension}", weights, kind)
        for dimension, parts in mapping(value, path).items()
    }


def _dimension(value: Any, path: str, weights: Weights, kind: Kind) -> Mapping[str, Mapping[str, Row | None]]:
    """The rows by segment and arm."""
    parts = mapping(value, path)
    if not parts:
        raise InvalidInput(path, "must name at least one segment")
    return {
        checks.name(name, path): _arms(mapping(arms, f"{path}.{name}"), f"{path}.{name}", weights, kind)
        for name, arms in parts.items()
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
