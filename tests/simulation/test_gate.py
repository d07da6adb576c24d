"""The simulation gate: false positives, coverage and power of every method, with and without peeking.

Every cell draws at least 2,000 whole tests with common random numbers: a scenario's tests with and without an effect,
and under each rule, are made of the same units.
"""

from dataclasses import dataclass
from math import sqrt

import pytest

from experiments.metrics import KINDS
from experiments.power import (
    AtAnyTime,
    AtPlannedLooks,
    AtTheEnd,
    MeanOutcome,
    OrdinalOutcome,
    Outcome,
    ProportionOutcome,
    Rule,
    Sample,
    least_units,
)
from experiments.simulation import Design, Population, Rates, Scores, Shares, Vectors, draw
from tests.simulation.populations import Capped, Clustered

pytestmark = pytest.mark.slow

ALPHA = 0.05
RUNS = 2000
SEED = 20261126
RULES = {"fixed": AtTheEnd(), "anytime": AtAnyTime(28, ALPHA), "looks": AtPlannedLooks(4)}
SCORES = (0.05, 0.1, 0.2, 0.4, 0.25)


@dataclass(frozen=True)
class Scenario:
    """What is drawn: units, an effect to find, the control's value (None where nothing is relative to it)."""

    population: Population
    outcome: Outcome
    units: tuple[int, int]
    effect: float
    baseline: float | None

    def rates(self, rule: Rule, effect: float, runs: int = RUNS, units: tuple[int, int] | None = None) -> Rates:
        """The rates over many drawn tests."""
        design = Design(units or self.units, rule, ALPHA, runs, SEED)
        null = 0.5 if self.baseline is None else 0.0
        relative = None if self.baseline is None else effect / self.baseline
        return draw(self.population, design, effect, null + effect, relative)


def _bivariate(correlation: float) -> Vectors:
    return Vectors(KINDS["mean"], (10.0, 0.0), ((4.0, 2 * correlation), (2 * correlation, 1.0)))


RATIO = Vectors(KINDS["ratio"], (0.4, 1.6, 0.0), ((0.3, 0.2, 0.25), (0.2, 0.9, 0.1), (0.25, 0.1, 1.0)), unit=1.6)
SCENARIOS = {
    "proportion": Scenario(Shares(0.42), ProportionOutcome(0.42), (900, 900), 0.06, 0.42),
    "rare proportion, exact": Scenario(Shares(0.004), ProportionOutcome(0.004), (800, 800), 0.012, 0.004),
    "small proportion, exact": Scenario(Shares(0.3), ProportionOutcome(0.3), (12, 18), 0.5, 0.3),
    "unbalanced proportion": Scenario(Shares(0.2), ProportionOutcome(0.2), (300, 3000), 0.07, 0.2),
    "mean": Scenario(Vectors(KINDS["mean"], (10.0,), ((4.0,),)), MeanOutcome(4.0), (300, 200), 0.5, 10.0),
    "skewed mean": Scenario(
        Vectors(KINDS["mean"], (400.0,), ((250000.0,),), lognormal=True),
        MeanOutcome(250000.0),
        (1500, 1500),
        50.0,
        400.0,
    ),
    "capped mean": Scenario(Capped(), MeanOutcome(427000.0), (800, 800), 95.0, 617.7),
    "mean with covariate": Scenario(_bivariate(0.7), MeanOutcome(4.0 * (1 - 0.49)), (200, 200), 0.4, 10.0),
    "ratio with covariate": Scenario(RATIO, MeanOutcome(0.0), (600, 600), 0.03, 0.25),
    "ratio clustered by customer": Scenario(Clustered(0.3), MeanOutcome(0.0), (600, 600), 0.03, 0.3),
    "ordinal": Scenario(Scores(OrdinalOutcome(SCORES)), OrdinalOutcome(SCORES), (400, 400), 0.06, None),
    "small ordinal": Scenario(Scores(OrdinalOutcome(SCORES)), OrdinalOutcome(SCORES), (40, 30), 0.15, None),
}
CELLS = [(name, rule) for name in SCENARIOS for rule in RULES]


def three_errors(share: float, runs: int = RUNS) -> float:
    """Three Monte Carlo standard errors of a share."""
    return 3 * sqrt(share * (1 - share) / runs)


@pytest.mark.parametrize(("name", "rule"), CELLS)
def test_without_an_effect_false_positives_stay_within_alpha(name: str, rule: str) -> None:
    """Also when results are looked at daily for 28 days, or at four planned looks; intervals cover no effect."""
    rates = SCENARIOS[name].rates(RULES[rule], 0.0)
    assert rates.declared <= ALPHA + three_errors(ALPHA)
    if rule == "anytime":
        assert rates.declared <= ALPHA
    assert rates.covered >= 1 - ALPHA - three_errors(ALPHA)
    if rates.relative_covered is not None:
        assert rates.relative_covered >= 1 - ALPHA - three_errors(ALPHA)


@pytest.mark.parametrize(("name", "rule"), CELLS)
def test_with_an_effect_intervals_cover_it(name: str, rule: str) -> None:
    """Both the difference and the relative difference, at every look there is."""
    scenario = SCENARIOS[name]
    rates = scenario.rates(RULES[rule], scenario.effect)
    assert rates.covered >= 1 - ALPHA - three_errors(ALPHA)
    if rates.relative_covered is not None:
        assert rates.relative_covered >= 1 - ALPHA - three_errors(ALPHA)


PLANNED = [
    (name, rule)
    for name in (
        "proportion",
        "rare proportion, exact",
        "unbalanced proportion",
        "mean",
        "mean with covariate",
        "ordinal",
    )
    for rule in RULES
]


@pytest.mark.parametrize(("name", "rule"), PLANNED)
def test_the_power_that_was_planned_is_had(name: str, rule: str) -> None:
    """A test of the planned size finds the effect as often as planned, within two points."""
    scenario = SCENARIOS[name]
    share = scenario.units[0] / sum(scenario.units)

    def power(units: float) -> float:
        sample = Sample(units * share, units * (1 - share))
        return RULES[rule].power(scenario.outcome, sample, scenario.effect, ALPHA)

    units = least_units(power, 0.8, float(sum(scenario.units)), 1e9)
    assert units is not None
    sizes = round(units * share), round(units * (1 - share))
    rates = scenario.rates(RULES[rule], scenario.effect, runs=6000, units=sizes)
    assert rates.declared == pytest.approx(0.8, abs=0.02)


def test_believing_fixed_results_at_any_daily_look_gives_28_percent_false_positives() -> None:
    """What peeking does to the usual p-value, and why it is not shown before the planned end."""
    rates = SCENARIOS["mean"].rates(AtAnyTime(28, ALPHA), 0.0, units=(2800, 2800))
    assert rates.peeking == pytest.approx(0.28, abs=0.03)
    assert rates.declared <= ALPHA
