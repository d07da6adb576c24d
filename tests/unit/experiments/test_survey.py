"""Survey scores: the plain interval where response rates are equal, bounds that hold where they are not."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.contrast import Floats, StudentT, Wald, placement_difference
from experiments.ordinal import placements
from experiments.survey import Response, bounds
from tests.unit.experiments.oracles import assert_close, column, generator

pytestmark = pytest.mark.usefixtures("as_in_a_report")

SHARES = np.array([0.10, 0.15, 0.25, 0.30, 0.20])
QUICK = settings(max_examples=50)
COUNTS = st.lists(st.integers(1, 300), min_size=5, max_size=5).map(lambda counts: np.array(counts, dtype=np.float64))


def plain(control: Floats, treatment: Floats, alpha: float) -> Floats:
    """Brunner and Munzel's interval."""
    observed = placement_difference(*placements(control, treatment))
    return np.array(Wald(observed, StudentT(observed.df), least=0.0, most=1.0).interval(alpha))


def superiority(control: Floats, treatment: Floats) -> float:
    """P(treatment > control) + P(equal)/2 of two distributions over scores."""
    return float((treatment * (np.cumsum(control) - control / 2)).sum())


def numbers_asked(control: Floats, treatment: Floats, rate0: float, rate1: float) -> tuple[float, float]:
    """How many were asked, for these to be the response rates."""
    return float(control.sum()) / rate0, float(treatment.sum()) / rate1


def test_response_rates_differ_where_their_p_value_says_so() -> None:
    """At the level or below; what is not known does not differ."""
    rates = column(0.4, 0.4, 0.4, np.nan)
    found = Response(rates, rates + 0.1, column(0.04, 0.05, 0.06, np.nan))
    assert found.differs(0.05).tolist() == [True, True, False, False]


class TestBounds:
    @QUICK
    @given(COUNTS, COUNTS, st.floats(0.05, 0.95), st.floats(0.01, 0.5))
    def test_at_equal_rates_hold_the_plain_interval(
        self, control: Floats, treatment: Floats, rate: float, alpha: float
    ) -> None:
        """Nothing is taken off, but that rates are equal is itself an estimate."""
        low, high = bounds((control, treatment), numbers_asked(control, treatment, rate, rate), alpha)
        plain_low, plain_high = plain(control, treatment, alpha)
        assert low <= plain_low
        assert plain_high <= high

    def test_of_rates_that_are_known_are_the_plain_interval(self) -> None:
        """Nearly everybody answers: the trimmed share has hardly an error."""
        counts = 1e6 * SHARES, 1e6 * SHARES[::-1]
        assert_close(bounds(counts, (1e6 + 1e-3, 1e6 + 1e-3), 0.05), plain(*counts, 0.05), 1e-6)

    @QUICK
    @given(COUNTS, COUNTS, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
    def test_hold_the_estimate_and_stay_in_range(
        self, control: Floats, treatment: Floats, rate0: float, rate1: float
    ) -> None:
        """They contain P(treatment > control) of those who answered, within [0, 1]."""
        low, high = bounds((control, treatment), numbers_asked(control, treatment, rate0, rate1), 0.05)
        estimate = superiority(control / control.sum(), treatment / treatment.sum())
        assert np.isnan(low) or 0 <= low <= estimate + 1e-12
        assert np.isnan(high) or estimate - 1e-12 <= high <= 1

    @QUICK
    @given(COUNTS, COUNTS, st.floats(0.05, 0.95), st.floats(0.05, 0.95))
    def test_exchanging_arms_mirrors(self, control: Floats, treatment: Floats, rate0: float, rate1: float) -> None:
        """Around one half. Equal rates have no bounds in a report: nobody knows which arm has the surplus."""
        assume(abs(rate0 - rate1) > 1e-6)
        of0, of1 = numbers_asked(control, treatment, rate0, rate1)
        low, high = bounds((control, treatment), (of0, of1), 0.05)
        assert_close(bounds((treatment, control), (of1, of0), 0.05), (1 - high, 1 - low), 1e-9, absolute=1e-9)

    def test_are_wider_the_more_rates_differ(self) -> None:
        """Each response rate further away adds doubt on both sides."""
        counts = 200 * SHARES, 200 * SHARES
        found = np.array([bounds(counts, numbers_asked(*counts, 0.5, rate), 0.05) for rate in (0.5, 0.55, 0.7, 0.9)])
        assert (np.diff(found[:, 0]) < 0).all()
        assert (np.diff(found[:, 1]) > 0).all()

    def test_take_the_surplus_off_either_end(self) -> None:
        """Twice the rate in treatment: its worse half against its better half, computed by hand.

        The error of the share is that of a quotient of two rates, and of how many scores lie below where it ends; the
        slope is taken over one error to either side.
        """
        control, treatment = column(100, 100, 100, 100), column(200, 200, 200, 200)
        low, high = bounds((control, treatment), (1600, 1600), 0.05)
        of_share = np.sqrt(0.25 * (0.75 / 400 + 0.5 / 800) + 0.5 * 0.5 / 800)
        worse = placement_difference(*placements(control, column(200, 200, 0, 0)))
        half = superiority(np.full(4, 0.25), np.array([0.5, 0.5, 0, 0]))
        more = superiority(np.full(4, 0.25), np.array([200, 200, 800 * of_share, 0]) / (400 + 800 * of_share))
        less = superiority(np.full(4, 0.25), np.array([200, 200 - 800 * of_share, 0, 0]) / (400 - 800 * of_share))
        assert less < half < more
        error = np.sqrt(worse.squared_error + ((more - less) / 2) ** 2)
        reach = stats.t.isf(0.025, worse.df) * error
        assert_close(low, half - reach, 1e-9)
        assert_close(high, 1 - half + reach, 1e-9)

    @pytest.mark.parametrize("extra", [SHARES[::-1], [0, 0, 0, 0, 1.0], [1.0, 0, 0, 0, 0], [0, 0, 1.0, 0, 0]])
    def test_hold_the_truth_where_arms_differ_in_who_answers(self, extra: Floats) -> None:
        """The treatment adds respondents of another kind: 1,000 surveys, the bounds hold the effect on the others in at
        least 95 % of them, also where those added are all at one end."""
        rng, asked, held = generator(1), 1000, 0
        better = np.array([0.05, 0.12, 0.23, 0.35, 0.25])
        truth = superiority(SHARES, better)
        for _ in range(1000):
            counts = rng.multinomial(rng.binomial(asked, 0.4), SHARES) * 1.0
            always = rng.multinomial(rng.binomial(asked, 0.4), better)
            added = rng.multinomial(rng.binomial(asked, 0.15), np.asarray(extra))
            answers = (always + added) * 1.0
            low, high = bounds((counts, answers), (asked, asked), 0.05)
            held += low <= truth <= high
        assert held / 1000 >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 1000)

    def test_the_plain_interval_does_not_hold_it(self) -> None:
        """The same surveys without bounds: most intervals miss."""
        rng, asked, held = generator(2), 1000, 0
        better = np.array([0.05, 0.12, 0.23, 0.35, 0.25])
        for _ in range(200):
            counts = rng.multinomial(rng.binomial(asked, 0.4), SHARES) * 1.0
            answers = rng.multinomial(rng.binomial(asked, 0.4), better) * 1.0
            answers[0] += rng.binomial(asked, 0.15)
            low, high = plain(counts, answers, 0.05)
            held += low <= superiority(SHARES, better) <= high
        assert held / 200 < 0.5
