"""Turns arrays into results: every number finite, or None with a `why`."""

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
from scipy import special

from experiments._comparing import Compared
from experiments.contrast import Arm, Floats, Interval
from experiments.metrics import mean_scores
from experiments.multiplicity import Adjustment
from experiments.normality import Shape, bootstrap_interval, needed_units, transformed_interval
from experiments.reading import Test
from experiments.report import (
    Ci,
    ComparisonResult,
    CovariateResult,
    Dimension,
    Estimate,
    ExpectedLoss,
    GuardrailResult,
    NormalityCheck,
    SegmentResult,
    Sequential,
    Survey,
)
from experiments.segments import Segments
from experiments.sequential import LEAST_UNITS
from experiments.survey import bounds

_HUGE, _TINY = 1e50, 1e-50  # squares of squares of such numbers are beyond doubles

Heterogeneity = Callable[[int, str], float | None]


def present(
    one: Compared, adjustment: Adjustment, test: Test, heterogeneity: Heterogeneity
) -> tuple[ComparisonResult, ...]:
    """The results of one metric; `heterogeneity` gives the adjusted p-value of a treatment's dimension."""
    parts = _Parts(one, adjustment, test)
    return tuple(
        ComparisonResult(
            treatment=treatment,
            absolute=parts.absolute(i),
            relative=parts.relative(i),
            p_value=finite(one.p_values[i]),
            adjusted_p_value=finite(adjustment.p_values[i]),
            adjusted_ci=parts.adjusted_ci(i),
            method=parts.method(i),
            sequential=parts.sequential(i),
            fixed_horizon=parts.fixed_horizon(i),
            probability_better=parts.trusted(i, one.posterior.probability_better[i]),
            expected_loss=ExpectedLoss(
                parts.trusted(i, one.posterior.loss_of_shipping[i]), parts.trusted(i, one.posterior.loss_of_keeping[i])
            ),
            guardrail=parts.guardrail(i),
            survey=parts.survey(i),
            covariate=parts.covariate(i),
            normality=parts.normality(i),
            mean_difference=parts.mean_difference(i),
            dimensions=tuple(
                parts.dimension(i, name, by_treatment[i], heterogeneity(i, name))
                for name, by_treatment in one.segments.items()
            ),
        )
        for i, treatment in enumerate(test.treatments)
    )


def finite(value: float | np.floating) -> float | None:
    """The number, or None where there is none."""
    return float(value) if math.isfinite(value) else None


def interval_of(interval: Interval, i: int) -> Ci | None:
    """The i-th interval, or None where it is unbounded or there is none."""
    low, high = float(interval[0][i]), float(interval[1][i])
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None


def is_extreme(*rows: Floats) -> bool:
    """Whether a number is too large, or too near 0, for its powers to be computed."""
    sizes = np.abs(np.concatenate(rows))
    return bool(((sizes >= _HUGE) | ((sizes > 0) & (sizes <= _TINY))).any())


class _Parts:
    """The parts of a metric's results; the i-th treatment's are asked for by number."""

    def __init__(self, one: Compared, adjustment: Adjustment, test: Test) -> None:
        self._one, self._test = one, test
        self._interval = one.interval
        self._adjusted = one.contrast.interval(adjustment.alphas)
        self._lift, self._lift_interval = one.contrast.lift(), one.contrast.lift_interval(test.alpha)
        self._fixed = one.observed.fixed
        self._is_early_look = test.monitoring is not None and not test.is_anytime

    def method(self, i: int) -> str:
        """The name of what the comparison rests on; exact where counts are small."""
        is_exact = self._one.observed.is_sparse[i] and not self._test.is_anytime
        return self._one.method.replace("score", "exact") if is_exact else self._one.method

    def trusted(self, i: int, value: float) -> float | None:
        """A number that says something only where the arms did not change who answered."""
        return None if self._one.distrusted[i] else finite(value)

    def absolute(self, i: int) -> Estimate:
        """The difference and its interval."""
        estimate = finite(self._one.contrast.estimate[i])
        ci = None if self._one.distrusted[i] else interval_of(self._interval, i)
        return Estimate(estimate, ci, None if ci else self._why(i))

    def relative(self, i: int) -> Estimate:
        """The difference relative to the size of the control's value."""
        if self._one.metric.type == "ordinal":
            return Estimate(None, None, "ordinal")
        estimate, ci = finite(self._lift[i]), interval_of(self._lift_interval, i)
        if self._one.distrusted[i] or self.absolute(i).ci is None:
            return Estimate(estimate, None, self._why(i))
        if estimate is None:
            return Estimate(None, None, "control_is_zero" if self._control_value(i) == 0 else "too_large")
        return Estimate(estimate, ci, None if ci else "unbounded")

    def _control_value(self, i: int) -> float:
        ratio = self._one.observed.ratio
        return float("nan") if ratio is None else float(ratio.control[i])

    def adjusted_ci(self, i: int) -> Ci | None:
        """The interval that agrees with the adjusted p-value."""
        return None if self._one.distrusted[i] else interval_of(self._adjusted, i)

    def sequential(self, i: int) -> Sequential | None:
        """The result that holds at this look; None where there is only one."""
        if self._test.monitoring is None:
            return None
        absolute = self.absolute(i)
        return Sequential(absolute.ci, finite(self._one.p_values[i]), absolute.why)

    def fixed_horizon(self, i: int) -> Sequential | None:
        """What a single look would have shown, once the planned sample is in."""
        if self._test.monitoring is None:
            return None
        if not self._test.is_complete:
            return Sequential(None, None, "before_planned_end")
        if self._one.distrusted[i]:
            return Sequential(None, None, "response_rates_differ")
        ci = interval_of(self._fixed_interval, i)
        return Sequential(ci, finite(self._fixed_p_values[i]), None if ci else self._why(i))

    def guardrail(self, i: int) -> GuardrailResult | None:
        """The one-sided test of "no worse than the margin"."""
        metric = self._one.metric
        if metric.margin is None:
            return None
        p_value = None if self._one.distrusted[i] else finite(self._harmless[i])
        ci = None if p_value is None else interval_of(self._wide_interval, i)
        if p_value is None or ci is None:
            return GuardrailResult(None, metric.margin, None, None, False)
        passes = p_value <= self._test.alpha
        return GuardrailResult(passes, metric.margin, ci, p_value, not passes and self._is_harmed(i, ci, metric.margin))

    @cached_property
    def _harmless(self) -> Floats:
        """One-sided p-values of "worse by the margin"."""
        contrast, margin = self._one.contrast, self._one.metric.margin or 0.0
        return (
            contrast.p_above(contrast.null - margin)
            if self._one.metric.sign > 0
            else contrast.p_below(contrast.null + margin)
        )

    @cached_property
    def _wide_interval(self) -> Interval:
        return self._one.contrast.interval(2 * self._test.alpha)

    @cached_property
    def _fixed_interval(self) -> Interval:
        return self._fixed.interval(self._test.alpha)

    @cached_property
    def _fixed_p_values(self) -> Floats:
        return self._fixed.p_value()

    def _is_harmed(self, i: int, ci: Ci, margin: float) -> bool:
        null, sign = self._one.contrast.null, self._one.metric.sign
        worse = sign * (float(self._one.contrast.estimate[i]) - null) < -margin
        return worse and (ci[1] < null if sign > 0 else ci[0] > null)

    def survey(self, i: int) -> Survey | None:
        """Whether the arms changed who answered."""
        answered = self._one.response
        if answered is None:
            return None
        is_bounded = self._one.distrusted[i] and self._one.metric.type == "ordinal"
        return Survey(
            finite(answered.control[i]),
            finite(answered.treatment[i]),
            finite(answered.p_value[i]),
            not self._one.distrusted[i],
            self._bounds(i) if is_bounded else None,
        )

    def _bounds(self, i: int) -> Ci | None:
        given = self._one.metric.asked or {}
        asked = float(given[self._test.control]), float(given[self._test.treatments[i]])
        low, high = bounds((self._one.control[i], self._one.treatments[i]), asked, self._test.alpha)
        return (float(low), float(high)) if math.isfinite(low) and math.isfinite(high) else None

    def covariate(self, i: int) -> CovariateResult | None:
        """What CUPED did."""
        adjusted = self._one.observed.adjusted
        if adjusted is None:
            return None
        field = 3 if self._one.metric.type == "mean" else 6
        names = self._test.control, self._test.treatments[i]
        known = (row[i] for row in (self._one.control, self._one.treatments))
        missing = {
            name: int(row[0] - row[field]) for name, row in zip(names, known, strict=True) if row[0] >= row[field]
        }
        return CovariateResult(finite(adjusted.theta[i]), finite(adjusted.reduction[i]), missing)

    def normality(self, i: int) -> NormalityCheck | None:
        """Whether skewed values are normal enough."""
        shapes = self._one.metric.shapes
        arms = self._test.control, self._test.treatments[i]
        if not all(arm in shapes for arm in arms) or not self._one.observed.least_units[i] >= 2:
            return None
        control, treatment = shapes[arms[0]], shapes[arms[1]]
        skews = [abs(shape.skewness) for shape in (control, treatment) if shape.skewness is not None]
        needed = needed_units(max(skews)) if len(skews) == len(arms) else None
        adequate = None if needed is None else float(self._one.observed.least_units[i]) >= needed
        ci = None if adequate else self._second_opinion(i, control, treatment)
        return NormalityCheck(needed, adequate, ci, None if ci is None else self._agrees(i, ci))

    def _second_opinion(self, i: int, control: Shape, treatment: Shape) -> Ci | None:
        if control.replicates is not None and treatment.replicates is not None:
            return bootstrap_interval(control.replicates, treatment.replicates, self._test.alpha)
        if control.skewness is None or treatment.skewness is None:
            return None
        arms = Arm(*self._one.control[i][:3]), Arm(*self._one.treatments[i][:3])
        ci = transformed_interval(*arms, (control.skewness, treatment.skewness), self._test.alpha)
        return ci if all(map(math.isfinite, ci)) else None

    def _agrees(self, i: int, ci: Ci) -> bool:
        declared = interval_of(self._adjusted, i)
        return declared is None or _side(declared) in (0, _side(ci))

    def mean_difference(self, i: int) -> Estimate | None:
        """The secondary view of scores."""
        if self._one.metric.type != "ordinal":
            return None
        contrast = mean_scores(self._one.control, self._one.treatments)
        estimate = finite(contrast.estimate[i])
        if estimate is not None and not self._test.is_complete:
            return Estimate(estimate, None, "before_planned_end")
        ci = None if self._one.distrusted[i] else interval_of(contrast.interval(self._test.alpha), i)
        return Estimate(estimate, ci, None if ci else self._why(i))

    def dimension(self, i: int, name: str, segments: Segments, p_value: float | None) -> Dimension:
        """The segments of one dimension."""
        alpha = self._test.alpha
        reach = -special.ndtri(alpha / 2) * segments.error
        raw = segments.estimate - reach, segments.estimate + reach
        shrunk = segments.intervals(alpha)
        called_out = segments.differs(alpha) & (p_value is not None and p_value <= alpha)
        results = tuple(
            SegmentResult(
                segment,
                _segment_estimate(segments.estimate[k], interval_of(raw, k)),
                _segment_estimate(segments.shrunk[k], interval_of(shrunk, k)),
                bool(called_out[k]),
            )
            for k, segment in enumerate((self._one.metric.segments or {})[name])
        )
        why = None if p_value is not None else self._why_untold(i)
        return Dimension(name, p_value, finite(segments.overall), why, results)

    def _why_untold(self, i: int) -> str:
        """Why segments are not tested for being different."""
        if self._one.distrusted[i]:
            return "response_rates_differ"
        return "one_segment" if self._test.is_complete else "before_planned_end"

    def _why(self, i: int) -> str:
        """Why there is no interval."""
        control, treatment = self._one.control[i], self._one.treatments[i]
        units = self._one.observed.least_units[i]
        if np.isnan(control[0]) or np.isnan(treatment[0]):
            return "no_data"
        if self._one.distrusted[i]:
            return "response_rates_differ"
        if self._test.is_anytime and (units < LEAST_UNITS or self._one.observed.is_sparse[i]):
            return "too_early"
        if units < 2:
            return "too_few_units"
        if self._is_early_look and np.isfinite(self._one.observed.difference.squared_error[i]):
            return "too_early"
        if self._one.metric.type == "ratio" and 0 in (control[2], treatment[2]):
            return "denominator_is_zero"
        return "too_large" if is_extreme(control, treatment) else "no_variance"


def _side(ci: Ci) -> int:
    """1 where the interval lies above 0, -1 below, else 0."""
    return int(ci[0] > 0) - int(ci[1] < 0)


def _segment_estimate(value: float, ci: Ci | None) -> Estimate:
    return Estimate(finite(value), ci, None if ci else "too_few_units")
