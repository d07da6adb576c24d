"""Confidence sequences: the published formula, its duality, and that looking often does no harm."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from experiments.contrast import SMALLEST_P, Arm, Difference, Wald, difference, values
from experiments.sequential import ConfidenceSequence, mixture_variance
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")

ALPHAS = st.floats(1e-4, 0.5)
UNITS = st.integers(2, 10**9)


def half_width(n: float, variance: float, rho2: float, alpha: float) -> float:
    """The interval's half-width as the paper prints it."""
    return float(
        np.sqrt(variance) * np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
    )


class TestFormula:
    def test_half_width_of_the_worked_example(self) -> None:
        """Variance 1, 2000 of 5000 planned units, alpha .05: .0698498."""
        observed = Difference(column(0.3), column(1 / 2000), column(2000), column(np.inf))
        contrast = Wald(observed, ConfidenceSequence(column(2000), mixture_variance(5000, 0.05)))
        low, high = contrast.interval(0.05)
        assert_close(((high - low) / 2)[0], 0.0698498, 1e-6)
        assert_close(((high + low) / 2)[0], 0.3, 1e-12)

    def test_is_the_printed_one(self) -> None:
        """On 300 random sizes, plans and alphas."""
        rng = generator(1)
        n, planned = np.exp(rng.uniform(2, 14, (2, 300)))
        alpha, variance = rng.uniform(0.001, 0.5, 300), np.exp(rng.normal(0, 3, 300))
        rho2 = np.array([float(mixture_variance(p, a)) for p, a in zip(planned, alpha, strict=True)])
        expected = [half_width(*row) for row in zip(n, variance, rho2, alpha, strict=True)]
        assert_close(ConfidenceSequence(n, rho2).critical(alpha) * np.sqrt(variance / n), expected)

    @pytest.mark.parametrize("alpha", [0.001, 0.05, 0.2])
    def test_is_narrowest_at_the_planned_size(self, alpha: float) -> None:
        """No mixture variance gives an interval narrower by more than 1 % at the planned number of units."""
        best = optimize.minimize_scalar(lambda log: half_width(5000, 1, np.exp(log), alpha), (-12, -6)).fun
        assert_close(half_width(5000, 1, float(mixture_variance(5000, alpha)), alpha), best, 0.01)


class TestReference:
    @given(UNITS, UNITS, ALPHAS)
    def test_p_value_undoes_critical(self, n: int, planned: int, alpha: float) -> None:
        """The p-value of a statistic at the critical value is alpha; beyond it less, before it more."""
        reference = ConfidenceSequence(column(n), mixture_variance(planned, 0.05))
        z = reference.critical(alpha)
        assert_close(reference.p_value(z), [alpha])
        assert_close(reference.p_value(-z), [alpha])
        assert reference.p_value(z * 1.01)[0] < alpha < reference.p_value(z * 0.99)[0]

    @given(UNITS, UNITS, st.floats(-100, 100))
    def test_p_values_are_ones(self, n: int, planned: int, z: float) -> None:
        """In (0, 1], 1 for no difference, and never below that of a single look."""
        reference = ConfidenceSequence(column(n), mixture_variance(planned, 0.05))
        assert 0 < reference.p_value(column(z))[0] <= 1
        assert reference.p_value(column(z))[0] >= min(2 * stats.norm.sf(abs(z)), 1)
        assert reference.p_value(column(0))[0] == 1

    @given(UNITS, UNITS, ALPHAS)
    def test_one_more_look_costs_width(self, n: int, planned: int, alpha: float) -> None:
        """Wider than the interval of a single look, and the wider the smaller alpha."""
        reference = ConfidenceSequence(column(n), mixture_variance(planned, 0.05))
        assert reference.critical(alpha)[0] > stats.norm.isf(alpha / 2)
        assert reference.critical(alpha / 2)[0] > reference.critical(alpha)[0]

    def test_far_tails_are_not_zero(self) -> None:
        """60 standard errors: the smallest p-value."""
        reference = ConfidenceSequence(column(5000), mixture_variance(5000, 0.05))
        assert reference.p_value(column(60))[0] == SMALLEST_P

    def test_missing_units_stay_missing(self) -> None:
        """NaN units, or a missing statistic, have neither p-value nor interval."""
        reference = ConfidenceSequence(column(np.nan, 100), mixture_variance(5000, 0.05))
        assert np.isnan(reference.critical(0.05)).tolist() == [True, False]
        assert np.isnan(reference.p_value(column(1, np.nan))).all()


class TestContrast:
    @given(
        st.tuples(st.integers(30, 10**6), st.floats(-10, 10), st.floats(0.1, 9)),
        st.tuples(st.integers(30, 10**6), st.floats(-10, 10), st.floats(0.1, 9)),
        ALPHAS,
    )
    def test_absolute_relative_and_p_value_decide_alike(
        self, control: tuple[int, float, float], treatment: tuple[int, float, float], alpha: float
    ) -> None:
        """No effect is left out by interval, lift and p-value at once; one-sided p-values are half of it."""
        arms = Arm(*map(column, control)), Arm(*map(column, treatment))
        observed = difference(*arms)
        reference = ConfidenceSequence(observed.units, mixture_variance(5000, 0.05))
        contrast = Wald(observed, reference, values(*arms))
        (low,), (high,), p = *contrast.interval(alpha), contrast.p_value()[0]
        if abs(p / alpha - 1) > 1e-6:
            assert ((low > 0) or (high < 0)) == (p <= alpha)
            (low_lift,), (high_lift,) = contrast.lift_interval(alpha)
            if np.isfinite(low_lift):
                assert (np.sign(low_lift), np.sign(high_lift)) == (np.sign(low), np.sign(high))
        assert_close(min(contrast.p_above(0.0)[0], contrast.p_below(0.0)[0]), p / 2, 1e-9, absolute=2 * SMALLEST_P)


class TestPeeking:
    def test_looking_after_every_unit_keeps_alpha(self) -> None:
        """2,000 tests without an effect, looked at 5,000 times each: at most 5 % ever leave out 0; single looks do
        so in more than 30 %."""
        rng = generator(2)
        n = np.arange(1, 5001)
        reference = ConfidenceSequence(n.astype(float), mixture_variance(5000, 0.05))
        critical, ever, naive, tests = reference.critical(0.05), 0, 0, 2000
        for _ in range(tests // 100):
            z = np.abs(np.cumsum(rng.standard_normal((100, 5000)), axis=1) / np.sqrt(n))
            ever += int((z > critical).any(axis=1).sum())
            naive += int((z[:, 30:] > 1.96).any(axis=1).sum())
        assert ever / tests <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tests)
        assert naive / tests > 0.3
