"""Variance reduction against statsmodels' regression, with and without missing covariates; what is true of any arms."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from experiments.contrast import Arm, Floats, StudentT, Wald
from experiments.cuped import Adjusted, Covariate, adjust
from tests.unit.experiments.oracles import arm_of, assert_close, column, generator, welch

pytestmark = pytest.mark.usefixtures("as_in_a_report")

COUNT = 200
Units = tuple[Floats, Floats]


def random_units(rng: np.random.Generator, n: int, effect: float = 0.0) -> Units:
    """A metric and its covariate, of `n` units."""
    covariate = rng.normal(3, 2, n)
    return effect + 0.8 * covariate + rng.normal(0, 1, n), covariate


def pairs(seed: int, n: int = 0) -> list[tuple[Units, Units]]:
    """Control and treatment, of `n` units each or of random sizes."""
    rng = generator(seed)
    sizes = [(n, n) if n else tuple(rng.integers(5, 120, 2).tolist()) for _ in range(COUNT)]
    return [(random_units(rng, n0), random_units(rng, n1, rng.normal(0, 0.5))) for n0, n1 in sizes]


def covariate_of(units: list[Units]) -> Covariate:
    """The sufficient statistics of covariates, over the units that have one."""
    known = [(y[np.isfinite(x)], x[np.isfinite(x)]) for y, x in units]
    covariances = [np.cov(y, x) for y, x in known]
    return Covariate(
        column(*(len(x) for _, x in known)),
        column(*(x.mean() for _, x in known)),
        column(*(found[1, 1] for found in covariances)),
        column(*(found[0, 1] for found in covariances)),
    )


def adjusted(units: list[tuple[Units, Units]]) -> Adjusted:
    """All pairs at once."""
    controls, treatments = [pair[0] for pair in units], [pair[1] for pair in units]
    arms = arm_of([y for y, _ in controls]), arm_of([y for y, _ in treatments])
    return adjust(arms, (covariate_of(controls), covariate_of(treatments)))


def regression(pair: tuple[Units, Units], errors: str) -> tuple[float, float]:
    """Coefficient and standard error of the treatment in y ~ 1 + treatment + covariate."""
    (y0, x0), (y1, x1) = pair
    design = np.column_stack([np.ones(len(y0) + len(y1)), np.repeat([0.0, 1.0], [len(y0), len(y1)]), np.append(x0, x1)])
    fitted = sm.OLS(np.append(y0, y1), design).fit(cov_type=errors)
    return float(fitted.params[1]), float(fitted.bse[1])


def _with_centre(control: Units, treatment: Units) -> tuple[float, float, float, float]:
    """Squared errors of both arms' values, their covariance, and the share of variance that is gone, from units."""
    known = [np.isfinite(x) for _, x in (control, treatment)]
    inner = [(y[has], x[has]) for (y, x), has in zip((control, treatment), known, strict=True)]
    squares = sum(((x - x.mean()) ** 2).sum() for _, x in inner)
    theta = sum(((x - x.mean()) * (y - y.mean())).sum() for y, x in inner) / squares
    everyone = np.concatenate([x for _, x in inner])
    shares = [has.mean() for has in known]
    errors, shifts, plain = [], [], []
    for (y, x), share in zip((control, treatment), shares, strict=True):
        known_x = x[np.isfinite(x)]
        shift = share * (known_x.mean() - everyone.mean())
        spread = ((known_x - known_x.mean()) ** 2).sum() / (len(y) - 1) + (1 - share) / share * shift**2
        covariance = ((known_x - known_x.mean()) * (y[np.isfinite(x)] - y[np.isfinite(x)].mean())).sum() / (len(y) - 1)
        errors.append((y.var(ddof=1) - 2 * theta * covariance + theta**2 * spread) / len(y))
        shifts.append(shift)
        plain.append(y.var(ddof=1) / len(y))
    inflation = 1 + (shifts[0] - shifts[1]) ** 2 / (squares * (1 / len(control[0]) + 1 / len(treatment[0])))
    centre = theta**2 * squares / len(everyone) ** 2
    values = [error * inflation + share**2 * centre for error, share in zip(errors, shares, strict=True)]
    return values[0], values[1], shares[0] * shares[1] * centre, 1 - sum(errors) * inflation / sum(plain)


class TestAgainstRegression:
    def test_estimate_is_the_coefficient(self) -> None:
        """On 200 random pairs of 5 to 120 units."""
        units = pairs(1)
        assert_close(adjusted(units).difference().estimate, [regression(pair, "HC2")[0] for pair in units])

    @pytest.mark.parametrize(("errors", "tolerance"), [("HC2", 0.03), ("HC3", 0.035)])
    def test_standard_error_is_close_to_the_robust_one(self, errors: str, tolerance: float) -> None:
        """Within 3 % of HC2, and 3.5 % of HC3, in each of 200 tests of 200 units an arm; 1 % on average."""
        units = pairs(2, 200)
        found = np.sqrt(adjusted(units).difference().squared_error)
        expected = np.array([regression(pair, errors)[1] for pair in units])
        assert_close(found, expected, tolerance)
        assert abs(float((found / expected).mean()) - 1) < 0.01

    def test_standard_error_has_a_closed_form(self) -> None:
        """Welch's error of y - theta (x - centre), times 1 + imbalance² over what theta is known from: to the digit."""
        units = pairs(3)
        expected, thetas = [], []
        for (y0, x0), (y1, x1) in units:
            squares = ((x0 - x0.mean()) ** 2).sum() + ((x1 - x1.mean()) ** 2).sum()
            theta = (((x0 - x0.mean()) * y0).sum() + ((x1 - x1.mean()) * y1).sum()) / squares
            error = sum((y - theta * x).var(ddof=1) / len(y) for y, x in ((y0, x0), (y1, x1)))
            leverage = (x0.mean() - x1.mean()) ** 2 / (squares * (1 / len(x0) + 1 / len(x1)))
            expected.append(error * (1 + leverage))
            thetas.append(theta)
        found = adjusted(units)
        assert_close(found.theta, thetas)
        assert_close(found.difference().squared_error, expected)
        values = found.values()
        errors = values.control_squared_error + values.treatment_squared_error
        assert_close(errors - 2 * np.asarray(values.covariance), expected)

    def test_imbalance_is_what_regression_pays(self) -> None:
        """Against the classical error: with equal variances and arms, that of a regression up to degrees of freedom."""
        units = pairs(4, 100)
        for pair, squared in zip(units, adjusted(units).difference().squared_error, strict=True):
            assert_close(np.sqrt(squared) * np.sqrt(198 / 197), regression(pair, "nonrobust")[1], 1e-9)

    def test_missing_covariates_count_as_the_common_mean(self) -> None:
        """A fifth missing of 200: as a regression with the pooled mean in their place, within 5 % of a standard error
        of the estimate and 3 % of that error."""
        rng = generator(5)
        units, filled = [], []
        for (y0, x0), (y1, x1) in pairs(6, 200):
            known = [np.where(rng.random(200) < 0.2, np.nan, x) for x in (x0, x1)]
            centre = np.nanmean(np.concatenate(known))
            units.append(((y0, known[0]), (y1, known[1])))
            filled.append(((y0, np.nan_to_num(known[0], nan=centre)), (y1, np.nan_to_num(known[1], nan=centre))))
        found = adjusted(units).difference()
        expected = np.array([regression(pair, "HC2") for pair in filled]).T
        assert (np.abs(found.estimate - expected[0]) < 0.05 * expected[1]).all()
        assert_close(np.sqrt(found.squared_error), expected[1], 0.03)

    def test_values_share_the_error_of_the_common_centre(self) -> None:
        """The centre is a mean over all units with a covariate; theta times the share that has one carries it into each
        arm, also where more are missing in one. To the digit, as is the variance with missing ones as the centre."""
        rng = generator(8)
        units = [
            ((y0, np.where(rng.random(60) < 0.5, np.nan, x0)), (y1, np.where(rng.random(60) < 0.1, np.nan, x1)))
            for (y0, x0), (y1, x1) in pairs(9, 60)
        ]
        expected = np.array([_with_centre(*pair) for pair in units]).T
        found = adjusted(units)
        assert_close(found.values().control_squared_error, expected[0], 1e-9)
        assert_close(found.values().treatment_squared_error, expected[1], 1e-9)
        assert_close(found.values().covariance, expected[2], 1e-9)
        assert_close(found.reduction, expected[3], 1e-9)
        assert_close(found.difference().units, np.full(COUNT, 120.0))

    def test_intervals_cover_with_missing_covariates(self) -> None:
        """95 % of 2,000 simulated tests, a third of the covariates missing, hold the true effect."""
        rng = generator(7)
        units = []
        for _ in range(2000):
            parts = []
            for n, effect in ((60, 0.0), (90, 0.4)):
                y, x = random_units(rng, n, effect)
                parts.append((y, np.where(rng.random(n) < 1 / 3, np.nan, x)))
            units.append((parts[0], parts[1]))
        observed = adjusted(units).difference()
        low, high = Wald(observed, StudentT(observed.df)).interval(0.05)
        covered = float(((low <= 0.4) & (high >= 0.4)).mean())
        assert abs(covered - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 2000)

    @pytest.mark.parametrize("lift", [0.0, 0.1, 0.5])
    def test_relative_intervals_cover(self, lift: float) -> None:
        """95 % of 2,000 simulated tests hold the true lift. The common centre of the covariates is a sample's: it moves
        both arms' adjusted means together, which matters the more the larger the lift."""
        rng = generator(9)
        units = []
        for _ in range(2000):
            parts = []
            for mean in (5.0, 5.0 * (1 + lift)):
                covariate = rng.normal(0, 2, 200)
                parts.append((mean + covariate + rng.normal(0, 0.6, 200), covariate))
            units.append((parts[0], parts[1]))
        found = adjusted(units)
        low, high = Wald(found.difference(), StudentT(found.difference().df), found.values()).lift_interval(0.05)
        covered = float(((low <= lift) & (high >= lift)).mean())
        assert abs(covered - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 2000)


class TestReduction:
    def test_is_the_squared_correlation(self) -> None:
        """Of 20,000 units with correlation .85, a share of .85² of the variance is gone."""
        rng = generator(8)
        found = adjusted([(random_units(rng, 20_000), random_units(rng, 20_000))])
        assert_close(found.reduction, [2.56 / 3.56], 0.02)

    def test_an_unrelated_covariate_changes_nothing(self) -> None:
        """Without covariance theta is 0: the plain comparison."""
        arms = Arm(column(50), column(2), column(3)), Arm(column(60), column(3), column(4))
        found = adjust(arms, (Covariate(*map(column, (50, 1, 2, 0))), Covariate(*map(column, (60, 1, 2, 0)))))
        assert (found.theta[0], found.reduction[0], found.imbalance[0]) == (0, 0, 0)
        assert_close(found.difference().squared_error, welch(*arms).observed.squared_error, 1e-15)

    @pytest.mark.parametrize("row", [(50, 7, 0, 0), (1, 7, 0, 0), (0, 0, 0, 0)])
    def test_a_covariate_that_says_nothing_changes_nothing(self, row: tuple[float, ...]) -> None:
        """Constant covariates, one alone, or none at all: the plain comparison, with theta 0."""
        arms = Arm(column(50), column(2), column(3)), Arm(column(60), column(3), column(4))
        covariates = Covariate(*map(column, row)), Covariate(*map(column, row))
        found = adjust(arms, covariates)
        plain = welch(*arms).observed
        assert found.theta[0] == 0
        assert_close(found.difference().estimate, plain.estimate, 1e-15)
        assert_close(found.difference().squared_error, plain.squared_error, 1e-12)

    def test_no_variance_left_has_no_test(self) -> None:
        """A metric that is its covariate: nothing is left to estimate an error from."""
        arms = Arm(column(50), column(2), column(4)), Arm(column(50), column(2), column(4))
        covariate = Covariate(column(50), column(2), column(4), column(4))
        observed = adjust(arms, (covariate, covariate)).difference()
        assert np.isnan(observed.squared_error).all()


ROWS = st.tuples(
    st.integers(3, 10**5), st.floats(-100, 100), st.floats(0.1, 50), st.floats(-100, 100), st.floats(0.1, 50)
)


def arm_and_covariate(row: tuple[float, ...], correlation: float, by: float = 1.0) -> tuple[Arm, Covariate]:
    """An arm and a covariate of it in a unit of 1/`by`."""
    n, mean, sd, covariate_mean, covariate_sd = row
    return (
        Arm(column(n), column(mean), column(sd**2)),
        Covariate(
            column(n),
            column(covariate_mean * by),
            column((covariate_sd * by) ** 2),
            column(correlation * sd * covariate_sd * by),
        ),
    )


class TestAnyArms:
    @given(ROWS, ROWS, st.floats(-0.9, 0.9))
    def test_swapping_arms_flips_signs(self, row: tuple, other: tuple, correlation: float) -> None:
        """The same theta and error, the opposite difference."""
        one, two = arm_and_covariate(row, correlation), arm_and_covariate(other, correlation)
        found = adjust((one[0], two[0]), (one[1], two[1]))
        turned = adjust((two[0], one[0]), (two[1], one[1]))
        assert_close(turned.difference().estimate, -found.difference().estimate, 1e-9, absolute=1e-9)
        assert_close(turned.difference().squared_error, found.difference().squared_error, 1e-9)

    @given(ROWS, ROWS, st.floats(-0.9, 0.9), st.sampled_from([1e-3, 0.5, 1e4]))
    def test_the_covariates_unit_does_not_matter(self, row: tuple, other: tuple, correlation: float, by: float) -> None:
        """In another unit theta is another, the comparison the same."""
        found, scaled = (
            adjust(
                *zip(
                    arm_and_covariate(row, correlation, unit), arm_and_covariate(other, correlation, unit), strict=True
                )
            )
            for unit in (1.0, by)
        )
        assert_close(scaled.theta * by, found.theta, 1e-9, absolute=1e-300)
        assert_close(scaled.difference().estimate, found.difference().estimate, 1e-7, absolute=1e-7)
        assert_close(scaled.difference().squared_error, found.difference().squared_error, 1e-7)
