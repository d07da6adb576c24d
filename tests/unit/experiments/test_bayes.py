"""The posterior against numerical integration, and what is true of any difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from experiments.bayes import Posterior, posterior
from experiments.contrast import Arm, Difference, difference
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")


def observed(estimate: float, error: float, units: float, null: float = 0.0) -> Difference:
    """A difference with its standard error, from so many units."""
    return Difference(column(estimate), column(error**2), column(units), column(np.inf), null)


def integrated(estimate: float, error: float, units: float, null: float) -> tuple[float, float, float]:
    """P(better), and expected losses of shipping and keeping, by integrating likelihood times prior."""
    spread = error * np.sqrt(units / 2)
    narrow = 1 / np.sqrt(1 / error**2 + 1 / spread**2)
    centre = (estimate - null) / error**2 * narrow**2

    def over(low: float, high: float, weight: float) -> float:
        def density(effect: float) -> float:
            likelihood = np.exp(-(((estimate - null - effect) / error) ** 2) / 2 + ((estimate - null) / error) ** 2 / 2)
            return float(likelihood * np.exp(-((effect / spread) ** 2) / 2) * abs(effect) ** weight)

        low, high = max(low, centre - 12 * narrow), min(high, centre + 12 * narrow)
        return integrate.quad(density, low, high, epsabs=0, epsrel=1e-10)[0] if low < high else 0.0

    whole = over(-np.inf, 0, 0) + over(0, np.inf, 0)
    return over(0, np.inf, 0) / whole, over(-np.inf, 0, 1) / whole, over(0, np.inf, 1) / whole


def parts(found: Posterior) -> tuple[float, float, float]:
    """The three numbers of one comparison."""
    return float(found.probability_better[0]), float(found.loss_of_shipping[0]), float(found.loss_of_keeping[0])


class TestPosterior:
    def test_agrees_with_integration(self) -> None:
        """Probability and both losses, on 200 random differences up to four standard errors apart."""
        rng = generator(1)
        for _ in range(200):
            error, units = float(np.exp(rng.normal(0, 2))), float(rng.integers(4, 10**4))
            null = float(rng.choice([0, 0.5]))
            estimate = null + error * float(rng.uniform(-4, 4))
            found = parts(posterior(observed(estimate, error, units, null), 1))
            assert_close(found, integrated(estimate, error, units, null))

    def test_prior_is_worth_one_unit_in_each_arm(self) -> None:
        """Its variance is the sum of the arms' variances: arms of equal size shrink an effect by 1 part in n + 1."""
        arms = Arm(column(50), column(0), column(3)), Arm(column(50), column(1), column(5))
        found = posterior(difference(*arms), 1)
        mean = found.loss_of_keeping - found.loss_of_shipping
        assert_close(mean, [50 / 51])
        assert_close(found.probability_better, [stats.norm.cdf((50 / 51) / np.sqrt(1 / (1 / 0.16 + 1 / 8)))])

    def test_no_difference_is_even(self) -> None:
        """At no effect either arm is better with probability one half, and both losses are the same."""
        better, shipping, keeping = parts(posterior(observed(0.5, 0.1, 200, 0.5), 1))
        assert better == 0.5
        assert_close(shipping, keeping, 1e-12)

    @pytest.mark.parametrize("z", [-60.0, 60.0])
    def test_far_apart_is_certain_and_costs_nothing(self, z: float) -> None:
        """60 standard errors: probability 0 or 1, the wrong choice costs the effect, the right one nothing below 0."""
        better, shipping, keeping = parts(posterior(observed(z, 1, 10**9), 1))
        assert better == pytest.approx(float(z > 0), abs=1e-300)
        assert_close((shipping, keeping), (max(-z, 0), max(z, 0)), 1e-6, absolute=1e-12)
        assert min(shipping, keeping) >= 0

    def test_no_error_has_no_posterior(self) -> None:
        """NaN where there is no variance."""
        found = posterior(Difference(column(1), column(np.nan), column(20), column(np.nan)), 1)
        assert np.isnan(parts(found)).all()

    @given(st.floats(-50, 50), st.floats(1e-3, 100), st.integers(4, 10**8))
    def test_where_less_is_better_arms_change_places(self, estimate: float, error: float, units: int) -> None:
        """The sign turned: probability becomes its complement, losses are exchanged, none is negative."""
        better, shipping, keeping = parts(posterior(observed(estimate, error, units), 1))
        turned = parts(posterior(observed(estimate, error, units), -1))
        assert_close(turned, (1 - better, keeping, shipping), 1e-6, absolute=1e-15 * error + 1e-15)
        assert 0 <= better <= 1
        assert min(shipping, keeping) >= 0

    @given(st.floats(-50, 50), st.floats(1e-3, 100), st.integers(4, 10**8), st.sampled_from([0.125, 1024.0]))
    def test_losses_are_in_the_metrics_unit(self, estimate: float, error: float, units: int, by: float) -> None:
        """In another unit losses scale and the probability stays."""
        better, shipping, keeping = parts(posterior(observed(estimate, error, units), 1))
        scaled = parts(posterior(observed(estimate * by, error * by, units), 1))
        assert_close(scaled, (better, shipping * by, keeping * by), 1e-9, absolute=1e-13 * by)
