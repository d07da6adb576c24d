"""Exact inference on small tables against SciPy's Barnard test and plain enumeration; it never rejects too often."""

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from experiments._exact import Table, interval, p_above, p_below
from experiments._score import DIFFERENCE, RATIO, Scale
from experiments.contrast import Floats
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")

GAMMA = 1e-6
"""What Berger and Boos's restriction adds to a p-value."""


def random_small_tables(seed: int, count: int, least: int = 2, most: int = 13) -> list[Table]:
    """Tables of any successes."""
    rng = generator(seed)
    sizes = rng.integers(least, most, (count, 2)).tolist()
    return [Table(int(rng.integers(0, n0 + 1)), n0, int(rng.integers(0, n1 + 1)), n1) for n0, n1 in sizes]


def statistics(scale: Scale, n0: int, n1: int, bound: float) -> Floats:
    """The statistic of every table, shape (n0 + 1, n1 + 1)."""
    control, treatment = np.meshgrid(np.arange(n0 + 1.0), np.arange(n1 + 1.0), indexing="ij")
    return scale.statistic(control, np.float64(n0), treatment, np.float64(n1), np.float64(bound))


def chances(is_in: Floats, shares: Floats, others: Floats) -> Floats:
    """The probability of the tables in `is_in` for each share of control and of treatment, by summing every cell."""
    n0, n1 = is_in.shape[0] - 1, is_in.shape[1] - 1
    control = stats.binom.pmf(np.arange(n0 + 1), n0, shares[:, None])
    treatment = stats.binom.pmf(np.arange(n1 + 1), n1, others[:, None])
    return ((control @ is_in.astype(float)) * treatment).sum(axis=1)


def clopper_pearson(successes: int, n: int) -> tuple[float, float]:
    """The shares of one arm that Berger and Boos's restriction leaves."""
    low = stats.beta.ppf(GAMMA / 2, successes, n - successes + 1) if successes else 0.0
    high = stats.beta.isf(GAMMA / 2, successes + 1, n - successes) if successes < n else 1.0
    return float(low), float(high)


def control_shares(table: Table, bound: float) -> list[tuple[float, float]]:
    """Control's shares at a difference: restricted by what control says, by what treatment says, and not at all."""
    least, most = max(0.0, -bound), min(1.0, 1 - bound)
    own, other = clopper_pearson(table.control, table.n0), clopper_pearson(table.treatment, table.n1)
    limits = (own, (other[0] - bound, other[1] - bound), (least, most))
    return [(max(least, low), min(most, high)) for low, high in limits]


def enumerated(table: Table, bound: float, points: int = 501) -> list[float]:
    """The largest chance of a table at least as extreme, for each of `control_shares`; the restriction is valid
    whichever arm it comes from."""
    found = statistics(DIFFERENCE, table.n0, table.n1, bound)
    is_in = found >= found[table.control, table.treatment] - 1e-9
    largest = []
    for low, high in control_shares(table, bound):
        shares = np.linspace(low, high, points) if low <= high else np.empty(0)
        largest.append(float(chances(is_in, shares, np.clip(shares + bound, 0, 1)).max(initial=0)))
    return largest


def assert_one_of(p: float, expected: Sequence[float], relative: float) -> None:
    """Fails unless the p-value is one of these chances plus the restriction's price."""
    assert any(abs(p - min(1, chance + GAMMA)) <= relative * chance + GAMMA for chance in expected), (p, expected)


class TestPValue:
    def test_agrees_with_enumeration(self) -> None:
        """At no difference and at others, on 200 tables: the largest chance on a fine grid of control's share.

        Wherever that largest chance lies, at the very end of the shares too.
        """
        bounds = generator(1).choice([0.0, -0.4, -0.15, 0.1, 0.3], 200)
        for table, bound in zip(random_small_tables(2, 200), bounds, strict=True):
            assert_one_of(p_above(DIFFERENCE, table, float(bound)), enumerated(table, float(bound))[:2], 2e-3)

    def test_agrees_with_barnards_test(self) -> None:
        """One-sided p-values of equal shares are SciPy's where restricting the share changes nothing, else below them.

        SciPy has no tolerance for ties, so tables whose statistic another table shares are left to the enumeration.
        """
        agreeing = 0
        for table in random_small_tables(3, 260, most=10):
            if table.control + table.treatment in (0, table.n0 + table.n1):
                continue  # SciPy says p = 1 without a look
            found = statistics(DIFFERENCE, table.n0, table.n1, 0.0)
            if (np.abs(found - found[table.control, table.treatment]) < 1e-9).sum() > 1:
                continue
            cells = [[table.treatment, table.control], [table.n1 - table.treatment, table.n0 - table.control]]
            within, within_other, over = enumerated(table, 0.0, 151)
            p = p_above(DIFFERENCE, table, 0.0)
            barnard = stats.barnard_exact(cells, "greater", pooled=True, n=256).pvalue
            assert p <= barnard + 1e-4 + GAMMA, (table, p, barnard)
            if over - min(within, within_other) < 1e-5:
                agreeing += 1
                assert_close(p, barnard, 0, absolute=1e-4 + GAMMA)
        assert agreeing > 100

    def test_below_is_above_with_the_arms_exchanged(self) -> None:
        """Also against Barnard's other alternative."""
        table = Table(7, 9, 3, 11)
        expected = stats.barnard_exact([[3, 7], [8, 2]], "less", pooled=True, n=256).pvalue
        assert_close(p_below(DIFFERENCE, table, 0.0), expected, 0, absolute=1e-4 + GAMMA)
        assert p_below(DIFFERENCE, table, 0.1) == p_above(DIFFERENCE, Table(3, 11, 7, 9), -0.1)
        assert p_below(RATIO, table, 0.5) == p_above(RATIO, Table(3, 11, 7, 9), 2.0)

    def test_difference_and_ratio_are_one_test_of_no_effect(self) -> None:
        """The same p-values: relative and absolute results cannot decide differently."""
        for table in random_small_tables(4, 100):
            assert_close(p_above(RATIO, table, 1.0), p_above(DIFFERENCE, table, 0.0), 1e-9)
            assert_close(p_below(RATIO, table, 1.0), p_below(DIFFERENCE, table, 0.0), 1e-9)

    def test_of_tables_that_say_nothing_is_one(self) -> None:
        """Without successes, or without failures, every table says at least as much: p = 1 for either side."""
        for table in (Table(0, 4, 0, 4), Table(0, 6, 0, 9), Table(5, 5, 8, 8), Table(1, 1, 1, 1)):
            assert p_above(DIFFERENCE, table, 0.0) > 0.999
            assert p_below(DIFFERENCE, table, 0.0) > 0.999

    def test_counts_tables_that_are_certain_at_the_end_of_the_shares(self) -> None:
        """10/10 against 6/6 at a difference of -.4225: if all controls are successes, six of six have .5775^6."""
        assert_close(p_above(DIFFERENCE, Table(10, 10, 6, 6), -0.4225), (1 - 0.4225) ** 6, 1e-3)

    @pytest.mark.parametrize("control", [2, 3, 5])
    def test_finds_the_largest_chance_beside_a_very_large_arm(self, control: int) -> None:
        """Ten controls against 10,000: the chance has a narrow peak for each count of control, and none is missed."""
        for treatment in (1500, 2500, 4000, 6500):
            table = Table(control, 10, treatment, 10_000)
            assert_one_of(p_above(DIFFERENCE, table, -0.1), self._peaks(table, -0.1), 1e-4)

    @staticmethod
    def _peaks(table: Table, bound: float) -> list[float]:
        """The largest chances on 20,001 shares, from the fewest treatment successes that count beside each control."""
        n0, n1 = np.float64(table.n0), np.float64(table.n1)
        observed = DIFFERENCE.statistic(
            np.float64(table.control), n0, np.float64(table.treatment), n1, np.float64(bound)
        )
        counts, others = np.arange(table.n0 + 1.0), np.arange(table.n1 + 1.0)
        rows = [DIFFERENCE.statistic(np.full_like(others, c), n0, others, n1, np.float64(bound)) for c in counts]
        least = np.array([np.searchsorted(row, observed - 1e-9) for row in rows])
        peaks = []
        for low, high in control_shares(table, bound)[:2]:
            shares = np.linspace(low, high, 20_001)[:, None]
            reach = stats.binom.sf(least - 1, table.n1, shares + bound)
            peaks.append(float((stats.binom.pmf(counts, table.n0, shares) * reach).sum(axis=1).max()))
        return peaks

    def test_where_the_bound_cannot_be(self) -> None:
        """40/40 in control leave no share that is .9 below treatment's: only the restriction's price is left."""
        assert p_above(DIFFERENCE, Table(40, 40, 0, 3), 0.9) == GAMMA
        assert p_below(DIFFERENCE, Table(0, 3, 40, 40), -0.9) == GAMMA


class TestSize:
    @pytest.mark.parametrize("sizes", [(8, 8), (10, 15), (5, 40), (40, 5)])
    @pytest.mark.parametrize("bound", [0.0, -0.3, 0.2])
    def test_never_rejects_too_often(self, sizes: tuple[int, int], bound: float) -> None:
        """Over all tables and 1,001 true shares: the chance of p <= alpha is at most alpha, for every alpha."""
        n0, n1 = sizes
        p = np.array([[p_above(DIFFERENCE, Table(c, n0, t, n1), bound) for t in range(n1 + 1)] for c in range(n0 + 1)])
        shares = np.linspace(max(0.0, -bound), min(1.0, 1 - bound), 1001)
        for alpha in (0.005, 0.01, 0.025, 0.05, 0.1, 0.2):
            assert chances(p <= alpha, shares, np.clip(shares + bound, 0, 1)).max() <= alpha

    @pytest.mark.parametrize("scale", [DIFFERENCE, RATIO])
    def test_intervals_cover(self, scale: Scale) -> None:
        """Every interval of 4 against 7 at 90 %: whatever the shares, at least 90 % of tables hold the truth."""
        n0, n1 = 4, 7
        tables = [[Table(c, n0, t, n1) for t in range(n1 + 1)] for c in range(n0 + 1)]
        whole = (-1.0, 1.0) if scale is DIFFERENCE else (0.0, np.inf)
        found = np.array(
            [
                [whole if scale is RATIO and not one.control else interval(scale, one, 0.1) for one in row]
                for row in tables
            ]
        )
        for p0 in np.linspace(0.05, 0.95, 5):
            for p1 in np.linspace(0.02, 0.98, 9):
                truth = p1 - p0 if scale is DIFFERENCE else p1 / p0
                holds = (found[..., 0] <= truth) & (truth <= found[..., 1])
                assert chances(holds, column(p0), column(p1))[0] >= 0.9


class TestInterval:
    def test_is_dual_to_the_p_value(self) -> None:
        """No effect is left out exactly where twice the smaller one-sided p-value is at most alpha, on either scale."""
        rejected = 0
        for table in random_small_tables(5, 12, most=16):
            for alpha in (0.05, 0.3):
                for scale in (DIFFERENCE, RATIO) if table.control else (DIFFERENCE,):
                    p = 2 * min(p_above(scale, table, scale.null), p_below(scale, table, scale.null))
                    low, high = interval(scale, table, alpha)
                    assert (low > scale.null or high < scale.null) == (p <= alpha)
                    rejected += p <= alpha
        assert rejected > 2

    def test_bounds_are_rejected_just_outside_and_not_just_inside(self) -> None:
        """One-sided p-values around each bound lie on either side of alpha/2."""
        for table in random_small_tables(6, 25, least=4):
            low, high = interval(DIFFERENCE, table, 0.1)
            if low > -1:
                assert p_above(DIFFERENCE, table, low - 1e-7) <= 0.05 + 1e-4
                assert p_above(DIFFERENCE, table, low + 1e-4) >= 0.05 - 1e-4
            if high < 1:
                assert p_below(DIFFERENCE, table, high + 1e-7) <= 0.05 + 1e-4
                assert p_below(DIFFERENCE, table, high - 1e-4) >= 0.05 - 1e-4

    def test_exchanging_arms_mirrors(self) -> None:
        """Differences change sign, ratios are inverted."""
        for table in random_small_tables(7, 20):
            low, high = interval(DIFFERENCE, table, 0.05)
            assert_close(interval(DIFFERENCE, table.swapped(), 0.05), (-high, -low), 1e-9, absolute=1e-12)
            if table.control and table.treatment:
                low, high = interval(RATIO, table, 0.05)
                assert_close(interval(RATIO, table.swapped(), 0.05), (1 / high, 1 / low), 1e-6)

    def test_of_no_treatment_successes_starts_at_nothing(self) -> None:
        """A ratio of 0 is the least there is; its upper bound is finite."""
        low, high = interval(RATIO, Table(6, 20, 0, 12), 0.05)
        assert low == pytest.approx(0, abs=1e-15)
        assert 0.3 < high < 2

    def test_of_a_handful_in_a_million(self) -> None:
        """0 against 3, and against 12, of a million: as if the counts were Poisson's."""
        counts = np.arange(120.0)
        control, treatment = np.meshgrid(counts, counts, indexing="ij")
        statistic = (treatment - control) / np.sqrt(np.maximum(treatment + control, 1))
        for seen in (3, 12):
            is_in = statistic >= statistic[0, seen] - 1e-9
            expected = []
            for low, high in ((0.0, 14.508), stats.chi2.ppf([GAMMA / 2, 1 - GAMMA / 2], [2 * seen, 2 * seen + 2]) / 2):
                chance = stats.poisson.pmf(counts, np.linspace(low, high, 2000)[:, None])
                expected.append(float(((chance @ is_in) * chance).sum(axis=1).max()))
            assert_one_of(p_above(DIFFERENCE, Table(0, 10**6, seen, 10**6), 0.0), expected, 1e-3)
        low, high = interval(DIFFERENCE, Table(0, 10**6, 12, 10**6), 0.05)
        assert 0 < low < 12e-6 < high < 25e-6
