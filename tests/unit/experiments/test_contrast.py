"""Welch's test and Fieller's interval against SciPy and the quadratic they solve, and what is true of any input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.contrast import (
    SMALLEST_P,
    Arm,
    Difference,
    StudentT,
    Values,
    Wald,
    as_p_value,
    difference,
    fieller,
    placement_difference,
    relative,
    values,
)
from tests.unit.experiments.oracles import arm_of, assert_close, column, generator, samples, welch

pytestmark = pytest.mark.usefixtures("as_in_a_report")

COUNT = 250
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda x: x == 0 or abs(x) > 1e-3)
VARIANCES = st.floats(1e-3, 1e6)
ARMS = st.builds(
    lambda n, value, variance: Arm(column(n), column(value), column(variance)),
    st.integers(2, 10**7),
    NUMBERS,
    VARIANCES,
)
ALPHAS = st.floats(1e-6, 0.9)


class TestStudentT:
    def test_is_scipys(self) -> None:
        """Quantiles and both tails are those of scipy.stats.t, with infinite degrees of freedom those of norm."""
        rng = generator(1)
        df, z = np.append(rng.uniform(1, 300, COUNT), np.inf), np.append(rng.normal(0, 3, COUNT), -2.5)
        alpha = rng.uniform(1e-4, 0.999, COUNT + 1)
        assert_close(StudentT(df).critical(alpha), stats.t.isf(alpha / 2, df), absolute=1e-12)
        assert_close(StudentT(df).p_value(z), 2 * stats.t.sf(np.abs(z), df))
        assert_close(StudentT(df).critical(0.05), stats.t.isf(0.025, df))
        assert_close(StudentT(column(np.inf)).critical(0.05), [1.959963984540054], 1e-12)

    @given(st.floats(1, 1e9), ALPHAS)
    def test_p_value_undoes_critical(self, df: float, alpha: float) -> None:
        """The p-value of a statistic at the critical value of alpha is alpha."""
        reference = StudentT(column(df))
        assert_close(reference.p_value(reference.critical(alpha)), [alpha])

    @pytest.mark.parametrize("df", [5.0, 1e4, np.inf])
    def test_tails_are_never_zero(self, df: float) -> None:
        """60 standard errors, and a million, leave a p-value above 0 and at most 1e-9."""
        p = StudentT(column(df, df)).p_value(column(60, -1e6))
        assert ((p >= SMALLEST_P) & (p < 1e-6)).all()


class TestWelch:
    def test_agrees_with_scipy_on_samples(self) -> None:
        """p-values, one-sided ones, degrees of freedom and intervals are those of ttest_ind(equal_var=False)."""
        rng = generator(2)
        controls, treatments = samples(rng, COUNT), samples(rng, COUNT)
        contrast = welch(arm_of(controls), arm_of(treatments))
        found = [stats.ttest_ind(t, c, equal_var=False) for c, t in zip(controls, treatments, strict=True)]
        assert_close(contrast.estimate, [t.mean() - c.mean() for c, t in zip(controls, treatments, strict=True)])
        assert_close(contrast.p_value(), [one.pvalue for one in found])
        assert_close(contrast.observed.df, [one.df for one in found])
        for alpha in (0.001, 0.05, 0.3):
            expected = np.array([one.confidence_interval(1 - alpha) for one in found]).T
            assert_close(contrast.interval(alpha), expected, absolute=1e-9)
        above = [
            stats.ttest_ind(t, c, equal_var=False, alternative="greater").pvalue
            for c, t in zip(controls, treatments, strict=True)
        ]
        assert_close(contrast.p_above(0.0), above)
        below = [
            stats.ttest_ind(t - 0.7, c, equal_var=False, alternative="less").pvalue
            for c, t in zip(controls, treatments, strict=True)
        ]
        assert_close(contrast.p_below(0.7), below)

    def test_agrees_with_scipy_on_statistics(self) -> None:
        """From sample sizes of 2 to a million, means and variances alone."""
        rng = generator(3)
        n = np.exp(rng.uniform(np.log(2), np.log(1e6), (2, 1000))).round()
        mean, sd = rng.normal(0, 1, (2, 1000)), np.exp(rng.normal(0, 2, (2, 1000)))
        mean[1] = mean[0] + rng.normal(0, 2, 1000) * np.sqrt((sd**2 / n).sum(axis=0))
        contrast = welch(Arm(n[0], mean[0], sd[0] ** 2), Arm(n[1], mean[1], sd[1] ** 2))
        expected = stats.ttest_ind_from_stats(mean[1], sd[1], n[1], mean[0], sd[0], n[0], equal_var=False)
        assert_close(contrast.p_value(), expected.pvalue)

    def test_alphas_may_differ_by_comparison(self) -> None:
        """An array of alphas gives each comparison the interval of its own."""
        arms = Arm(column(30, 30), column(1, 1), column(4, 4)), Arm(column(40, 40), column(2, 2), column(5, 5))
        both = np.array(welch(*arms).interval(column(0.01, 0.2)))
        assert_close(both[:, 0], np.array(welch(*arms).interval(0.01))[:, 0], 1e-15)
        assert_close(both[:, 1], np.array(welch(*arms).interval(0.2))[:, 1], 1e-15)

    @given(ARMS, ARMS, ALPHAS)
    def test_swapping_arms_flips_signs(self, control: Arm, treatment: Arm, alpha: float) -> None:
        """The difference and its interval change sign, the p-value stays."""
        one, other = welch(control, treatment), welch(treatment, control)
        low, high = one.interval(alpha)
        assert_close(other.estimate, -one.estimate, 1e-12)
        assert_close(other.p_value(), one.p_value(), 1e-9)
        assert_close(other.interval(alpha), (-high, -low), 1e-9)
        assert_close(other.p_below(-3.0), one.p_above(3.0), 1e-9)

    @given(ARMS, ARMS, ALPHAS, st.sampled_from([2.0**-20, 0.125, 4.0, 2.0**30]))
    def test_scaling_the_unit_scales_the_results(self, control: Arm, treatment: Arm, alpha: float, by: float) -> None:
        """In another unit the interval is the same, and p-value and relative difference do not change."""
        one = welch(control, treatment)
        other = welch(*(Arm(arm.n, arm.value * by, arm.variance * by**2) for arm in (control, treatment)))
        assert_close(other.interval(alpha), np.multiply(one.interval(alpha), by), 1e-12)
        assert_close(other.p_value(), one.p_value(), 1e-9)
        assert_close(other.lift_interval(alpha), one.lift_interval(alpha), 1e-9, absolute=1e-12)

    @given(ARMS, ARMS, ALPHAS)
    def test_intervals_hold_their_estimate_and_p_values_are_ones(
        self, control: Arm, treatment: Arm, alpha: float
    ) -> None:
        """Estimate in interval, lift in its own; every p-value in (0, 1]; one-sided ones add up to 1."""
        contrast = welch(control, treatment)
        low, high = contrast.interval(alpha)
        assert low[0] <= contrast.estimate[0] <= high[0]
        low, high = contrast.lift_interval(alpha)
        assert np.isnan(low[0]) or low[0] <= contrast.lift()[0] + 1e-9 * (1 + abs(contrast.lift()[0]))
        assert np.isnan(high[0]) or high[0] >= contrast.lift()[0] - 1e-9 * (1 + abs(contrast.lift()[0]))
        p = np.concatenate([contrast.p_value(), contrast.p_above(1.0), contrast.p_below(1.0)])
        assert ((p > 0) & (p <= 1)).all()
        assert_close(p[1] + p[2], 1.0, 1e-12)

    @given(ARMS, ARMS, ALPHAS, st.integers(2, 100))
    def test_more_data_of_the_same_shape_narrows(self, control: Arm, treatment: Arm, alpha: float, times: int) -> None:
        """With more units of the same mean and variance the interval is narrower, and never wider in part."""
        one = welch(control, treatment)
        more = welch(*(Arm(arm.n * times, arm.value, arm.variance) for arm in (control, treatment)))
        (low, high), (low_more, high_more) = one.interval(alpha), more.interval(alpha)
        assert low[0] < low_more[0] or np.isclose(low[0], low_more[0], rtol=1e-12)
        assert high_more[0] < high[0] or np.isclose(high[0], high_more[0], rtol=1e-12)
        assert more.observed.squared_error[0] < one.observed.squared_error[0]

    @given(ARMS, ARMS, ALPHAS)
    def test_the_interval_leaves_out_no_difference_where_p_is_at_most_alpha(
        self, control: Arm, treatment: Arm, alpha: float
    ) -> None:
        """The same decision from the interval, the p-value and the half of it on the side of the estimate."""
        contrast = welch(control, treatment)
        low, high = contrast.interval(alpha)
        p = contrast.p_value()[0]
        if abs(p / alpha - 1) > 1e-9:
            assert ((low[0] > 0) or (high[0] < 0)) == (p <= alpha)
        side = contrast.p_above(0.0) if contrast.estimate[0] > 0 else contrast.p_below(0.0)
        assert_close(2 * side[0], p, 1e-12, absolute=4 * SMALLEST_P)

    def test_large_means_keep_their_digits(self) -> None:
        """Means of 1e8 with variance 1 have the p-value and the interval of means around 0."""
        near = welch(Arm(column(50), column(0), column(1)), Arm(column(60), column(0.5), column(1)))
        far = welch(Arm(column(50), column(1e8), column(1)), Arm(column(60), column(1e8 + 0.5), column(1)))
        assert_close(far.p_value(), near.p_value(), 1e-6)
        assert_close(far.interval(0.05), near.interval(0.05), 1e-6)

    def test_far_tails_are_not_zero(self) -> None:
        """60 standard errors apart with a billion units: a p-value above 0."""
        n = 1e9
        contrast = welch(Arm(column(n), column(0), column(n / 2)), Arm(column(n), column(60), column(n / 2)))
        assert SMALLEST_P <= contrast.p_value()[0] < 1e-300
        assert SMALLEST_P <= contrast.p_above(0.0)[0] < 1e-300
        assert contrast.p_below(0.0)[0] == 1


class TestWithoutAnswer:
    def test_no_variance_has_no_test(self) -> None:
        """Without variance in either arm there is no p-value and no interval; the estimates stay."""
        contrast = welch(Arm(column(10), column(2), column(0)), Arm(column(20), column(3), column(0)))
        assert contrast.estimate[0] == 1
        assert contrast.lift()[0] == 0.5
        assert np.isnan([contrast.p_value(), contrast.p_above(0.0), contrast.p_below(0.0)]).all()
        assert np.isnan(contrast.interval(0.05)).all()

    def test_no_variance_has_no_relative_interval(self) -> None:
        """Where there is no absolute interval there is no relative one: [lift, lift] would say it is known exactly."""
        contrast = welch(Arm(column(10), column(2), column(0)), Arm(column(20), column(3), column(0)))
        assert np.isnan(contrast.lift_interval(0.05)).all()

    def test_one_arm_without_variance_is_the_others_test(self) -> None:
        """Only one arm varies: the one-sample t-test, for either arm."""
        sample = generator(4).normal(1, 2, 12)
        constant = Arm(column(9), column(0.25), column(0))
        expected = stats.ttest_1samp(sample, 0.25).pvalue
        assert_close(welch(constant, arm_of([sample])).p_value(), [expected])
        assert_close(welch(arm_of([sample]), constant).p_value(), [expected])

    @pytest.mark.parametrize("n", [(1, 10), (10, 1), (1, 1), (0, 10)])
    def test_one_unit_has_no_error(self, n: tuple[int, int]) -> None:
        """An arm of fewer than two units leaves no interval and no p-value."""
        contrast = welch(Arm(column(n[0]), column(2), column(1)), Arm(column(n[1]), column(3), column(1)))
        assert np.isnan(contrast.p_value()).all()
        assert np.isnan(contrast.interval(0.05)).all()
        assert np.isnan(contrast.lift_interval(0.05)).all()

    def test_missing_rows_stay_missing(self) -> None:
        """NaN in one comparison is NaN in its results, and nothing to its neighbour's."""
        missing = Arm(column(np.nan, 10), column(np.nan, 1), column(np.nan, 1))
        contrast = welch(missing, Arm(column(10, 10), column(3, 3), column(1, 1)))
        assert np.isnan(contrast.p_value()).tolist() == [True, False]
        assert np.isnan(contrast.interval(0.05)[0]).tolist() == [True, False]

    def test_warns_of_nothing(self) -> None:
        """The absolute results of empty arms need no silenced warnings."""
        with np.errstate(all="raise"):
            observed = difference(
                Arm(column(0, 5), column(0, 1), column(0, 0)), Arm(column(1, 5), column(0, 1), column(0, 0))
            )
            contrast = Wald(observed, StudentT(observed.df))
            assert np.isnan(contrast.p_value()).all()
            assert np.isnan(contrast.interval(0.05)).all()


class TestRelative:
    def test_has_the_sign_of_the_difference(self) -> None:
        """The size of control's value is the unit, also where that is negative; nothing is relative to 0."""
        lifts = relative(column(2, -2, -2, 0), column(3, -1, -3, 1))
        assert_close(lifts, [0.5, 0.5, -0.5, np.nan])

    def test_scores_have_none(self) -> None:
        """A contrast without `ratio` has no lift and no interval of one."""
        observed = placement_difference(
            Arm(column(9), column(0.4), column(0.1)), Arm(column(9), column(0.6), column(0.1))
        )
        contrast = Wald(observed, StudentT(observed.df), least=0.0, most=1.0)
        assert contrast.null == 0.5
        assert contrast.estimate[0] == 0.6
        assert np.isnan(contrast.lift()).all()
        assert np.isnan(contrast.lift_interval(0.05)).all()

    def test_intervals_stay_among_possible_values(self) -> None:
        """`least` and `most` cut an interval, not the p-value."""
        observed = Difference(column(0.9), column(0.04), column(20), column(np.inf), null=0.5)
        low, high = Wald(observed, StudentT(observed.df), least=0.0, most=1.0).interval(0.05)
        assert high[0] == 1
        assert_close(low, [0.9 - 0.2 * 1.959963984540054], 1e-12)


def quadratic_roots(ratio: Values, i: int, critical: float) -> tuple[float, float]:
    """Fieller's bounds of r = treatment/control as the roots of (t - r·c)² = k²·(Vt - 2r·Cov + r²·Vc), less 1, in
    control's size."""
    c, t = ratio.control[i], ratio.treatment[i]
    vc, vt = ratio.control_squared_error[i], ratio.treatment_squared_error[i]
    shared = np.broadcast_to(ratio.covariance, ratio.control.shape)[i]
    if c**2 <= critical**2 * vc:
        return np.nan, np.nan
    middle = -2 * c * t + 2 * critical**2 * shared
    roots = np.roots([c**2 - critical**2 * vc, middle, t**2 - critical**2 * vt]).real
    lifts = (roots - 1) * np.sign(c)
    return float(lifts.min()), float(lifts.max())


class TestFieller:
    def test_solves_the_quadratic(self) -> None:
        """The bounds are the roots that numpy finds, for positive and negative controls; NaN where there are none."""
        rng = generator(5)
        ratio = Values(rng.normal(0, 3, 400), rng.normal(0, 3, 400), *np.exp(rng.normal(-2, 1.5, (2, 400))))
        expected = np.array([quadratic_roots(ratio, i, 1.96) for i in range(400)]).T
        assert 50 < np.isnan(expected[0]).sum() < 250
        assert_close(fieller(ratio, np.float64(1.96)), expected, absolute=1e-9)

    def test_solves_the_quadratic_where_arms_share_an_error(self) -> None:
        """As the arms of CUPED do: correlations from -.9 to .9, control of either sign, or without an error."""
        rng = generator(7)
        errors = np.exp(rng.normal(-2, 1.5, (2, 400)))
        shared = rng.uniform(-0.9, 0.9, 400) * np.sqrt(errors[0] * errors[1])
        ratio = Values(rng.normal(0, 3, 400), rng.normal(0, 3, 400), *errors, shared)
        expected = np.array([quadratic_roots(ratio, i, 1.96) for i in range(400)]).T
        assert_close(fieller(ratio, np.float64(1.96)), expected, absolute=1e-9)
        exact = Values(column(2.0, -2.0), column(3.0, 3.0), column(0.0, 0.0), column(0.04, 0.04), column(0.0, 0.0))
        reach = 1.96 * 0.2 / 2
        assert_close(fieller(exact, np.float64(1.96)), [[0.5 - reach, 2.5 - reach], [0.5 + reach, 2.5 + reach]])

    def test_covers_the_true_ratio(self) -> None:
        """Over 20,000 draws the set it stands for (the whole line where it is NaN) holds the truth 95 % of the time."""
        rng = generator(6)
        control, treatment = rng.normal(1, 0.3, 20_000), rng.normal(1.5, 0.2, 20_000)
        ratio = Values(control, treatment, np.full(20_000, 0.09), np.full(20_000, 0.04))
        low, high = fieller(ratio, np.float64(1.959963984540054))
        bounded = np.isfinite(low)
        distance = np.abs(treatment - 1.5 * control) / np.sqrt(0.04 + 2.25 * 0.09)
        assert ((low <= 0.5) & (high >= 0.5))[bounded & (control > 0)].tolist() == (distance <= 1.959963984540054)[
            bounded & (control > 0)
        ].tolist()
        assert abs((distance <= 1.959963984540054).mean() - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 20_000)

    def test_is_unbounded_where_control_may_be_zero(self) -> None:
        """NaN from the very critical value on at which control's own interval reaches 0."""
        ratio = Values(column(1, 1), column(2, 2), column(0.25, 0.25), column(0.1, 0.1))
        assert np.isfinite(fieller(ratio, column(1.999, 1.999))).all()
        assert np.isnan(fieller(ratio, column(2, 2.001))).all()

    def test_has_no_answer_relative_to_zero(self) -> None:
        """A control of exactly 0 has neither lift nor interval."""
        contrast = welch(Arm(column(9), column(0), column(1)), Arm(column(9), column(1), column(1)))
        assert np.isnan(contrast.lift()).all()
        assert np.isnan(contrast.lift_interval(0.05)).all()

    def test_negative_controls_mirror_positive_ones(self) -> None:
        """Both means negated: the lift and its interval change sign."""
        control, treatment = Arm(column(40), column(5), column(4)), Arm(column(50), column(6), column(5))
        low, high = welch(control, treatment).lift_interval(0.05)
        negated = welch(*(Arm(arm.n, -arm.value, arm.variance) for arm in (control, treatment)))
        assert_close(negated.lift_interval(0.05), (-high, -low), 1e-12)

    @given(ARMS, ARMS, ALPHAS)
    def test_decides_as_the_absolute_interval(self, control: Arm, treatment: Arm, alpha: float) -> None:
        """Where it is bounded it leaves out 0 exactly where the interval of the difference does."""
        contrast = welch(control, treatment)
        (low,), (high,) = contrast.lift_interval(alpha)
        (least,), (most,) = contrast.interval(alpha)
        edge = min(abs(least), abs(most)) < 1e-9 * (most - least + abs(control.value[0]) + abs(treatment.value[0]))
        if np.isfinite(low) and not edge:
            assert (np.sign(low), np.sign(high)) == (np.sign(least), np.sign(most))

    def test_of_arms_takes_their_squared_errors(self) -> None:
        """`values` hands over variance / n of either arm."""
        ratio = values(Arm(column(10), column(2), column(5)), Arm(column(20), column(3), column(8)))
        assert_close((ratio.control_squared_error[0], ratio.treatment_squared_error[0]), (0.5, 0.4), 1e-15)


def test_p_values_are_cut_to_their_range() -> None:
    """0 becomes the smallest normal double, anything above 1 is 1, NaN stays."""
    assert_close(as_p_value(column(0, 0.5, 1.5, np.nan)), [SMALLEST_P, 0.5, 1, np.nan], 0)
