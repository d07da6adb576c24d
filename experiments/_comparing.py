"""What is computed of one metric, as arrays over treatments, before anything is worded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from experiments.bayes import Posterior, posterior
from experiments.contrast import Contrast, Flags, Floats, Interval, Wald
from experiments.group_sequential import PlannedLook
from experiments.metrics import KINDS, Observed, Row, rows
from experiments.reading import Test
from experiments.reading_metric import Metric
from experiments.segments import Segments, shrink
from experiments.sequential import LEAST_UNITS, ConfidenceSequence, mixture_variance
from experiments.survey import Response


@dataclass(frozen=True)
class Compared:
    """One metric's comparisons.

    `contrast` is what all decisions rest on: the test of a fixed sample, or the monitored one. `response` is there for
    surveys, `segments` by dimension and treatment.
    """

    metric: Metric
    control: Floats
    treatments: Floats
    observed: Observed
    contrast: Contrast
    method: str
    response: Response | None
    segments: Mapping[str, tuple[Segments, ...]]
    distrusted: Flags
    alpha: float

    @cached_property
    def interval(self) -> Interval:
        """Intervals of level 1 - alpha (treatments,)."""
        return self.contrast.interval(self.alpha)

    @cached_property
    def p_values(self) -> Floats:
        """Two-sided p-values (treatments,); NaN where there is no interval, or the arms changed who answered."""
        has_interval = np.isfinite(self.interval[0]) & np.isfinite(self.interval[1])
        return np.where(has_interval & ~self.distrusted, self.contrast.p_value(), np.nan)

    @cached_property
    def posterior(self) -> Posterior:
        """The Bayesian view (treatments,)."""
        return posterior(self.observed.difference, self.metric.sign)


def compare(metric: Metric, test: Test) -> Compared:
    """All comparisons of one metric."""
    stacked = rows(metric.kind, [metric.arms[arm] for arm in (test.control, *test.treatments)])
    control, treatments = np.repeat(stacked[:1], len(stacked) - 1, axis=0), stacked[1:]
    observed = metric.kind.compare(control, treatments)
    contrast, method = _contrast(test, observed)
    answered = _response(metric, test, control, treatments)
    return Compared(
        metric=metric,
        control=control,
        treatments=treatments,
        observed=observed,
        contrast=contrast,
        method=method,
        response=answered,
        segments=_segments(metric, test),
        distrusted=np.zeros(len(treatments), bool) if answered is None else answered.differs(test.alpha),
        alpha=test.alpha,
    )


def _contrast(test: Test, observed: Observed) -> tuple[Contrast, str]:
    """What decisions rest on, and the name of its method."""
    if test.monitoring is None:
        return observed.fixed, observed.method
    if test.monitoring.previous_looks is not None:
        # Without exposures there is no look yet, and nothing to compare.
        looks = (*test.monitoring.previous_looks, test.fraction or 1.0)
        return PlannedLook(observed.fixed, looks), f"{observed.method}_planned_look"
    shares = np.array([test.weights[test.control] + test.weights[arm] for arm in test.treatments])
    rho2 = mixture_variance(test.monitoring.planned_n * shares, test.alpha)
    return anytime(observed, rho2), f"{observed.method}_confidence_sequence"


def anytime(observed: Observed, rho2: Floats) -> Wald:
    """The estimate against a confidence sequence; nothing is said where there are too few units or cases."""
    is_ready = (observed.least_units >= LEAST_UNITS) & ~observed.is_sparse
    difference, ratio = observed.difference, observed.ratio
    ready = replace(difference, squared_error=np.where(is_ready, difference.squared_error, np.nan))
    if ratio is not None:
        ratio = replace(ratio, control_squared_error=np.where(is_ready, ratio.control_squared_error, np.nan))
    reference = ConfidenceSequence(difference.units, rho2)
    return Wald(ready, reference, ratio, observed.least, observed.most)


def _response(metric: Metric, test: Test, control: Floats, treatments: Floats) -> Response | None:
    """The comparison of response rates, for surveys, by the rule that the whole test is looked at by."""
    if metric.asked is None:
        return None
    asked = np.array([metric.asked.get(arm, np.nan) for arm in (test.control, *test.treatments)], dtype=np.float64)
    asked_by_arm = np.broadcast_to(asked[0], asked[1:].shape), asked[1:]
    answered = [part.sum(axis=1) if metric.type == "ordinal" else part[:, 0] for part in (control, treatments)]
    tables = [np.column_stack(pair) for pair in zip(asked_by_arm, answered, strict=True)]
    observed = KINDS["proportion"].compare(tables[0], tables[1])
    rates = [table[:, 1] / np.where(table[:, 0] > 0, table[:, 0], np.nan) for table in tables]
    return Response(rates[0], rates[1], _contrast(test, observed)[0].p_value())


def _segments(metric: Metric, test: Test) -> Mapping[str, tuple[Segments, ...]]:
    return {
        dimension: tuple(
            _shrunk(metric, [(arms[test.control], arms[treatment]) for arms in parts.values()])
            for treatment in test.treatments
        )
        for dimension, parts in (metric.segments or {}).items()
    }


def _shrunk(metric: Metric, pairs: Sequence[tuple[Row | None, Row | None]]) -> Segments:
    """The segments of one comparison; one with too few cases counts as too small."""
    stacked = rows(metric.kind, [row for pair in pairs for row in pair])
    observed = metric.kind.compare(stacked[::2], stacked[1::2])
    return shrink(observed.difference, np.where(observed.is_sparse, 0.0, observed.least_units))
