"""Plans: what a test needs, what it can find, and whether it is worth starting."""

import json
import math
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from experiments import InvalidInput, plan
from experiments.planning import WEEKS
from experiments.proportions import Proportions

PROPORTION = {"name": "deflection", "type": "proportion", "baseline": 0.42, "direction": "increase", "effect": 0.03}
MEAN = {"type": "mean", "mean": 412.0, "variance": 90000.0, "direction": "decrease", "effect": 20.6}
RATIO = {
    "type": "ratio",
    "numerator_mean": 0.4,
    "denominator_mean": 1.6,
    "numerator_variance": 0.3,
    "denominator_variance": 0.9,
    "covariance": 0.2,
    "direction": "decrease",
    "effect": 0.01,
}
ORDINAL = {"type": "ordinal", "counts": [5, 10, 20, 40, 25], "direction": "increase", "effect": 0.05}
NO_EFFECT = {name: value for name, value in MEAN.items() if name != "effect"}
GUARDRAIL = {"name": "contacts", "type": "proportion", "baseline": 0.48, "direction": "decrease", "margin": 0.02}


def request(metric: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A request with two equal arms."""
    return {"allocation": {"control": 0.5, "b": 0.5}, "metric": metric or PROPORTION} | more


def test_a_proportion_needs_as_many_units_as_an_independent_calculator_says() -> None:
    """Whose power, of the score test's normal limit, is the one wanted with the planned units."""
    found = plan(request())
    assert found.units is not None
    theirs = power_proportions_2indep(0.03, 0.42, nobs1=found.units / 2, return_results=False)
    assert theirs == pytest.approx(0.8, abs=0.001)
    assert found.achieved_power == pytest.approx(0.8, abs=0.001)
    assert found.units_by_arm == {"control": math.ceil(found.units / 2), "b": math.ceil(found.units / 2)}


def test_a_mean_needs_as_many_units_as_an_independent_calculator_says() -> None:
    """Also where the better direction is down."""
    found = plan(request(MEAN))
    theirs = 2 * TTestIndPower().solve_power(20.6 / 300, alpha=0.05, power=0.8)
    assert found.units == pytest.approx(theirs, rel=0.001)


def test_a_covariate_saves_the_share_it_explains() -> None:
    """A correlation of .5 explains a quarter."""
    plain, adjusted = plan(request(MEAN)), plan(request(MEAN | {"correlation": 0.5}))
    assert plain.units is not None
    assert adjusted.units == pytest.approx(0.75 * plain.units, rel=0.002)


def test_a_ratio_needs_what_its_linearised_mean_needs() -> None:
    """Variance by the delta method."""
    variance = (0.3 - 2 * 0.25 * 0.2 + 0.25**2 * 0.9) / 1.6**2
    theirs = 2 * NormalIndPower().solve_power(0.01 / math.sqrt(variance), alpha=0.05, power=0.8)
    assert plan(request(RATIO)).units == pytest.approx(theirs, rel=0.001)


def test_scores_are_planned_for() -> None:
    """The effect is on the scale P(higher) + P(equal)/2 - 1/2; there is nothing relative."""
    found = plan(request(ORDINAL, units_last_28_days=2800))
    assert found.units is not None
    assert 500 < found.units < 1500
    assert all(row.relative is None for row in found.detectable)


def test_a_relative_effect_is_one_of_the_control() -> None:
    """5 % of 412 seconds."""
    assert plan(request(NO_EFFECT | {"relative_effect": 0.05})).effect == pytest.approx(20.6)


def test_a_harder_decision_needs_more() -> None:
    """More primaries, more arms, looking, a smaller alpha, more power, an uneven split."""
    base = plan(request()).units or 0
    harder = [
        request(primaries=2),
        request(alpha=0.01),
        request(power=0.95),
        request(sequential={"looks": 28}),
        request(sequential={"planned_looks": 4}),
        request() | {"allocation": {"control": 0.9, "b": 0.1}},
        request() | {"allocation": {"control": 0.4, "b": 0.3, "c": 0.3}},
    ]
    needed = [plan(one).units or 0 for one in harder]
    assert all(units > base for units in needed)
    assert needed[4] < needed[3], "a few planned looks cost less than looking at any time"


def test_many_arms_are_planned_for_the_one_with_the_fewest_units() -> None:
    """At the level of Holm's hardest step."""
    found = plan(request() | {"allocation": {"control": 0.5, "b": 0.3, "c": 0.2, "unused": 0.0}})
    assert found.needs[0].alpha == pytest.approx(0.025)
    alone = plan(request(alpha=0.025) | {"allocation": {"control": 0.5 / 0.7, "c": 0.2 / 0.7}})
    assert found.units == pytest.approx((alone.units or 0) / 0.7, rel=0.001)


def test_a_guardrail_takes_its_share_of_the_power_and_may_need_more_than_the_primary() -> None:
    """Each of two decisions may miss in half of the 20 %; the guardrail's test is one-sided at alpha."""
    found = plan(request(guardrails=[GUARDRAIL]))
    primary, guardrail = found.needs
    assert primary.power == guardrail.power == pytest.approx(0.9)
    assert (guardrail.metric, guardrail.alpha) == ("contacts", pytest.approx(0.1))
    variance = 0.48 * 0.52
    theirs = 2 * NormalIndPower().solve_power(0.02 / math.sqrt(variance), alpha=0.05, power=0.9, alternative="larger")
    assert guardrail.units == pytest.approx(theirs, rel=0.002)
    assert found.units == guardrail.units


def test_traffic_gives_days_and_what_shows_after_weeks() -> None:
    """The least effect after so many weeks is the one whose plan takes them."""
    found = plan(request(units_last_28_days=16000))
    assert found.daily_units == pytest.approx(16000 / 28)
    assert found.days == math.ceil((found.units or 0) / (16000 / 28))
    assert found.reachable is True
    assert [row.weeks for row in found.detectable] == list(WEEKS)
    for row in found.detectable:
        assert row.absolute is not None
        again = plan(request(PROPORTION | {"effect": row.absolute}))
        assert again.units == pytest.approx(row.units, rel=0.01)
        assert row.relative == pytest.approx(row.absolute / 0.42)


def test_a_scarce_entry_is_said_to_be_out_of_reach() -> None:
    """40 questions a week, in three languages."""
    found = plan(request(units_last_28_days=160))
    assert found.reachable is False
    assert found.text["en"].startswith("40 units a week would take 49 months; pool")
    assert found.text["es"].startswith("Con 40 unidades por semana harían falta 49 meses")
    assert found.text["pt"].startswith("Com 40 unidades por semana seriam 49 meses")


def test_hardly_any_traffic_finds_nothing() -> None:
    """Where an arm would not get two units there is no effect to name."""
    found = plan(request(MEAN, units_last_28_days=1))
    assert found.detectable[0].absolute is None
    assert found.detectable[0].relative is None


def test_without_an_effect_only_the_least_one_is_told() -> None:
    """A curator may ask what can be found before she knows what to look for."""
    metric = {name: value for name, value in PROPORTION.items() if name != "effect"}
    found = plan(request(metric, units_last_28_days=16000))
    assert (found.units, found.days, found.needs, found.effect) == (None, None, (), None)
    assert len(found.detectable) == 3
    assert found.text["en"].startswith("Name the effect")


def test_an_effect_too_small_for_any_sample_is_said_to_be() -> None:
    """Beyond 2^53 units."""
    found = plan(request(MEAN | {"effect": 1e-9}, units_last_28_days=100))
    assert found.units is None
    assert found.text["en"].startswith("No number of units")
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["units"] is None


def test_a_sized_plan_without_traffic_names_its_units() -> None:
    """In three languages."""
    found = plan(request())
    assert all(str(found.units) in text for text in found.text.values())
    assert found.detectable == ()


def test_a_mean_of_zero_has_no_relative_effect() -> None:
    """The absolute one is still told."""
    found = plan(request(MEAN | {"mean": 0.0}, units_last_28_days=28000))
    assert found.detectable[0].absolute is not None
    assert found.detectable[0].relative is None


BAD = [
    ([], ""),
    ({"metric": PROPORTION}, "allocation"),
    (request(unknown=1), "unknown"),
    (request(alpha=0), "alpha"),
    (request(power=1), "power"),
    (request(primaries=0), "primaries"),
    (request(guardrails={}), "guardrails"),
    (request(guardrails=[{**GUARDRAIL, "margin": -1}]), "guardrails[0].margin"),
    (request(guardrails=[{**GUARDRAIL, "margin": 0}]), "guardrails[0].margin"),
    (request(guardrails=[{k: v for k, v in GUARDRAIL.items() if k != "margin"}]), "guardrails[0].margin"),
    (request(units_last_28_days=0), "units_last_28_days"),
    (request(units_last_28_days=1.5), "units_last_28_days"),
    (request(sequential=[]), "sequential"),
    (request(sequential={}), "sequential"),
    (request(sequential={"looks": 3, "planned_looks": 3}), "sequential"),
    (request(sequential={"looks": 0}), "sequential.looks"),
    (request(sequential={"planned_looks": 101}), "sequential.planned_looks"),
    (request({**PROPORTION, "type": "median"}), "metric.type"),
    (request({**PROPORTION, "direction": "up"}), "metric.direction"),
    (request({**PROPORTION, "baseline": 0}), "metric.baseline"),
    (request({**PROPORTION, "baseline": float("nan")}), "metric.baseline"),
    (request({**PROPORTION, "effect": 0}), "metric.effect"),
    (request({**PROPORTION, "effect": 0.6}), "metric.effect"),
    (request({**PROPORTION, "relative_effect": 0.1}), "metric.relative_effect"),
    (request({**PROPORTION, "margin": 0.1}), "metric.margin"),
    (request({**PROPORTION, "name": " "}), "metric.name"),
    (request({**MEAN, "variance": -1}), "metric.variance"),
    (request({**MEAN, "variance": 0}), "metric.variance"),
    (request({**MEAN, "correlation": 1}), "metric.correlation"),
    (request(NO_EFFECT | {"mean": 0, "relative_effect": 0.1}), "metric.relative_effect"),
    (request({**RATIO, "denominator_mean": 0}), "metric.denominator_mean"),
    (request({**RATIO, "covariance": 9}), "metric.covariance"),
    (request({**ORDINAL, "counts": [5]}), "metric.counts"),
    (request({**ORDINAL, "counts": [0, 7, 0]}), "metric.counts"),
    (request({**ORDINAL, "effect": 0.49}), "metric.effect"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "path"), BAD)
def test_wrong_input_is_one_error_that_names_the_place(document: Any, path: str) -> None:
    """And nothing is computed."""
    with pytest.raises(InvalidInput) as caught:
        plan(document)
    assert caught.value.path == path


def test_random_plans_keep_their_promise() -> None:
    """100 random requests: the power with the planned units is the power wanted, and every number is finite."""
    rng = np.random.default_rng(4)
    for _ in range(100):
        baseline = float(rng.uniform(0.05, 0.9))
        metric = {"type": "proportion", "baseline": baseline, "direction": str(rng.choice(["increase", "decrease"]))}
        metric["effect"] = float(rng.uniform(0.01, 0.5)) * min(baseline, 1 - baseline)
        wanted = float(rng.uniform(0.6, 0.95))
        found = plan(request(metric, power=wanted, units_last_28_days=int(rng.integers(1000, 100000))))
        json.dumps(found.to_dict(), allow_nan=False)
        assert found.achieved_power == pytest.approx(wanted, abs=0.02)


@pytest.mark.parametrize(
    ("baseline", "margin", "control", "direction"),
    [
        (0.02, 0.03, 0.8, "decrease"),
        (0.98, 0.03, 0.5, "increase"),
        (0.02, 0.015, 0.2, "decrease"),
        (0.05, 0.05, 0.5, "decrease"),
    ],
)
def test_a_guardrail_of_a_rare_or_common_share_is_sized_for_its_own_test(
    baseline: float, margin: float, control: float, direction: str
) -> None:
    """4,000 drawn tests of the planned size pass as often as planned, within two points."""
    guardrail = {"type": "proportion", "direction": direction, "baseline": baseline, "margin": margin}
    found = plan(
        {
            "allocation": {"control": control, "b": 1 - control},
            "metric": PROPORTION | {"effect": 0.4},
            "guardrails": [guardrail],
        }
    )
    assert found.units_by_arm is not None
    rng, sizes = np.random.default_rng(1), found.units_by_arm.values()
    (n0, n1), (x0, x1) = sizes, (rng.binomial(n, baseline, 4000).astype(float) for n in sizes)
    table = Proportions(x0, np.full(4000, float(n0)), x1, np.full(4000, float(n1)))
    p_values = table.p_below(margin) if direction == "decrease" else table.p_above(-margin)
    assert (p_values <= 0.05).mean() == pytest.approx(0.9, abs=0.02)


def test_counts_rise_in_steps_and_the_plan_takes_the_upper_one() -> None:
    """The achieved power is at least the one wanted, and the arms add up."""
    for baseline, effect in ((0.1, 0.3), (0.05, 0.15), (0.02, 0.1), (0.5, 0.4)):
        found = plan(request(PROPORTION | {"baseline": baseline, "effect": effect}))
        assert found.achieved_power is not None
        assert found.achieved_power >= 0.8
        assert found.units == sum((found.units_by_arm or {}).values())


def test_margins_are_bounded_as_in_an_analysis() -> None:
    """A wider one would let anything pass."""
    for guardrail in (GUARDRAIL | {"margin": 1}, {**ORDINAL, "effect": None, "margin": 0.5}):
        given = {name: value for name, value in guardrail.items() if value is not None}
        with pytest.raises(InvalidInput, match=r"guardrails\[0\]\.margin: must be at most"):
            plan(request(guardrails=[given]))
