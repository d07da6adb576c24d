"""Heterogeneity and shrinkage against statsmodels' meta-analysis and their limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats
from statsmodels.stats.meta_analysis import combine_effects

from experiments.contrast import Difference, Floats
from experiments.segments import LEAST_UNITS, Segments, shrink
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")


def observed(estimates: Floats, errors: Floats) -> Difference:
    """Segments' differences with their standard errors."""
    size = np.full(len(estimates), 1000.0)
    return Difference(np.asarray(estimates, float), np.asarray(errors, float) ** 2, size, size)


def shrunk(estimates: Floats, errors: Floats) -> Segments:
    """Segments that are all large enough."""
    return shrink(observed(estimates, errors), np.full(len(estimates), 500.0))


def random_segments(seed: int, count: int = 220) -> list[tuple[Floats, Floats]]:
    """Estimates and standard errors, a third of them without any heterogeneity."""
    rng = generator(seed)
    found = []
    for i in range(count):
        k = int(rng.integers(2, 12))
        errors = np.exp(rng.normal(0, 0.7, k))
        found.append((rng.normal(0.3, errors) + (i % 3) * rng.normal(0, 1, k), errors))
    return found


class TestAgainstStatsmodels:
    def test_heterogeneity_is_cochrans_q(self) -> None:
        """Statistic, degrees of freedom and p-value, on 220 random sets of 2 to 11 segments."""
        for estimates, errors in random_segments(1):
            expected = combine_effects(estimates, errors**2, method_re="chi2")
            found = shrunk(estimates, errors).heterogeneity
            assert found is not None
            assert_close(found.q, expected.q, absolute=1e-12)
            assert found.df == len(estimates) - 1
            assert_close(found.p_value, expected.test_homogeneity().pvalue)

    def test_without_spread_the_overall_effect_is_the_fixed_one(self) -> None:
        """With equal errors the overall effect is the mean, whatever the spread; statsmodels' fixed effect."""
        for estimates, errors in random_segments(2, 50):
            same = np.full(len(errors), errors[0])
            expected = combine_effects(estimates, same**2, method_re="chi2")
            assert_close(shrunk(estimates, same).overall, expected.mean_effect_fe, absolute=1e-12)


def integrated(estimates: Floats, errors: Floats) -> tuple[float, Floats, Floats]:
    """Overall effect, posterior means and deviations, by the trapezoidal rule over 3,000 spreads, dense near 0.

    Flat priors on the mean and on the variance of the effects, up to a standard deviation of four times the larger of
    the estimates' and the root of the median squared error: with fewer than four segments nothing else bounds it.
    """
    widest = 4 * max(float(estimates.std()), float(np.sqrt(np.median(errors**2))))
    tau = np.append(0.0, np.geomspace(1e-6 * float(errors.min()), widest, 3_000))
    total = errors**2 + tau[:, None] ** 2
    mean = (estimates / total).sum(axis=1) / (1 / total).sum(axis=1)
    marginal = stats.norm.logpdf(estimates, mean[:, None], np.sqrt(total)).sum(axis=1)
    marginal -= np.log((1 / total).sum(axis=1)) / 2
    density = tau * np.exp(marginal - marginal.max())
    density /= integrate.trapezoid(density, tau)

    def average(numbers: Floats) -> Floats:
        return np.asarray(integrate.trapezoid(density.reshape(-1, *[1] * (numbers.ndim - 1)) * numbers, tau, axis=0))

    own = (tau[:, None] ** 2 * estimates + errors**2 * mean[:, None]) / total
    share = errors**2 / total
    variance = share * tau[:, None] ** 2 + share**2 / (1 / total).sum(axis=1)[:, None]
    centre = average(own)
    return float(average(mean)), centre, np.sqrt(average(variance + own**2) - centre**2)


class TestShrinkage:
    def test_agrees_with_integration(self) -> None:
        """Overall effect, shrunk estimates and errors of 220 random sets, within 2 % of a standard error."""
        for estimates, errors in random_segments(5):
            found, (overall, centre, deviation) = shrunk(estimates, errors), integrated(estimates, errors)
            assert abs(found.overall - overall) < 0.02 * errors.min()
            assert (np.abs(found.shrunk - centre) < 0.02 * errors).all()
            assert_close(found.shrunk_error, deviation, 0.02)

    def test_agrees_with_integration_beside_a_tiny_segment(self) -> None:
        """Six large segments that are alike and one small one far away: the large ones still meet at their mean."""
        estimates, errors = column(0.01, -0.01, 0.005, -0.005, 0.012, -0.012, 6), column(*[0.01] * 6, 4)
        found, (_, centre, deviation) = shrunk(estimates, errors), integrated(estimates, errors)
        assert (np.abs(found.shrunk - centre) < 0.1 * errors).all()
        assert_close(found.shrunk_error, deviation, 0.1)

    def test_alike_segments_borrow_from_each_other(self) -> None:
        """No more spread than chance: all lie nearer to the overall effect, with smaller errors than their own."""
        found = shrunk(np.linspace(0.9, 1.1, 12), np.ones(12))
        assert_close(found.overall, 1)
        assert (np.abs(found.shrunk - 1) < 0.5 * np.abs(found.estimate - 1) + 1e-12).all()
        assert (found.shrunk_error < 0.6).all()
        assert not found.differs(0.05).any()

    def test_precise_segments_keep_their_own(self) -> None:
        """Far apart with small errors: hardly moved, and with their own standard error."""
        found = shrunk(column(-10, 0, 10), column(0.01, 0.01, 0.01))
        assert_close(found.shrunk, [-10, 0, 10], 1e-4, absolute=1e-4)
        assert_close(found.shrunk_error, [0.01, 0.01, 0.01], 1e-2)
        assert found.differs(0.05).tolist() == [True, False, True]
        assert found.heterogeneity is not None
        assert 0 < found.heterogeneity.p_value < 1e-300

    def test_noisy_segments_move_most(self) -> None:
        """Of two equal estimates the one with the larger error ends nearer to the overall effect."""
        found = shrunk(column(3, 3, -3, -3), column(0.5, 2, 0.5, 2))
        distance = np.abs(found.shrunk - found.overall)
        assert distance[1] < distance[0]
        assert distance[3] < distance[2]

    def test_intervals_are_normal(self) -> None:
        """1.96 standard errors to either side."""
        found = shrunk(column(1, 2, 4), column(0.5, 0.4, 0.3))
        low, high = found.intervals(0.05)
        assert_close((low + high) / 2, found.shrunk, 1e-12)
        assert_close(high - low, 2 * stats.norm.isf(0.025) * found.shrunk_error, 1e-9)

    @pytest.mark.parametrize("spread", [0.0, 0.3, 1.0, 4.0])
    def test_intervals_cover_on_average(self, spread: float) -> None:
        """Eight segments of normal effects, 1,000 times: 95 % of the shrunk intervals hold theirs (at least 93 %)."""
        rng, errors = generator(3), np.linspace(0.5, 1.5, 8)
        covered = []
        for _ in range(1000):
            effects = rng.normal(0.5, spread, 8)
            low, high = shrunk(rng.normal(effects, errors), errors).intervals(0.05)
            covered.append(((low <= effects) & (effects <= high)).mean())
        assert np.mean(covered) > 0.93

    def test_alike_segments_are_rarely_called_out(self) -> None:
        """One effect everywhere: the heterogeneity test passes in about 5 % of 2,000 tests."""
        rng = generator(4)
        passed = np.mean(
            [shrunk(rng.normal(1, 1, 6), np.ones(6)).heterogeneity.p_value <= 0.05 for _ in range(2000)]  # type: ignore[union-attr]
        )
        assert abs(passed - 0.05) < 3 * np.sqrt(0.05 * 0.95 / 2000)


class TestSmallSegments:
    def test_have_no_estimate_and_no_part(self) -> None:
        """Fewer units than needed, or no variance: NaN, and the others as if they were not there."""
        units = column(500, LEAST_UNITS - 1, 500, 500)
        whole = observed(column(1, 99, 3, 7), column(0.5, 0.5, 0.4, np.nan))
        found, alone = shrink(whole, units), shrunk(column(1, 3), column(0.5, 0.4))
        for name in ("estimate", "error", "shrunk", "shrunk_error"):
            assert_close(getattr(found, name)[[0, 2]], getattr(alone, name), 1e-12)
            assert np.isnan(getattr(found, name)[[1, 3]]).all()
        assert found.heterogeneity == alone.heterogeneity
        assert found.differs(0.05).tolist() == [
            *alone.differs(0.05).tolist()[:1],
            False,
            *alone.differs(0.05)[1:],
            False,
        ]

    def test_a_single_one_is_the_overall_effect(self) -> None:
        """One large segment: its own estimate, nothing to be different from."""
        found = shrink(observed(column(2, 5), column(0.5, 0.5)), column(LEAST_UNITS, 1))
        assert (found.overall, found.shrunk[0], found.shrunk_error[0]) == (2, 2, 0.5)
        assert found.heterogeneity is None
        assert not found.differs(0.05).any()

    def test_none_at_all_has_no_overall_effect(self) -> None:
        """NaN throughout."""
        found = shrink(observed(column(2, 5), column(0.5, 0.5)), column(1, 1))
        assert np.isnan([found.overall, *found.shrunk, *found.estimate]).all()
        assert found.heterogeneity is None


ROWS = st.lists(st.tuples(st.floats(-100, 100), st.floats(0.01, 10)), min_size=2, max_size=8)


@given(ROWS, st.sampled_from([0.125, 64.0]))
def test_scaling_the_unit_scales_everything(rows: list[tuple[float, float]], by: float) -> None:
    """Estimates and errors in another unit; the heterogeneity test does not change."""
    estimates, errors = np.array(rows).T
    found, scaled = shrunk(estimates, errors), shrunk(estimates * by, errors * by)
    assert_close(scaled.shrunk, found.shrunk * by, 1e-9, absolute=1e-9 * by)
    assert_close(scaled.shrunk_error, found.shrunk_error * by, 1e-9)
    assert found.heterogeneity is not None
    assert scaled.heterogeneity is not None
    assert_close(scaled.heterogeneity.p_value, found.heterogeneity.p_value, 1e-6)


@given(ROWS)
def test_shrunk_and_overall_effects_lie_among_the_estimates(rows: list[tuple[float, float]]) -> None:
    """Nothing is moved beyond the least and the largest estimate."""
    estimates, errors = np.array(rows).T
    found = shrunk(estimates, errors)
    slack = 1e-9 * (1 + np.abs(estimates).max())
    for effects in (found.shrunk, found.overall):
        assert (effects >= estimates.min() - slack).all()
        assert (effects <= estimates.max() + slack).all()


def test_a_single_segment_keeps_its_estimate_and_its_error() -> None:
    """There is nothing to borrow from; beside one that is too small, too."""
    found = shrink(observed(np.array([0.3, 0.9]), np.array([0.1, 0.2])), np.array([500.0, LEAST_UNITS - 1]))
    assert (found.overall, found.heterogeneity) == (0.3, None)
    for values, value in ((found.estimate, 0.3), (found.shrunk, 0.3), (found.error, 0.1), (found.shrunk_error, 0.1)):
        assert_close(values[0], value)
        assert np.isnan(values[1])
