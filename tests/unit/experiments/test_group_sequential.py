"""Planned looks against published boundaries and SciPy's multivariate normal distribution."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.contrast import SMALLEST_P, Difference, StudentT, Values, Wald
from experiments.errors import InvalidInput
from experiments.group_sequential import PlannedLook, boundaries, check_fractions, crossing_probabilities, spent
from experiments.proportions import Proportions
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")

FRACTIONS = (
    st.lists(st.integers(3, 100), min_size=1, max_size=5, unique=True)
    .map(sorted)
    .map(lambda percents: tuple(percent / 100 for percent in percents))
)


def staying_below(bounds: tuple[float, ...], fractions: tuple[float, ...], drift: float = 0.0) -> float:
    """SciPy's probability that no look crosses."""
    t = np.array(fractions)
    correlation = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
    joint = stats.multivariate_normal(drift * np.sqrt(t), correlation, abseps=1e-7, releps=1e-7, maxpts=10**6, seed=1)
    return float(joint.cdf(np.array(bounds)))


def random_designs(seed: int, count: int, looks: int) -> list[tuple[float, tuple[float, ...]]]:
    """Alphas and rising fractions at least .05 apart."""
    rng = generator(seed)
    steps = rng.dirichlet(np.ones(looks + 1), count) * (1 - 0.05 * looks) + 0.05
    return [
        (float(a), tuple(np.cumsum(step)[:looks].tolist()))
        for a, step in zip(rng.uniform(0.001, 0.3, count), steps, strict=True)
    ]


class TestBoundaries:
    def test_are_the_published_ones(self) -> None:
        """One-sided alpha .05, four equal looks: 3.7496 2.5399 2.0160 1.7201."""
        found = boundaries(0.05, [0.25, 0.5, 0.75, 1.0])
        assert_close(found, [3.7496, 2.5399, 2.0160, 1.7201], 0, absolute=1e-4)

    @pytest.mark.parametrize(("looks", "count"), [(2, 180), (3, 20)])
    def test_spend_what_scipy_says(self, looks: int, count: int) -> None:
        """Up to each look the chance of having crossed is what was to be spent, by the joint normal distribution."""
        for alpha, fractions in random_designs(looks, count, looks):
            bounds = boundaries(alpha, fractions)
            for k in range(1, looks + 1):
                crossed = 1 - staying_below(bounds[:k], fractions[:k])
                assert_close(crossed, spent(alpha, fractions[k - 1]), 0, absolute=1e-6)

    @given(st.floats(1e-6, 0.5))
    def test_of_a_single_look_is_the_normal_quantile(self, alpha: float) -> None:
        """All of alpha is spent at once."""
        assert_close(boundaries(alpha, [1.0]), [stats.norm.isf(alpha)], absolute=1e-10)

    def test_spending_is_lan_and_demets(self) -> None:
        """2 - 2 Phi(z(1 - alpha/2) / sqrt(t)): alpha at the end, next to nothing early on."""
        rng = generator(3)
        for alpha, t in zip(rng.uniform(0.001, 0.5, 200), rng.uniform(0.01, 1, 200), strict=True):
            assert_close(spent(alpha, t), 2 * stats.norm.sf(stats.norm.isf(alpha / 2) / np.sqrt(t)))
        assert_close(spent(0.05, 1.0), 0.05, 1e-12)

    def test_of_a_look_far_too_early_cannot_be_crossed(self) -> None:
        """With a thousandth of the data next to nothing is spent: the boundary is beyond any statistic."""
        assert boundaries(0.025, [0.001, 1.0])[0] > 38
        assert_close(boundaries(0.025, [0.001, 1.0])[1], stats.norm.isf(0.025), 1e-9)

    @pytest.mark.parametrize("fractions", [(), (0.0, 1.0), (0.5, 1.1), (-0.1,), (0.5, 0.5), (0.8, 0.4)])
    def test_refuse_fractions_that_do_not_rise(self, fractions: tuple[float, ...]) -> None:
        """InvalidInput names the field."""
        with pytest.raises(InvalidInput, match="looks"):
            boundaries(0.05, fractions)
        with pytest.raises(InvalidInput, match=r"^here"):
            check_fractions(fractions, "here")


class TestCrossing:
    @settings(max_examples=40)
    @given(FRACTIONS, st.floats(0.001, 0.3))
    def test_without_effect_adds_up_to_what_is_spent(self, fractions: tuple[float, ...], alpha: float) -> None:
        """The chance of ever crossing is alpha at the last fraction."""
        chances = crossing_probabilities(boundaries(alpha, fractions), fractions)
        assert_close(chances.sum(), spent(alpha, fractions[-1]), 1e-6, absolute=1e-12)
        assert_close(np.cumsum(chances), [spent(alpha, t) for t in fractions], 1e-5, absolute=1e-12)

    def test_with_effect_agrees_with_scipy(self) -> None:
        """Power of 60 random designs of two looks."""
        drifts = generator(4).uniform(-2, 5, 60)
        for (alpha, fractions), drift in zip(random_designs(5, 60, 2), drifts, strict=True):
            bounds = boundaries(alpha, fractions)
            chances = crossing_probabilities(bounds, fractions, float(drift))
            assert_close(chances.sum(), 1 - staying_below(bounds, fractions, float(drift)), 0, absolute=1e-6)

    def test_of_a_huge_effect_is_certain_at_once(self) -> None:
        """A drift of 60: the first look crosses, nothing is left for the second."""
        assert_close(crossing_probabilities([2.5, 2.0], [0.5, 1.0], 60.0), [1, 0], 1e-9, absolute=1e-12)


def normal(*z: float) -> Wald:
    """Estimates of these many standard errors, held against the normal distribution."""
    ones = np.ones(len(z))
    observed = Difference(column(*z), ones, 100 * ones, np.inf * ones)
    ratio = Values(100 * ones, 100 + column(*z), ones / 2, ones / 2)
    return Wald(observed, StudentT(observed.df), ratio)


class TestPlannedLook:
    @settings(max_examples=30)
    @given(FRACTIONS, st.floats(0.001, 0.6))
    def test_p_value_undoes_the_boundary(self, fractions: tuple[float, ...], alpha: float) -> None:
        """The p-value of a statistic at the boundary is alpha; a larger one has less, a smaller one more."""
        z = boundaries(alpha / 2, fractions)[-1]
        if z < 37:
            look = PlannedLook(normal(z, -z, z + 0.01, z - 0.01), fractions)
            assert_close(look.p_value()[:2], [alpha, alpha], 1e-5)
            assert look.p_value()[2] < alpha < look.p_value()[3]
            assert_close(look.interval(alpha)[0][0], 0, 0, absolute=1e-9)
            assert_close((look.p_above(0.0)[0], look.p_below(0.0)[1]), (alpha / 2, alpha / 2), 1e-5)

    @settings(max_examples=20)
    @given(
        FRACTIONS,
        st.tuples(st.integers(2, 300), st.integers(2, 300), st.floats(0, 1), st.floats(0, 1)),
        st.floats(0.002, 0.5),
    )
    def test_intervals_and_p_values_of_shares_decide_alike(
        self, fractions: tuple[float, ...], drawn: tuple[int, int, float, float], alpha: float
    ) -> None:
        """Small counts too: the interval leaves out no difference where p is at most alpha, and so does the lift's."""
        n0, n1, p0, p1 = drawn
        fixed = Proportions(column(round(p0 * n0)), column(n0), column(round(p1 * n1)), column(n1))
        look = PlannedLook(fixed, fractions)
        (low,), (high,), p = *look.interval(alpha), look.p_value()[0]
        assert p >= fixed.p_value()[0] * (1 - 1e-6) or p < 1e-12
        if abs(p / alpha - 1) > 1e-6:
            assert ((low > 0) or (high < 0)) == (p <= alpha)
            (low_lift,), (high_lift,) = look.lift_interval(alpha)
            if np.isfinite(low_lift):
                assert ((low_lift > 0) or (high_lift < 0)) == (p <= alpha)

    def test_is_the_fixed_test_at_the_level_that_is_left(self) -> None:
        """Estimates are the fixed test's; its intervals are taken at twice the tail beyond the boundary."""
        fixed, fractions = normal(2.0, -1.0), (0.25, 0.5, 0.75, 1.0)
        look = PlannedLook(fixed, fractions)
        levels = [[2 * stats.norm.sf(boundaries(a / 2, fractions)[-1])] for a in (0.1, 0.01)]
        assert_close(look.level(np.array([[0.1], [0.01]])), levels, 1e-9)
        assert look.level(0.1).shape == ()
        assert (look.null, look.estimate.tolist()) == (0.0, [2.0, -1.0])
        assert_close(look.lift(), [0.02, -0.01], 1e-9)
        assert_close(look.interval(0.1), fixed.interval(levels[0][0]), 1e-12)
        assert_close(look.lift_interval(0.1), fixed.lift_interval(levels[0][0]), 1e-12)

    def test_one_sided_p_values_agree_with_the_interval(self) -> None:
        """The lower bound at 2 alpha is above a value exactly where that value has a one-sided p of at most alpha."""
        look = PlannedLook(normal(1.5, 2.5, -3), (0.4, 0.7, 1.0))
        for bound in (-2.0, 0.0, 0.4):
            for alpha in (0.01, 0.05, 0.2):
                low, high = look.interval(2 * alpha)
                assert ((low > bound) == (look.p_above(bound) <= alpha)).all()
                assert ((high < bound) == (look.p_below(bound) <= alpha)).all()
            assert_close(look.p_above(bound) + look.p_below(bound), np.ones(3), 1e-9)

    def test_p_values_are_ones(self) -> None:
        """1 for no difference, never 0 for any, NaN for none."""
        found = PlannedLook(normal(0, 60, np.nan, -1e9), (0.5, 1.0)).p_value()
        assert_close(found, [1, SMALLEST_P, np.nan, SMALLEST_P], 1e-9)

    def test_of_the_only_look_is_the_fixed_test(self) -> None:
        """The two-sided p-value of the normal distribution, down to 1e-197."""
        z = column(0.3, 1.5, 2.7, 8, 30)
        assert_close(PlannedLook(normal(*z), (1.0,)).p_value(), 2 * stats.norm.sf(z), 1e-6)
