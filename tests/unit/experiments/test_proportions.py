"""Score test and Miettinen-Nurminen intervals against statsmodels and a maximised likelihood; what any table obeys.

statsmodels 0.15 is no oracle of the difference's interval: its cubic has count0 where nobs0 belongs (issue 10269), so
it is right at a difference of 0 only, whatever the arms' sizes. `oracles.score_statistic` maximises the likelihood.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from statsmodels.stats.proportion import confint_proportions_2indep
from statsmodels.stats.proportion import test_proportions_2indep as proportions_test

from experiments._score import DIFFERENCE
from experiments.contrast import SMALLEST_P
from experiments.proportions import Proportions, proportion_arm, smallest_expected
from tests.unit.experiments.oracles import (
    assert_close,
    column,
    generator,
    random_tables,
    score_interval,
    score_statistic,
)

pytestmark = pytest.mark.usefixtures("as_in_a_report")

COUNT = 250
SIZES = st.integers(1, 60) | st.integers(61, 3000)
TABLES = st.tuples(SIZES, SIZES, st.floats(0, 1), st.floats(0, 1)).map(
    lambda drawn: Proportions(
        column(round(drawn[2] * drawn[0])), column(drawn[0]), column(round(drawn[3] * drawn[1])), column(drawn[1])
    )
)
ALPHAS = st.floats(1e-4, 0.5)


def proportions(control: tuple[float, float], treatment: tuple[float, float]) -> Proportions:
    """One comparison from (successes, units) of either arm."""
    return Proportions(column(control[0]), column(control[1]), column(treatment[0]), column(treatment[1]))


def swapped(table: Proportions) -> Proportions:
    """The arms exchanged."""
    return Proportions(table.treatment, table.treatment_n, table.control, table.control_n)


def large_tables(seed: int, count: int = COUNT) -> Proportions:
    """Random tables whose expected counts are all 5 or more, with successes and failures in either arm."""
    x0, n0, x1, n1 = random_tables(generator(seed), 3 * count)
    keep = (smallest_expected(x0, n0, x1, n1) >= 5) & (x0 > 0) & (x0 < n0) & (x1 > 0) & (x1 < n1)
    return Proportions(*(counts[keep][:count] for counts in (x0, n0, x1, n1)))


class TestScoreTest:
    def test_agrees_with_statsmodels(self) -> None:
        """Two-sided and one-sided p-values of equal shares, on 250 random tables."""
        table = large_tables(1)
        counts = table.treatment, table.treatment_n, table.control, table.control_n
        for alternative, p in (
            ("two-sided", table.p_value()),
            ("larger", table.p_above(0.0)),
            ("smaller", table.p_below(0.0)),
        ):
            found = [
                proportions_test(*row, method="score", compare="diff", alternative=alternative, return_results=False)[1]
                for row in zip(*counts, strict=True)
            ]
            assert_close(p, found)

    def test_agrees_with_the_maximised_likelihood_at_any_difference(self) -> None:
        """One-sided p-values of differences from -0.5 to 0.5, on 250 random tables of unequal arms."""
        table = large_tables(2)
        for bound in (-0.5, -0.1, 0.02, 0.3):
            z = np.array([score_statistic(row, bound) for row in zip(*table._counts, strict=True)])
            assert_close(table.p_above(bound), np.maximum(stats.norm.sf(z), SMALLEST_P))
            assert_close(table.p_below(bound), np.maximum(stats.norm.cdf(z), SMALLEST_P))

    def test_agrees_with_the_maximised_likelihood_where_a_cell_is_empty(self) -> None:
        """No successes or no failures in one arm: the likeliest share lies at its end or is found all the same."""
        for row in ((0, 100, 30, 100), (100, 100, 60, 90), (40, 80, 0, 200), (20, 60, 90, 90)):
            counts = tuple(column(count) for count in row)
            for bound in (-0.6, -0.2, 0.0, 0.1, 0.4):
                z = DIFFERENCE.statistic(*counts, column(bound))
                assert_close(z, [score_statistic(row, bound)], absolute=1e-9)

    def test_of_a_guardrail(self) -> None:
        """480/1000 as control, 490/1000 as treatment: that it is 2 points higher has p = .3273."""
        table = proportions((480, 1000), (490, 1000))
        assert_close(table.p_below(0.02), [0.3273], absolute=5e-5, relative=0)

    def test_no_successes_against_some(self) -> None:
        """0/1000 against 30/1000 is not p = 1 but 3.4e-8, whichever arm has none."""
        for table in (proportions((0, 1000), (30, 1000)), proportions((30, 1000), (0, 1000))):
            assert_close(table.p_value(), [3.4e-8], absolute=5e-10, relative=0)

    def test_far_tails_are_not_zero(self) -> None:
        """More than 60 standard errors apart: the smallest p-value, not 0; on the other side it is 1."""
        table = proportions((10**6, 10**7), (2 * 10**6, 10**7))
        assert DIFFERENCE.statistic(*table._counts, column(0))[0] > 60
        assert table.p_value()[0] == SMALLEST_P
        assert table.p_above(0.0)[0] == SMALLEST_P
        assert table.p_below(0.0)[0] == 1


class TestDifferenceInterval:
    def test_agrees_with_the_maximised_likelihood(self) -> None:
        """Bounds to 1e-6 on 250 random tables of unequal arms, each at a random alpha."""
        table = large_tables(3)
        alpha = generator(4).uniform(0.001, 0.4, COUNT)
        rows = zip(*table._counts, strict=True)
        expected = [score_interval(row, float(level)) for row, level in zip(rows, alpha, strict=True)]
        assert_close(table.interval(alpha), np.array(expected).T, absolute=1e-10)

    def test_is_newcombes_published_one(self) -> None:
        """56/70 against 48/80: .0528 to .3382 (Newcombe 1998, method 6, table II)."""
        low, high = proportions((48, 80), (56, 70)).interval(0.05)
        assert_close((low[0], high[0]), (0.0528, 0.3382), absolute=5e-5, relative=0)
        assert_close((low[0], high[0]), (0.05282971, 0.33817294), 1e-6)

    def test_of_none_against_some(self) -> None:
        """30/1000 against 0/1000: .0211 to .0425."""
        low, high = proportions((0, 1000), (30, 1000)).interval(0.05)
        assert_close((low[0], high[0]), (0.0211, 0.0425), absolute=5e-5, relative=0)

    @pytest.mark.parametrize(("control", "treatment"), [((0, 500), (500, 500)), ((300, 300), (0, 80))])
    def test_of_everything_against_nothing_ends_at_one(
        self, control: tuple[int, int], treatment: tuple[int, int]
    ) -> None:
        """The largest difference there is: the interval reaches it, and its other end is where the statistic says."""
        table = proportions(control, treatment)
        low, high = (float(bound[0]) for bound in table.interval(0.05))
        sign = np.sign(table.estimate[0])
        assert sign == (high if sign > 0 else low)
        inner = low if sign > 0 else high
        assert_close(DIFFERENCE.statistic(*table._counts, column(inner)), [sign * stats.norm.isf(0.025)])

    def test_of_huge_counts(self) -> None:
        """At 1e15 units it is Wald's interval, to the digits that a difference of shares has."""
        n = 1e15
        table = proportions((0.3 * n, n), (0.3 * n + 2e8, n))
        half = stats.norm.isf(0.025) * np.sqrt(2 * 0.3 * 0.7 / n)
        low, high = table.interval(0.05)
        assert_close((low[0], high[0]), (2e-7 - half, 2e-7 + half), 1e-5)


class TestRatioInterval:
    def test_agrees_with_statsmodels(self) -> None:
        """The interval of the ratio of shares (Koopman 1984 with N/(N-1)), on 250 random tables."""
        table = large_tables(5)
        for alpha in (0.01, 0.05, 0.3):
            found = [
                confint_proportions_2indep(x1, n1, x0, n0, method="score", compare="ratio", alpha=alpha)
                for x0, n0, x1, n1 in zip(*table._counts, strict=True)
            ]
            assert_close(np.array(table.lift_interval(alpha)) + 1, np.array(found).T)

    def test_of_no_treatment_successes_starts_at_minus_one(self) -> None:
        """30/1000 against 0/1000: from a lift of -100 % to the one that statsmodels' test just does not reject."""
        table = proportions((30, 1000), (0, 1000))

        def excess(ratio: float) -> float:
            found = proportions_test(0, 1000, 30, 1000, ratio, method="score", compare="ratio", return_results=False)
            return float(found[0]) + stats.norm.isf(0.025)

        low, high = table.lift_interval(0.05)
        assert (low[0], table.lift()[0]) == (-1, -1)
        assert_close(high + 1, [optimize.brentq(excess, 1e-6, 0.9)], 1e-6)

    def test_of_no_control_successes_is_unknown(self) -> None:
        """Nothing is relative to 0: neither lift nor interval, with large counts and with small."""
        table = Proportions(column(0, 0), column(1000, 9), column(30, 3), column(1000, 9))
        assert np.isnan(table.lift()).all()
        assert np.isnan(table.lift_interval(0.05)).all()


class TestAnyTable:
    @settings(max_examples=40)
    @given(TABLES, ALPHAS)
    def test_swapping_arms_mirrors(self, table: Proportions, alpha: float) -> None:
        """The difference changes sign, the ratio is inverted, p-values stay; also where the test is exact."""
        other = swapped(table)
        low, high = table.interval(alpha)
        assert_close(other.estimate, -table.estimate, 1e-12)
        assert_close(other.p_value(), table.p_value(), 1e-9)
        assert_close(other.p_above(-0.1), table.p_below(0.1), 1e-9)
        assert_close(other.interval(alpha), (-high, -low), 1e-6, absolute=1e-9)
        ratios, inverse = np.array(table.lift_interval(alpha)) + 1, np.array(other.lift_interval(alpha)) + 1
        if np.isfinite([ratios, inverse]).all() and (ratios > 1e-9).all():
            assert_close(inverse, 1 / ratios[::-1], 1e-5)

    @given(TABLES, ALPHAS)
    def test_failures_are_successes_of_the_other_kind(self, table: Proportions, alpha: float) -> None:
        """Counting failures instead, the difference and its interval change sign; the p-value stays."""
        assume(not table.is_small[0])
        failed = table.control_n - table.control, table.treatment_n - table.treatment
        failures = Proportions(failed[0], table.control_n, failed[1], table.treatment_n)
        low, high = table.interval(alpha)
        assert_close(failures.p_value(), table.p_value(), 1e-9)
        assert_close(failures.interval(alpha), (-high, -low), 1e-7, absolute=1e-9)

    @settings(max_examples=40)
    @given(TABLES, ALPHAS)
    def test_intervals_hold_their_estimates(self, table: Proportions, alpha: float) -> None:
        """Estimate in [-1, 1] and in its interval, lift in its own, p-values in (0, 1]."""
        low, high = table.interval(alpha)
        assert -1 <= low[0] <= table.estimate[0] <= high[0] <= 1
        low, high = table.lift_interval(alpha)
        if np.isfinite(low[0]):
            slack = 1e-9 * (1 + abs(table.lift()[0]))
            assert -1 <= low[0] <= table.lift()[0] + slack
            assert table.lift()[0] - slack <= high[0]
        p = np.concatenate([table.p_value(), table.p_above(0.1), table.p_below(0.1)])
        assert ((p > 0) & (p <= 1)).all()

    @settings(max_examples=40)
    @given(TABLES, ALPHAS)
    def test_absolute_and_relative_decide_as_the_p_value(self, table: Proportions, alpha: float) -> None:
        """No difference is left out by both intervals, or by neither, and exactly where p is at most alpha."""
        p = table.p_value()[0]
        assume(abs(p / alpha - 1) > 1e-9)
        (low,), (high,) = table.interval(alpha)
        assert ((low > 0) or (high < 0)) == (p <= alpha)
        (low_lift,), (high_lift,) = table.lift_interval(alpha)
        if np.isfinite(low_lift):
            assert (np.sign(low), np.sign(high)) == (np.sign(low_lift), np.sign(high_lift))

    @given(TABLES, ALPHAS, st.integers(2, 50))
    def test_more_data_of_the_same_shape_narrows(self, table: Proportions, alpha: float, times: int) -> None:
        """The score interval of a multiple of the table lies within that of the table."""
        assume(not table.is_small[0])
        (low, high), more = table.interval(alpha), Proportions(*(count * times for count in table._counts))
        low_more, high_more = more.interval(alpha)
        assert low[0] <= low_more[0] + 1e-12
        assert high_more[0] <= high[0] + 1e-12
        assert high_more[0] - low_more[0] < high[0] - low[0]

    @given(TABLES, st.floats(-0.9, 0.9), st.floats(-0.9, 0.9))
    def test_higher_bounds_are_harder_to_exceed(self, table: Proportions, bound: float, other: float) -> None:
        """With large counts the one-sided p-value rises with the bound, and the two of a bound add up to 1."""
        assume(not table.is_small[0])
        low, high = sorted((bound, other))
        assert table.p_above(low)[0] <= table.p_above(high)[0] * (1 + 1e-6)
        assert_close(table.p_above(low) + table.p_below(low), [1], 1e-9)

    @pytest.mark.parametrize("alpha", [0.001, 0.01, 0.0339, 0.034, 0.05, 0.1, 0.2])
    def test_ten_of_200_against_22(self, alpha: float) -> None:
        """10/200 against 22/200, where others contradict themselves: absolute and relative agree at every alpha."""
        table = proportions((10, 200), (22, 200))
        assert (table.interval(alpha)[0][0] > 0) == (table.lift_interval(alpha)[0][0] > 0)
        assert (table.interval(alpha)[0][0] > 0) == (table.p_value()[0] <= alpha)


class TestExtremes:
    def test_small_rows_are_exact_and_large_ones_are_not(self) -> None:
        """Rows of one call are independent: each has the results it has alone."""
        rows = ((5, 50, 30, 60), (1, 8, 6, 9), (0, 40, 2, 45), (100, 900, 90, 1000))
        table = Proportions(*np.array(rows, dtype=np.float64).T)
        alone = [proportions(row[:2], row[2:]) for row in rows]
        assert table.is_small.tolist() == [False, True, True, False]
        assert_close(table.p_value(), [one.p_value()[0] for one in alone], 0)
        assert_close(table.p_above(0.05), [one.p_above(0.05)[0] for one in alone], 0)
        for name in ("interval", "lift_interval"):
            both = np.array([getattr(one, name)(0.05) for one in alone])[:, :, 0].T
            assert_close(getattr(table, name)(0.05), both, 1e-12)

    @pytest.mark.parametrize("counts", [(0, 5000, 0, 6000), (5000, 5000, 6000, 6000)])
    def test_nothing_or_everything_in_both_arms(self, counts: tuple[int, ...]) -> None:
        """No successes at all, or no failures: p = 1, and an interval around 0 as narrow as the units allow."""
        table = proportions(counts[:2], counts[2:])
        low, high = table.interval(0.05)
        assert table.p_value()[0] == 1
        assert -0.001 < low[0] < 0 < high[0] < 0.001

    @pytest.mark.parametrize("counts", [(0, 1, 0, 1), (1, 1, 0, 1), (0, 1, 1, 1), (1, 1, 1, 1)])
    def test_one_unit_an_arm_says_nothing(self, counts: tuple[int, ...]) -> None:
        """p at least one half, and nearly everything remains possible."""
        table = proportions(counts[:2], counts[2:])
        low, high = table.interval(0.05)
        assert table.p_value()[0] >= 0.5
        assert high[0] - low[0] > 0.9

    def test_missing_rows_stay_missing(self) -> None:
        """NaN counts give NaN, next to a row that is there."""
        table = Proportions(column(np.nan, 30), column(np.nan, 100), column(3, 40), column(10, 100))
        for results in (table.p_value(), table.p_above(0.0), *table.interval(0.05), *table.lift_interval(0.05)):
            assert np.isnan(results).tolist() == [True, False]

    @pytest.mark.parametrize("n", [1e5, 1e6, 1e7])
    def test_rare_successes_of_many(self, n: float) -> None:
        """Some tens of successes among millions: the bounds still agree with the maximised likelihood."""
        table = proportions((20, n), (45, 2 * n))
        expected = score_interval((20, n, 45, 2 * n), 0.05)
        assert_close(np.ravel(table.interval(0.05)) * n, np.multiply(expected, n), 1e-5)


def test_arm_of_a_proportion() -> None:
    """The share, with its binomial variance; 0 units have a share of 0 and no variance."""
    arm = proportion_arm(column(3, 0), column(12, 0))
    assert_close(arm.value, [0.25, 0])
    assert_close(arm.variance, [0.1875, 0])


def test_smallest_expected_count() -> None:
    """That of scipy's contingency tables."""
    x0, n0, x1, n1 = random_tables(generator(6), 50)
    expected = [
        stats.contingency.expected_freq(np.array([[a, b - a], [c, d - c]])).min()
        for a, b, c, d in zip(x0, n0, x1, n1, strict=True)
    ]
    assert_close(smallest_expected(x0, n0, x1, n1), expected, 1e-9)


@pytest.mark.parametrize("n", [1e9, 1e11, 1e13, 1e15])
def test_rare_cases_among_very_many_units_keep_their_digits(n: float) -> None:
    """In units of 1/n the interval is the same whatever n; rare failures mirror rare successes."""
    reference = Proportions(column(30), column(1e7), column(45), column(1e7)).interval(0.05)
    rare = Proportions(column(30), column(n), column(45), column(n)).interval(0.05)
    assert_close(np.array(rare) * n, np.array(reference) * 1e7, 1e-4)
    failures = Proportions(column(n - 30), column(n), column(n - 45), column(n)).interval(0.05)
    assert_close(np.array(failures)[::-1], -np.array(rare), 1e-6)
    few = Proportions(column(3), column(n), column(4), column(n))
    assert_close(few.p_value(), Proportions(column(3), column(1e7), column(4), column(1e7)).p_value(), 0.02)


def test_one_success_in_control_is_enough_for_a_ratio() -> None:
    """1 against 12 of 1000: twelvefold, with a finite interval."""
    table = proportions((1, 1000), (12, 1000))
    low, high = table.lift_interval(0.05)
    assert_close(table.lift(), [11.0])
    assert 0 < low[0] < 11 < high[0] < 1000
