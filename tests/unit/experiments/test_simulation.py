"""The simulator draws what it says it draws, and judges it with the tests that `analyze` uses."""

from typing import Any

import numpy as np
import pytest

from experiments import InvalidInput, analyze
from experiments.metrics import KINDS
from experiments.power import AtTheEnd, OrdinalOutcome
from experiments.simulation import Design, Population, Scores, Shares, Vectors, draw, simulate

PROPORTION = {"type": "proportion", "baseline": 0.4, "direction": "increase"}
MEAN = {"type": "mean", "mean": 10.0, "variance": 4.0, "direction": "increase"}
RATIO = {
    "type": "ratio",
    "numerator_mean": 0.4,
    "denominator_mean": 1.6,
    "numerator_variance": 0.3,
    "denominator_variance": 0.9,
    "covariance": 0.2,
    "direction": "increase",
}
ORDINAL = {"type": "ordinal", "counts": [5, 10, 20, 40, 25], "direction": "increase"}


def request(metric: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A small simulation."""
    return {"metric": metric, "units": {"control": 300, "treatment": 200}, "runs": 500} | more


def means(population: Population, effect: float) -> Any:
    """The statistics of 400 tests of 500 units, averaged over the tests."""
    sums = population.sums(np.random.default_rng(0), 400, 500, effect)
    return population.rows(sums).mean(axis=0)


def test_shares_are_drawn_with_their_baseline_and_effect() -> None:
    """Successes of 500 units."""
    assert means(Shares(0.3), 0.05) == pytest.approx([500, 175], rel=0.01)


def test_scores_are_drawn_with_the_shares_of_the_shifted_distribution() -> None:
    """All units get a score."""
    outcome = OrdinalOutcome((0.1, 0.2, 0.7))
    counts = means(Scores(outcome), 0.1)
    assert counts == pytest.approx(500 * outcome.treatment_shares(0.1), rel=0.05)
    assert counts.sum() == pytest.approx(500)


def test_vectors_are_drawn_with_their_means_variances_and_covariances() -> None:
    """A ratio with a covariate: eleven statistics, the effect in units of the ratio."""
    covariances = ((0.3, 0.2, 0.25), (0.2, 0.9, 0.1), (0.25, 0.1, 1.0))
    ratio = Vectors(KINDS["ratio"], (0.4, 1.6, 5.0), covariances, unit=1.6)
    expected = [500, 0.4 + 0.1 * 1.6, 1.6, 0.3, 0.9, 0.2, 500, 5.0, 1.0, 0.25, 0.1]
    assert means(ratio, 0.1) == pytest.approx(expected, rel=0.02, abs=0.006)


def test_lognormal_units_have_the_mean_and_variance_that_were_asked_for() -> None:
    """And a long tail: most of them are below the mean."""
    population = Vectors(KINDS["mean"], (400.0,), ((250000.0,),), lognormal=True)
    found = means(population, 0.0)
    assert found[1] == pytest.approx(400, rel=0.01)
    assert found[2] == pytest.approx(250000, rel=0.15)
    values = population._draw(np.random.default_rng(0), 1, 10000)
    assert (values < 0).mean() > 0.6


def test_tests_with_and_without_an_effect_are_made_of_the_same_units() -> None:
    """Common random numbers: with normal units the estimates differ by the effect exactly."""
    population = Vectors(KINDS["mean"], (10.0,), ((4.0,),))
    plain, moved = (population.rows(population.sums(np.random.default_rng(7), 50, 20, e)) for e in (0.0, 1.5))
    assert moved[:, 1] - plain[:, 1] == pytest.approx(np.full(50, 1.5))
    assert moved[:, 2] == pytest.approx(plain[:, 2])


def test_looks_add_up_the_same_units() -> None:
    """Drawn in parts or at once, a test has as many units in the end."""
    population = Vectors(KINDS["mean"], (10.0,), ((4.0,),))
    rng = np.random.default_rng(0)
    parts = population.sums(rng, 5, 30, 0.0) + population.sums(rng, 5, 70, 0.0)
    assert population.rows(parts)[:, 0] == pytest.approx(np.full(5, 100))


def test_what_is_drawn_is_judged_as_analyze_judges_it() -> None:
    """The share declared is that of the drawn tests whose p-value in a report is at most alpha."""
    design = Design((300, 200), AtTheEnd(), 0.05, 60, 11)
    rates = draw(Shares(0.4), design, 0.08, 0.08, 0.2)
    rng = np.random.default_rng(11)
    control, treatment = Shares(0.4).sums(rng, 60, 300, 0.0), Shares(0.4).sums(rng, 60, 200, 0.08)
    declared = [_p_value(a, b) <= 0.05 for a, b in zip(control, treatment, strict=True)]
    assert rates.declared == pytest.approx(np.mean(declared))
    assert rates.peeking == rates.declared


def _p_value(control: Any, treatment: Any) -> float:
    arms = {name: {"n": int(n), "successes": int(x)} for name, (n, x) in (("a", control), ("b", treatment))}
    metric = {"name": "m", "type": "proportion", "role": "primary", "direction": "increase", "arms": arms}
    found = analyze({"allocation": {"a": 0.6, "b": 0.4}, "metrics": [metric]})
    return found.metrics[0].comparisons[0].p_value or 1.0


@pytest.mark.parametrize(
    "metric",
    [
        PROPORTION,
        MEAN,
        MEAN | {"correlation": 0.6},
        MEAN | {"distribution": "lognormal"},
        RATIO,
        RATIO | {"correlation": -0.6},
        ORDINAL,
    ],
)
@pytest.mark.parametrize("sequential", [None, {"looks": 5}, {"planned_looks": 3}])
def test_every_kind_is_simulated_under_every_rule(metric: dict[str, Any], sequential: Any) -> None:
    """With about the power that was planned, and the same numbers for the same seed."""
    document = request(metric, effect=0.05 if metric["type"] in ("ratio", "proportion", "ordinal") else 0.5)
    document["sequential"] = sequential
    rates = simulate(document)
    assert rates.planned_power is not None
    assert rates.declared == pytest.approx(rates.planned_power, abs=0.07)
    assert rates.covered > 0.92
    assert (rates.relative_covered is None) == (metric["type"] == "ordinal")
    assert simulate(document) == rates
    assert set(rates.to_dict()) == {
        "runs", "declared", "standard_error", "covered", "relative_covered", "peeking", "planned_power"
    }  # fmt: skip


def test_without_an_effect_no_power_is_planned() -> None:
    """The share declared is that of false positives."""
    rates = simulate(request(PROPORTION))
    assert rates.planned_power is None
    assert rates.declared < 0.09


def test_a_control_of_zero_has_no_relative_coverage() -> None:
    """Nothing is relative to it."""
    assert simulate(request(MEAN | {"mean": 0.0})).relative_covered is None


BAD = [
    (3, ""),
    ({"units": {"control": 10, "treatment": 10}}, "metric"),
    ({"metric": PROPORTION}, "units"),
    (request(PROPORTION, unknown=1), "unknown"),
    (request(PROPORTION, effect=0.7), "effect"),
    (request(PROPORTION, effect=-0.5), "effect"),
    (request(PROPORTION, runs=0), "runs"),
    (request(PROPORTION, runs=10**6), "runs"),
    (request(MEAN, runs=100_000, units={"control": 10**6, "treatment": 10**6}), "runs"),
    (request(PROPORTION, seed=-1), "seed"),
    (request(PROPORTION, units={"control": 10}), "units.treatment"),
    (request(PROPORTION, units={"control": 1, "treatment": 10}), "units.control"),
    (request(PROPORTION, units={"control": 10, "treatment": 10}, sequential={"looks": 28}), "units"),
    (request(PROPORTION | {"effect": 0.1}), "metric.effect"),
    (request(PROPORTION | {"distribution": "cauchy"}), "metric.distribution"),
    (request(MEAN | {"distribution": "lognormal", "mean": -1.0}), "metric.distribution"),
    (request(MEAN | {"distribution": "lognormal", "correlation": 0.5}), "metric.distribution"),
    (request(RATIO | {"distribution": "lognormal"}), "metric.distribution"),
]


@pytest.mark.parametrize(("document", "path"), BAD)
def test_wrong_input_is_one_error_that_names_the_place(document: Any, path: str) -> None:
    """And nothing is drawn."""
    with pytest.raises(InvalidInput) as caught:
        simulate(document)
    assert caught.value.path == path
