"""The delta method against tea-tasting and its closed form, and what is true of any sums."""

import numpy as np
import pytest
import tea_tasting
from hypothesis import given
from hypothesis import strategies as st
from tea_tasting.aggr import Aggregates

from experiments.contrast import Floats, Wald
from experiments.ratios import RatioArm
from tests.unit.experiments.oracles import arm_of, assert_close, column, generator, welch

pytestmark = pytest.mark.usefixtures("as_in_a_report")

COUNT = 220
ALPHAS = st.floats(1e-4, 0.9)


def random_units(rng: np.random.Generator, least: int = 10) -> Floats:
    """Per-unit sums (2, n): messages, and contacts that depend on them."""
    n = int(rng.integers(least, 300))
    messages = 1.0 + rng.poisson(rng.uniform(0.5, 5), n)
    return np.array([rng.binomial(messages.astype(int), rng.uniform(0.1, 0.6)) + rng.normal(0, 0.1, n), messages])


def ratio_arm(units: list[Floats]) -> RatioArm:
    """The sufficient statistics of per-unit sums, one comparison each."""
    moments = [(*each.mean(axis=1), np.cov(each)) for each in units]
    return RatioArm(
        column(*(each.shape[1] for each in units)),
        column(*(moment[0] for moment in moments)),
        column(*(moment[1] for moment in moments)),
        column(*(moment[2][0, 0] for moment in moments)),
        column(*(moment[2][1, 1] for moment in moments)),
        column(*(moment[2][0, 1] for moment in moments)),
    )


def aggregates(units: Floats) -> Aggregates:
    """The same for tea-tasting."""
    (numerator, denominator), covariance = units.mean(axis=1), np.cov(units)
    return Aggregates(
        units.shape[1],
        {"contacts": numerator, "messages": denominator},
        {"contacts": covariance[0, 0], "messages": covariance[1, 1]},
        {("contacts", "messages"): covariance[0, 1]},
    )


def contrast(control: RatioArm, treatment: RatioArm) -> Wald:
    """The comparison of ratios, as `metrics` puts it together."""
    return welch(control.arm(), treatment.arm())


@st.composite
def arms(draw: st.DrawFn) -> RatioArm:
    """An arm whose covariance the variances allow."""
    spread = draw(st.floats(0.01, 10)), draw(st.floats(0.01, 10))
    correlation = draw(st.floats(-0.95, 0.95))
    sums = draw(st.floats(-50, 50)), draw(st.floats(0.5, 50))
    covariance = correlation * spread[0] * spread[1]
    return RatioArm(*map(column, (draw(st.integers(2, 10**6)), *sums, spread[0] ** 2, spread[1] ** 2, covariance)))


class TestDeltaMethod:
    def test_agrees_with_tea_tasting(self) -> None:
        """Estimate, p-value and absolute interval are those of RatioOfMeans, on 220 random pairs of arms."""
        rng = generator(1)
        controls, treatments = ([random_units(rng) for _ in range(COUNT)] for _ in range(2))
        metric = tea_tasting.RatioOfMeans("contacts", "messages", use_t=True, equal_var=False, confidence_level=0.9)
        found = [
            metric.analyze_aggregates(aggregates(c), aggregates(t)) for c, t in zip(controls, treatments, strict=True)
        ]
        test = contrast(ratio_arm(controls), ratio_arm(treatments))
        assert_close(test.estimate, [one.effect_size for one in found], absolute=1e-12)
        assert_close(test.p_value(), [one.pvalue for one in found])
        low, high = test.interval(0.1)
        assert_close(low, [one.effect_size_ci_lower for one in found], absolute=1e-10)
        assert_close(high, [one.effect_size_ci_upper for one in found], absolute=1e-10)

    def test_is_the_variance_of_linearised_units(self) -> None:
        """The closed form: each unit's (numerator - ratio · denominator) / mean denominator, on 220 random arms."""
        rng = generator(2)
        units = [random_units(rng) for _ in range(COUNT)]
        arm = ratio_arm(units).arm()
        linear = arm_of([(x - x.sum() / y.sum() * y) / y.mean() for x, y in units])
        assert_close(arm.value, [x.sum() / y.sum() for x, y in units], 1e-12)
        assert_close(arm.variance, linear.variance, 1e-9)
        assert_close(linear.value, np.zeros(COUNT), 0, absolute=1e-12)

    def test_of_constant_denominators_is_the_mean(self) -> None:
        """One message each: Welch's test of the numerators."""
        rng = generator(3)
        control, treatment = rng.normal(2, 1, 40), rng.normal(2.5, 1, 50)
        units = [np.array([sample, np.ones_like(sample)]) for sample in (control, treatment)]
        test = contrast(ratio_arm(units[:1]), ratio_arm(units[1:]))
        assert_close(test.p_value(), welch(arm_of([control]), arm_of([treatment])).p_value(), 1e-9)

    def test_covariance_with_a_covariate_is_that_of_linearised_units(self) -> None:
        """From the covariances of numerator and denominator with it, on 50 random arms."""
        rng = generator(4)
        for _ in range(50):
            x, y = random_units(rng)
            known = rng.normal(0, 1, len(x)) + 0.3 * y
            shared = [column(np.cov(part, known)[0, 1]) for part in (x, y)]
            linear = (x - x.sum() / y.sum() * y) / y.mean()
            arm = ratio_arm([np.array([x, y])])
            assert_close(arm.covariance_with(*shared), [np.cov(linear, known)[0, 1]], 1e-9)


class TestAnySums:
    @given(arms(), arms(), ALPHAS)
    def test_swapping_arms_flips_signs(self, control: RatioArm, treatment: RatioArm, alpha: float) -> None:
        """Difference and interval change sign; p-value in (0, 1] and the same."""
        test, other = contrast(control, treatment), contrast(treatment, control)
        low, high = test.interval(alpha)
        assert_close(other.interval(alpha), (-high, -low), 1e-9)
        assert_close(other.p_value(), test.p_value(), 1e-9)
        assert 0 < test.p_value()[0] <= 1
        assert low[0] <= test.estimate[0] <= high[0]

    @given(arms(), arms(), ALPHAS, st.sampled_from([0.001, 0.5, 60.0, 1e6]))
    def test_scaling_either_part_scales_the_ratio(
        self, control: RatioArm, treatment: RatioArm, alpha: float, by: float
    ) -> None:
        """Numerators in another unit scale the interval by it, denominators by its inverse."""
        low, high = contrast(control, treatment).interval(alpha)
        size = np.abs([low, high]).max()
        for scale, factor in ((self._numerators, by), (self._denominators, 1 / by)):
            found = contrast(scale(control, by), scale(treatment, by)).interval(alpha)
            assert_close(np.divide(found, factor), (low, high), 1e-6, absolute=1e-7 * size)

    @staticmethod
    def _numerators(arm: RatioArm, by: float) -> RatioArm:
        variance = arm.numerator_variance * by**2
        return RatioArm(
            arm.n,
            arm.numerator_mean * by,
            arm.denominator_mean,
            variance,
            arm.denominator_variance,
            arm.covariance * by,
        )

    @staticmethod
    def _denominators(arm: RatioArm, by: float) -> RatioArm:
        variance = arm.denominator_variance * by**2
        return RatioArm(
            arm.n, arm.numerator_mean, arm.denominator_mean * by, arm.numerator_variance, variance, arm.covariance * by
        )


class TestUglySums:
    def test_nothing_in_the_denominator_is_unknown(self) -> None:
        """No messages at all: no ratio, no interval."""
        empty = RatioArm(*map(column, (50, 0.4, 0, 0.3, 0, 0)))
        test = contrast(empty, RatioArm(*map(column, (50, 0.4, 1.6, 0.3, 0.9, 0.2))))
        assert np.isnan(empty.value).all()
        assert np.isnan([test.estimate, test.p_value(), *test.interval(0.05), *test.lift_interval(0.05)]).all()

    def test_a_numerator_in_step_with_the_denominator_has_no_variance(self) -> None:
        """Rounding below zero is no variance: exactly proportional sums have no test."""
        arm = RatioArm(*map(column, (50, 0.3, 3, 0.01 * 0.7, 0.7, 0.1 * 0.7 * (1 + 1e-15))))
        assert arm.arm().variance[0] < 1e-15
        assert arm.arm().variance[0] >= 0
        constant = RatioArm(*map(column, (50, 2, 4, 0, 0, 0)))
        assert np.isnan(contrast(constant, constant).p_value()).all()

    def test_one_unit_has_no_test(self) -> None:
        """A ratio, but no error of it."""
        one = RatioArm(*map(column, (1, 2, 4, 0, 0, 0)))
        test = contrast(one, RatioArm(*map(column, (50, 0.4, 1.6, 0.3, 0.9, 0.2))))
        assert_close(test.estimate, [-0.25], 1e-12)
        assert np.isnan(test.p_value()).all()
