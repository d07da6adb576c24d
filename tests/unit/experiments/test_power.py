"""Power, against independent calculators, enumeration and closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from experiments.group_sequential import boundaries, crossing_probabilities
from experiments.power import (
    AtAnyTime,
    AtPlannedLooks,
    AtTheEnd,
    MeanOutcome,
    OrdinalOutcome,
    ProportionOutcome,
    Sample,
    harmless_power,
    least_effect,
    least_units,
)
from experiments.proportions import Proportions
from experiments.sequential import LEAST_UNITS

SCORES = OrdinalOutcome((0.05, 0.1, 0.2, 0.4, 0.25))


def test_power_of_means_is_that_of_an_independent_calculator() -> None:
    """200 random designs of equal arms, where Welch's degrees of freedom are the pooled test's."""
    rng = np.random.default_rng(1)
    for _ in range(200):
        n, effect, alpha = int(rng.integers(5, 3000)), float(rng.uniform(0.01, 0.5)), float(rng.uniform(0.001, 0.2))
        ours = MeanOutcome(4.0).fixed_power(Sample(n, n), 2 * effect, alpha)
        theirs = TTestIndPower().power(effect, nobs1=n, alpha=alpha, ratio=1)
        if np.isfinite(theirs):  # SciPy's noncentral t gives up where power is 1
            assert ours == pytest.approx(theirs, rel=1e-6)
        else:
            assert ours == pytest.approx(1, abs=1e-6)


def test_power_of_large_means_is_that_of_the_normal_distribution() -> None:
    """Beyond ten thousand degrees of freedom the normal limit is used, where the two agree."""
    ours = MeanOutcome(1.0).fixed_power(Sample(6000, 6000), 0.05, 0.05)
    assert ours == pytest.approx(TTestIndPower().power(0.05, nobs1=6000, alpha=0.05), abs=1e-5)


@pytest.mark.parametrize(
    ("n0", "n1", "baseline", "effect"), [(8, 9, 0.3, 0.5), (40, 25, 0.05, 0.3), (60, 60, 0.5, -0.2)]
)
def test_power_of_a_proportion_is_the_chance_of_the_tables_that_its_test_rejects(
    n0: int, n1: int, baseline: float, effect: float
) -> None:
    """All tables enumerated; those of small counts are rejected by the exact test."""
    control, treatment = np.meshgrid(np.arange(n0 + 1.0), np.arange(n1 + 1.0), indexing="ij")
    chances = np.outer(
        stats.binom.pmf(np.arange(n0 + 1), n0, baseline), stats.binom.pmf(np.arange(n1 + 1), n1, baseline + effect)
    )
    units = np.full(control.size, float(n0)), np.full(control.size, float(n1))
    p_values = Proportions(control.ravel(), units[0], treatment.ravel(), units[1]).p_value()
    expected = chances.ravel()[p_values <= 0.05].sum()
    assert ProportionOutcome(baseline).fixed_power(Sample(n0, n1), effect, 0.05) == pytest.approx(expected, abs=1e-4)


def test_power_of_a_large_proportion_follows_from_the_score_statistic() -> None:
    """Where too many tables are likely to go through, the normal limit is within a tenth of a point of enumeration."""
    outcome = ProportionOutcome(0.4)
    enumerated = outcome.fixed_power(Sample(1500, 1600), 0.05, 0.05)
    assert outcome._normal_power(Sample(1500, 1600), 0.05, 0.05) == pytest.approx(enumerated, abs=0.002)
    assert outcome.fixed_power(Sample(1.5e6, 1.5e6), 0.0016, 0.05) == pytest.approx(
        outcome._normal_power(Sample(1.5e6, 1.5e6), 0.0016, 0.05), abs=1e-12
    )


@given(st.floats(-0.35, 0.35))
def test_shifted_scores_have_the_effect_that_was_asked_for(effect: float) -> None:
    """P(treatment higher) + P(equal)/2, summed over all pairs of scores."""
    control, treatment = np.array(SCORES.shares), SCORES.treatment_shares(effect)
    pairs = np.outer(control, treatment)
    higher = np.triu(pairs, 1).sum() + np.trace(pairs) / 2
    assert higher == pytest.approx(0.5 + effect, abs=1e-9)
    assert treatment.sum() == pytest.approx(1)
    assert (treatment >= 0).all()


def test_an_effect_has_the_room_its_metric_leaves() -> None:
    """Shares end at 0 and 1, scores at the ends of their scale; a mean goes anywhere."""
    assert ProportionOutcome(0.9).most(1) == pytest.approx(0.1, rel=0.01)
    assert ProportionOutcome(0.9).most(-1) == pytest.approx(0.9, rel=0.01)
    assert 0.3 < SCORES.most(1) < SCORES.most(-1) < 0.5
    assert MeanOutcome(4.0).most(1) == 2000


def test_looks_spend_the_alpha_and_no_more() -> None:
    """Without an effect planned looks cross as often as alpha says, those at any time less often."""
    sample, outcome = Sample(5000, 5000), MeanOutcome(1.0)
    assert AtPlannedLooks(4).power(outcome, sample, 0.0, 0.05) == pytest.approx(0.05, abs=1e-6)
    assert 0.002 < AtAnyTime(28, 0.05).power(outcome, sample, 0.0, 0.05) < 0.05


def test_one_planned_look_is_the_fixed_test() -> None:
    """Its power is the same, whatever the shape of the test."""
    for outcome, effect in ((MeanOutcome(1.0), 0.4), (ProportionOutcome(0.01), 0.06), (SCORES, 0.08)):
        sample = Sample(90, 110)
        fixed = AtTheEnd().power(outcome, sample, effect, 0.05)
        assert AtPlannedLooks(1).power(outcome, sample, effect, 0.05) == pytest.approx(fixed, abs=1e-6)


def test_planned_looks_have_the_power_of_their_boundaries() -> None:
    """Against the crossing probabilities of a Brownian motion with the drift of the effect."""
    drift = 0.1 / np.sqrt(2 / 2000)
    bounds, fractions = boundaries(0.025, (0.25, 0.5, 0.75, 1.0)), (0.25, 0.5, 0.75, 1.0)
    expected = crossing_probabilities(bounds, fractions, drift).sum()
    power = AtPlannedLooks(4).power(MeanOutcome(1.0), Sample(2000, 2000), 0.1, 0.05)
    assert power == pytest.approx(expected, abs=0.001)


def test_an_effect_nobody_can_miss_has_power_one() -> None:
    """Also where its drift is beyond any normal quantile."""
    assert AtPlannedLooks(4).power(MeanOutcome(1.0), Sample(1e6, 1e6), 500.0, 0.05) == pytest.approx(1)


def test_nothing_is_found_before_there_are_enough_units_or_cases() -> None:
    """A confidence sequence says nothing with fewer than thirty units an arm, or five expected cases."""
    few = Sample(LEAST_UNITS - 1, 1000)
    rule = AtAnyTime(1, 0.05)
    for outcome, effect in ((MeanOutcome(1.0), 5.0), (SCORES, 0.3), (ProportionOutcome(0.5), 0.3)):
        assert rule.power(outcome, few, effect, 0.05) < 1e-9
        assert rule.power(outcome, Sample(LEAST_UNITS, 1000), effect, 0.05) > 0.1
    assert rule.power(ProportionOutcome(0.0001), Sample(1000, 1000), 0.003, 0.05) < 1e-9


def test_a_guardrail_that_does_not_change_passes_as_often_as_the_one_sided_test_says() -> None:
    """Against the normal formula; the variances are those without an effect."""
    power = harmless_power(ProportionOutcome(0.48), AtTheEnd(), Sample(10000, 10000), 0.02, 0.05)
    error = np.sqrt(2 * 0.48 * 0.52 / 10000)
    assert power == pytest.approx(stats.norm.cdf(0.02 / error - stats.norm.ppf(0.95)), abs=1e-4)
    looks = harmless_power(ProportionOutcome(0.48), AtAnyTime(28, 0.05), Sample(10000, 10000), 0.02, 0.05)
    assert 0.05 < looks < power


def test_a_guardrail_of_a_large_proportion_has_the_normal_limit() -> None:
    """Within a fifth of a point of summing the tables, from above and from below."""
    for baseline, margin in ((0.05, 0.02), (0.95, -0.02)):
        outcome, sample = ProportionOutcome(baseline), Sample(1500, 1000)
        summed = outcome.harmless_power(sample, margin, 0.05)
        assert outcome._normal_harmless_power(sample, margin, 0.05) == pytest.approx(summed, abs=0.005)
        huge = Sample(1.5e6, 1e6)
        assert outcome.harmless_power(huge, margin / 40, 0.05) == outcome._normal_harmless_power(
            huge, margin / 40, 0.05
        )


def test_scores_that_do_not_change_are_shown_harmless_as_often_as_the_t_test_says() -> None:
    """One-sided, with the variances of equal arms; means likewise."""
    sample = Sample(500, 400)
    means = harmless_power(MeanOutcome(4.0), AtTheEnd(), sample, 0.3, 0.05)
    at = 0.3 / (2 * np.sqrt(1 / 500 + 1 / 400))
    assert means == pytest.approx(stats.norm.cdf(at - stats.norm.ppf(0.95)), abs=0.003)
    power = harmless_power(SCORES, AtTheEnd(), sample, 0.05, 0.05)
    error = np.sqrt(SCORES.variances(0.0)[0] / 500 + SCORES.variances(0.0)[1] / 400)
    assert power == pytest.approx(stats.norm.cdf(0.05 / error - stats.norm.ppf(0.95)), abs=0.003)


@given(st.floats(4.5, 1e8), st.floats(5, 1e7))
def test_the_least_units_reach_the_power_and_one_percent_less_do_not(threshold: float, guess: float) -> None:
    """Wherever the search starts."""
    found = least_units(lambda units: units / (units + threshold), 0.5, guess, 1e12)
    assert found is not None
    assert threshold * 0.999 <= found <= threshold * 1.001 + 1


def test_what_no_number_of_units_reaches_has_no_answer() -> None:
    """And what any number does needs the least."""
    assert least_units(lambda units: 0.5, 0.8, 100, 1e9) is None
    assert least_units(lambda units: 0.9, 0.8, 100, 1e9) == 4


def test_the_least_effect_is_the_inverse_of_the_power() -> None:
    """And there is none where the largest possible effect is missed too often."""
    outcome = MeanOutcome(9.0)
    found = least_effect(lambda effect: outcome.fixed_power(Sample(500, 400), effect, 0.05), 0.8, 100.0)
    assert found is not None
    assert outcome.fixed_power(Sample(500, 400), found, 0.05) == pytest.approx(0.8, abs=1e-5)
    assert least_effect(lambda effect: 0.1, 0.8, 100.0) is None
