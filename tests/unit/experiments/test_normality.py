"""The second opinion on skewed means: Hall's transformation, its coverage, and the bootstrap's percentiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.contrast import Arm
from experiments.normality import LEAST_REPLICATES, bootstrap_interval, needed_units, transformed_interval
from tests.unit.experiments.oracles import arm_of, assert_close, generator, welch


def scalar(n: float, mean: float, variance: float) -> Arm:
    """An arm of scalars, as the second opinion takes it."""
    return Arm(np.float64(n), np.float64(mean), np.float64(variance))


def hall(t: float, gamma: float) -> float:
    """Hall's transformation of a studentised mean whose skewness is `gamma`."""
    return t + gamma * t**2 / 3 + gamma**2 * t**3 / 27 + gamma / 6


ARMS = st.builds(scalar, st.integers(2, 10**5), st.floats(-100, 100), st.floats(0.01, 1e4))
SKEWNESS = st.floats(-20, 20)


class TestTransformedInterval:
    @given(ARMS, ARMS, SKEWNESS, SKEWNESS, st.floats(0.001, 0.5))
    def test_bounds_are_where_the_transformation_is_the_normal_quantile(
        self, control: Arm, treatment: Arm, skew0: float, skew1: float, alpha: float
    ) -> None:
        """Hall's polynomial of (estimate - bound) / error is ± z: the bounds are its inverse."""
        low, high = transformed_interval(control, treatment, (skew0, skew1), alpha)
        error = float(np.sqrt(control.squared_error + treatment.squared_error))
        third = [s * float(a.variance) ** 1.5 / float(a.n) ** 2 for s, a in ((skew0, control), (skew1, treatment))]
        gamma, estimate = (third[1] - third[0]) / error**3, float(treatment.value - control.value)
        z = stats.norm.isf(alpha / 2)
        slack = 1e-6 + 1e-9 * abs(estimate) / error
        assert_close(hall((estimate - low) / error, gamma), z, 1e-5, absolute=slack)
        assert_close(hall((estimate - high) / error, gamma), -z, 1e-5, absolute=slack)
        assert low < high

    def test_without_skewness_is_the_normal_interval(self) -> None:
        """Estimate plus or minus 1.96 standard errors; opposite skewness of equal arms is none."""
        arms = scalar(50, 1, 4), scalar(50, 2, 4)
        reach = stats.norm.isf(0.025) * np.sqrt(0.16)
        for skewness in ((0.0, 0.0), (3.0, 3.0)):
            assert_close(transformed_interval(*arms, skewness, 0.05), (1 - reach, 1 + reach), 1e-9)

    @given(ARMS, ARMS, SKEWNESS, SKEWNESS)
    def test_swapping_arms_flips_signs(self, control: Arm, treatment: Arm, skew0: float, skew1: float) -> None:
        """The interval of the opposite difference is the mirrored one."""
        low, high = transformed_interval(control, treatment, (skew0, skew1), 0.05)
        assert_close(transformed_interval(treatment, control, (skew1, skew0), 0.05), (-high, -low), 1e-6, absolute=1e-6)

    def test_vanishing_skewness_joins_none(self) -> None:
        """No jump where the identity takes over."""
        arms = scalar(100, 1, 4), scalar(100, 2, 4)
        intervals = [transformed_interval(*arms, (0.0, skew), 0.05) for skew in (0.0, 1e-5, 2e-5, 4e-5)]
        assert_close(intervals, [intervals[0]] * 4, 1e-4)

    def test_covers_skewed_means_better_than_welch(self) -> None:
        """25 lognormal values against 400: over 4,000 tests Welch's interval misses on one side far too often, the
        transformed one less, and its coverage is nearer to 95 %."""
        rng = generator(1)
        tests = 4000
        control, treatment = rng.lognormal(0, 1, (tests, 400)), rng.lognormal(0, 1, (tests, 25))
        misses = {"welch": np.zeros(2), "hall": np.zeros(2)}
        with np.errstate(all="ignore"):
            low, high = welch(arm_of(list(control)), arm_of(list(treatment))).interval(0.05)
        misses["welch"] += ((high < 0).sum(), (low > 0).sum())
        skewness = stats.skew(control, axis=1, bias=False), stats.skew(treatment, axis=1, bias=False)
        for i in range(tests):
            arms = (scalar(len(each), each.mean(), each.var(ddof=1)) for each in (control[i], treatment[i]))
            bounds = transformed_interval(*arms, (float(skewness[0][i]), float(skewness[1][i])), 0.05)
            misses["hall"] += (bounds[1] < 0, bounds[0] > 0)
        assert misses["hall"].sum() < misses["welch"].sum()
        assert np.abs(np.diff(misses["hall"])) < np.abs(np.diff(misses["welch"]))

    def test_covers_exponential_means_better_than_welch(self) -> None:
        """20 exponential values against 200 normal ones with their true skewness: fewer misses, and more evenly."""
        rng, tests = generator(2), 4000
        control, treatment = rng.normal(1, 0.1, (tests, 200)), rng.exponential(1, (tests, 20))
        with np.errstate(all="ignore"):
            low, high = welch(arm_of(list(control)), arm_of(list(treatment))).interval(0.05)
        by_welch = np.array([(high < 0).sum(), (low > 0).sum()])
        by_hall = np.zeros(2)
        for c, t in zip(control, treatment, strict=True):
            bounds = transformed_interval(
                scalar(200, c.mean(), c.var(ddof=1)), scalar(20, t.mean(), t.var(ddof=1)), (0.0, 2.0), 0.05
            )
            by_hall += (bounds[1] < 0, bounds[0] > 0)
        assert by_hall.sum() < by_welch.sum()
        assert abs(by_hall[0] - by_hall[1]) < abs(by_welch[0] - by_welch[1])


class TestNeededUnits:
    def test_are_355_times_the_squared_skewness(self) -> None:
        """Rounded up; none without skewness, whatever its sign."""
        assert [needed_units(s) for s in (0, 1, -1, 2, 0.1)] == [0, 355, 355, 1420, 4]

    def test_of_absurd_skewness_are_a_number(self) -> None:
        """Also where the square is infinite."""
        assert needed_units(1e150) == 2**53


class TestBootstrap:
    def test_is_numpys_percentiles_of_paired_differences(self) -> None:
        """Of the replicates that both arms have."""
        rng = generator(3)
        control, treatment = rng.normal(0, 1, 500), rng.normal(1, 1, 400)
        expected = np.quantile(treatment - control[:400], [0.025, 0.975])
        assert_close(bootstrap_interval(control.tolist(), treatment.tolist(), 0.05), expected, 1e-12)
        assert LEAST_REPLICATES == 200

    def test_of_normal_replicates_is_the_normal_interval(self) -> None:
        """20,000 replicate means: 1.96 standard errors within 3 %."""
        rng = generator(4)
        found = bootstrap_interval(rng.normal(5, 3, 20_000).tolist(), rng.normal(7, 4, 20_000).tolist(), 0.05)
        assert_close(found, (2 - 1.96 * 5, 2 + 1.96 * 5), 0.03, absolute=0.2)


@pytest.mark.parametrize("n", [2, 1000])
def test_of_no_variance_has_no_interval(n: int) -> None:
    """Without variance in either arm the second opinion is not a number either."""
    with np.errstate(all="ignore"):
        bounds = transformed_interval(scalar(n, 1, 0), scalar(n, 1, 0), (0.0, 1.0), 0.05)
    assert np.isnan(bounds).all()
