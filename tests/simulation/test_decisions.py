"""Decisions over many drawn tests: verdicts when peeking, families of metrics, guardrails, the split, segments."""

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest

from experiments import analyze
from experiments.contrast import Floats
from experiments.holdout import causal_effect
from experiments.metrics import KINDS
from experiments.multiplicity import benjamini_hochberg, holm
from experiments.ratios import RatioArm
from experiments.segments import shrink
from experiments.srm import MISMATCH_P, SEQUENTIAL_P, check
from tests.simulation.populations import Clustered

pytestmark = pytest.mark.slow

ALPHA = 0.05
RUNS = 2000
DAYS = 28
DAILY = 150


def three_errors(share: float, runs: int = RUNS) -> float:
    """Three Monte Carlo standard errors of a share."""
    return 3 * sqrt(share * (1 - share) / runs)


def rng() -> np.random.Generator:
    """The same units for every test in here."""
    return np.random.default_rng(20261126)


def watched_document(successes: Floats, contacts: Floats, n: int) -> dict[str, Any]:
    """A test as it stands at a daily look; arrays (arms,)."""
    arms = ("control", "b", "c")
    return {
        "allocation": dict.fromkeys(arms, 1 / 3),
        "exposures": dict.fromkeys(arms, n),
        "sequential": {"planned_n": 3 * DAILY * DAYS},
        "metrics": [
            proportion("deflection", "primary", "increase", successes, n),
            proportion("contacts", "guardrail", "decrease", contacts, n) | {"margin": 0.05},
        ],
    }


def proportion(name: str, role: str, direction: str, successes: Floats, n: int) -> dict[str, Any]:
    """A metric of three arms."""
    counts = {arm: {"n": n, "successes": int(x)} for arm, x in zip(("control", "b", "c"), successes, strict=True)}
    return {"name": name, "type": "proportion", "role": role, "direction": direction, "arms": counts}


def test_a_verdict_looked_at_daily_ships_nothing_that_is_no_better() -> None:
    """28 daily looks at three equal arms: in at most 5 % of the tests any verdict declares a difference."""
    draw = rng()
    successes, contacts = (draw.binomial(DAILY, share, (RUNS, DAYS, 3)).cumsum(axis=1) for share in (0.4, 0.3))
    wrong = 0
    for run in range(RUNS):
        for day in range(DAYS):
            document = watched_document(successes[run, day], contacts[run, day], DAILY * (day + 1))
            verdict = analyze(document).verdict
            if {"primary_better", "primary_worse", "guardrail_breached"} & set(verdict.reasons):
                wrong += 1
                break
    assert wrong / RUNS <= ALPHA


@pytest.mark.parametrize("kept", [0, 3])
def test_holm_keeps_any_false_discovery_in_the_family_within_alpha(kept: int) -> None:
    """Six decisions, `kept` of them about true differences, correlated through the common control."""
    wrong = np.zeros(RUNS, bool)
    missed = np.zeros(RUNS, bool)
    for run, (p_values, _, excludes) in enumerate(family(kept)):
        adjusted = holm(p_values, ALPHA)
        wrong[run] = (adjusted.p_values[kept:] <= ALPHA).any()
        missed[run] = excludes(adjusted.alphas)[kept:].any()
    assert wrong.mean() <= ALPHA + three_errors(ALPHA)
    assert (wrong == missed).all()


def test_benjamini_hochberg_keeps_the_share_of_false_discoveries_within_alpha() -> None:
    """Six decisions, three of them about true differences; intervals of the selected miss their truths as rarely."""
    shares, misses = np.zeros(RUNS), np.zeros(RUNS)
    for run, (p_values, covers, _) in enumerate(family(3)):
        adjusted = benjamini_hochberg(p_values, ALPHA)
        selected = adjusted.p_values <= ALPHA
        shares[run] = selected[3:].sum() / max(selected.sum(), 1)
        misses[run] = (~covers(adjusted.alphas))[selected].sum() / max(selected.sum(), 1)
    assert shares.mean() <= ALPHA + three_errors(ALPHA)
    assert misses.mean() <= ALPHA + three_errors(ALPHA)


def family(differing: int) -> Any:
    """Two metrics of three treatments a test: p-values (6,), and what intervals at given levels cover and leave out."""
    truths = np.where(np.arange(6) < differing, 0.5, 0.0)
    draw = rng()
    for _ in range(RUNS):
        controls = np.repeat(draw.normal(0, 1, (2, 100)), 3, axis=0)
        treatments = draw.normal(truths[:, None], 1, (6, 100))
        contrast = KINDS["mean"].compare(_mean_rows(controls), _mean_rows(treatments)).fixed

        def covers(alphas: Floats, contrast: Any = contrast) -> Any:
            low, high = contrast.interval(alphas)
            return (low <= truths) & (truths <= high)

        def excludes(alphas: Floats, contrast: Any = contrast) -> Any:
            low, high = contrast.interval(alphas)
            return (low > 0) | (high < 0)

        yield contrast.p_value(), covers, excludes


def _mean_rows(values: Floats) -> Floats:
    n = np.full(len(values), float(values.shape[1]))
    return np.column_stack([n, values.mean(axis=1), values.var(axis=1, ddof=1), *[np.full_like(n, np.nan)] * 4])


def _proportions(draw: np.random.Generator, n: int, control: float, treatment: float) -> tuple[Floats, Floats]:
    units = np.full(RUNS, float(n))
    rows = (np.column_stack([units, draw.binomial(n, share, RUNS)]) for share in (control, treatment))
    control_rows, treatment_rows = rows
    return control_rows, treatment_rows


def _ordinals(draw: np.random.Generator) -> tuple[Floats, Floats]:
    shares = np.array([0.05, 0.1, 0.2, 0.4, 0.25])
    return draw.multinomial(400, shares, RUNS).astype(float), draw.multinomial(400, shares, RUNS).astype(float)


GUARDRAILS: dict[str, Callable[[np.random.Generator], Any]] = {
    "proportion": lambda draw: ("proportion", *_proportions(draw, 1000, 0.48, 0.50), 0.02),
    "rare proportion, exact": lambda draw: ("proportion", *_proportions(draw, 500, 0.004, 0.008), 0.004),
    "mean": lambda draw: (
        "mean",
        _mean_rows(draw.normal(5, 2, (RUNS, 60))),
        _mean_rows(draw.normal(5.3, 2, (RUNS, 90))),
        0.3,
    ),
    "ratio": lambda draw: (
        "ratio",
        *(Clustered(0.3).rows(Clustered(0.3).sums(draw, RUNS, 400, effect)) for effect in (0.0, 0.03)),
        0.03,
    ),
}


@pytest.mark.parametrize("name", GUARDRAILS)
def test_a_guardrail_that_is_worse_by_its_margin_passes_in_at_most_alpha(name: str) -> None:
    """The one-sided test of "no worse than the margin", at the edge of what it must not let through."""
    kind, control, treatment, margin = GUARDRAILS[name](rng())
    passes = KINDS[kind].compare(control, treatment).fixed.p_below(margin) <= ALPHA
    assert passes.mean() <= ALPHA + three_errors(ALPHA)


def test_the_split_alarms_as_rarely_as_it_says() -> None:
    """Three arms as allotted, looked at daily: the fixed test once, the sequential one at every look."""
    weights = np.array([0.5, 0.3, 0.2])
    counts = rng().multinomial(400, weights, size=(RUNS, DAYS)).cumsum(axis=1).astype(float)
    once = [check(day, weights) for day in counts[:, -1]]
    assert np.mean([one.p_value < 0.05 for one in once if one]) == pytest.approx(0.05, abs=three_errors(0.05))
    assert np.mean([one.p_value < MISMATCH_P for one in once if one]) <= MISMATCH_P + three_errors(MISMATCH_P)
    ever = [any(one.sequential_p_value < 0.05 for day in run if (one := check(day, weights))) for run in counts]
    assert np.mean(ever) <= 0.05
    alarms = [
        any(one.sequential_p_value < SEQUENTIAL_P for day in run if (one := check(day, weights))) for run in counts
    ]
    assert np.mean(alarms) <= SEQUENTIAL_P


@pytest.mark.parametrize("kind", ["proportion", "mean", "ordinal"])
def test_segments_that_do_not_differ_are_called_different_in_at_most_alpha(kind: str) -> None:
    """Twenty segments with one effect; and where effects are spread, shrunk intervals cover them."""
    draw, segments = rng(), 20
    wrong, covered = np.zeros(RUNS, bool), np.zeros(RUNS)
    for run in range(RUNS):
        effects = draw.normal(0.05, 0.05, segments)
        same = _segments(draw, kind, np.full(segments, 0.05))
        assert same.heterogeneity is not None
        wrong[run] = same.heterogeneity.p_value <= ALPHA
        if kind != "ordinal":
            low, high = _segments(draw, kind, effects).intervals(ALPHA)
            covered[run] = ((low <= effects) & (effects <= high)).mean()
    assert wrong.mean() <= ALPHA + three_errors(ALPHA)
    if kind != "ordinal":
        assert covered.mean() >= 1 - ALPHA - three_errors(ALPHA)


def _segments(draw: np.random.Generator, kind: str, effects: Floats) -> Any:
    size = draw.integers(60, 400, len(effects))
    if kind == "proportion":
        control = np.column_stack([size, draw.binomial(size, 0.3)]).astype(float)
        treatment = np.column_stack([size, draw.binomial(size, np.clip(0.3 + effects, 0, 1))]).astype(float)
    elif kind == "mean":
        spread = draw.chisquare(size - 1) / (size - 1) / 4, draw.chisquare(size - 1) / (size - 1) / 4
        nothing = [np.full(len(size), np.nan)] * 4
        control = np.column_stack([size, draw.normal(1, 0.5 / np.sqrt(size)), spread[0], *nothing])
        treatment = np.column_stack([size, draw.normal(1 + effects, 0.5 / np.sqrt(size)), spread[1], *nothing])
    else:
        shares = [0.05, 0.1, 0.2, 0.4, 0.25]
        control, treatment = (draw.multinomial(size, shares).astype(float) for _ in range(2))
    observed = KINDS[kind].compare(control, treatment)
    return shrink(observed.difference, observed.least_units)


def test_the_causal_effect_of_replies_covers_the_truth() -> None:
    """A holdout of 2 % of the customers who cause .06 more contacts a message without replies."""
    draw, clustered = rng(), Clustered(0.3)
    held = clustered.rows(clustered.sums(draw, RUNS, 150, 0.06))
    replied = np.vstack([clustered.rows(clustered.sums(draw, 100, 7350, 0.0)) for _ in range(RUNS // 100)])
    effect = causal_effect(RatioArm(*held.T[:6]), RatioArm(*replied.T[:6]), ALPHA)
    covered = (effect.avoided_low <= 60) & (effect.avoided_high >= 60)
    assert covered.mean() >= 1 - ALPHA - three_errors(ALPHA)
    assert effect.avoided.mean() == pytest.approx(60, abs=3 * effect.avoided.std() / sqrt(RUNS))
