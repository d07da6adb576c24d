"""The same story everywhere: no view of a report contradicts another one, whatever was tested."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from experiments import analyze
from experiments.report import ComparisonResult, MetricResult, Report
from tests.unit.experiments.documents import ARMS, EXAMPLE, Document, assert_sound, document, leaves_out, proportion

QUICK = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
MOVES = {"en": ("rises", "falls"), "es": ("sube", "baja"), "pt": ("sobe", "cai")}


def sizes() -> st.SearchStrategy[int]:
    """Units of an arm, seldom few."""
    return st.integers(40, 5000) | st.integers(2, 60)


@st.composite
def proportion_arms(draw: st.DrawFn) -> Document:
    """A share with a little noise; sometimes sparse."""
    n = draw(sizes())
    return {"n": n, "successes": round(n * draw(st.floats(0.3, 0.5) | st.sampled_from([0.0, 0.01, 1.0])))}


@st.composite
def mean_arms(draw: st.DrawFn) -> Document:
    """A mean, sometimes negative or near 0."""
    return {"n": draw(sizes()), "mean": draw(st.floats(-1, 12)), "variance": draw(st.floats(0.5, 50))}


@st.composite
def covariate_arms(draw: st.DrawFn) -> Document:
    """A mean with a covariate that some units lack."""
    n = draw(st.integers(40, 5000))
    return {
        **{"n": n, "mean": draw(st.floats(4, 8)), "variance": 9.0, "covariate_n": round(n * draw(st.floats(0.5, 1)))},
        **{"covariate_mean": draw(st.floats(5, 5.3)), "covariate_variance": 4.0},
        "covariance": draw(st.floats(-3, 5)),
    }


@st.composite
def ratio_arms(draw: st.DrawFn) -> Document:
    """Contacts over messages."""
    return {
        **{"n": draw(sizes()), "numerator_mean": draw(st.floats(0.2, 0.8)), "denominator_mean": 1.6},
        **{"numerator_variance": 0.3, "denominator_variance": 0.9, "covariance": draw(st.floats(-0.2, 0.4))},
    }


def ordinal_arms() -> st.SearchStrategy[Document]:
    """Five scores."""
    return st.lists(st.integers(0, 60), min_size=5, max_size=5).map(lambda counts: {"counts": counts})


KINDS = [
    ("proportion", proportion_arms()),
    ("mean", mean_arms()),
    ("mean", covariate_arms()),
    ("ratio", ratio_arms()),
    ("ordinal", ordinal_arms()),
]


@st.composite
def metrics(draw: st.DrawFn, arms: tuple[str, ...], name: str) -> Document:
    """A metric of any kind and role; some arms may lack data."""
    kind, arm = draw(st.sampled_from(KINDS))
    role = draw(st.sampled_from(["primary", "primary", "secondary", "guardrail"]))
    given_arms = {one: draw(arm) for one in arms}
    if draw(st.integers(0, 9)) == 0:
        given_arms[arms[-1]] = {}
    widest = 0.49 if kind == "ordinal" else 0.99
    margin = {"margin": draw(st.sampled_from([0.0, 0.02, 0.1, widest]))} if role == "guardrail" else {}
    direction = draw(st.sampled_from(["increase", "decrease"]))
    return {"name": name, "type": kind, "role": role, "direction": direction, "arms": given_arms, **margin}


@st.composite
def documents(draw: st.DrawFn, arm_count: int | None = None) -> Document:
    """1 to 4 metrics, 2 to 4 arms; a sample of fixed size, or looked at any time, or at planned looks."""
    arms = ARMS[: arm_count or draw(st.integers(2, 4))]
    given_metrics = [draw(metrics(arms, f"m{i}")) for i in range(draw(st.integers(1, 4)))]
    parts: Document = {"alpha": draw(st.sampled_from([0.01, 0.05, 0.1]))}
    plan = draw(st.sampled_from([None, "any", "looks"]))
    if plan is not None:
        parts["exposures"] = dict.fromkeys(arms, 2000)
        parts["sequential"] = {"planned_n": draw(st.sampled_from([1, 2, 4])) * 2000 * len(arms)}
        parts["daily_units"] = draw(st.sampled_from([None, 10, 900]))
    if plan == "looks":
        parts["sequential"]["previous_looks"] = draw(st.sampled_from([[], [0.1], [0.1, 0.2]]))
    return document(*given_metrics, **parts)


def null(metric: MetricResult) -> float:
    """The difference if there is no effect."""
    return 0.5 if metric.type == "ordinal" else 0.0


def comparisons(report: Report) -> list[tuple[MetricResult, ComparisonResult]]:
    """All comparisons with their metric."""
    return [(metric, one) for metric in report.metrics for one in metric.comparisons]


def assert_one_story(report: Report, metric: MetricResult, one: ComparisonResult) -> None:
    """The views of one comparison agree in sign and decision."""
    alpha, absolute, relative = report.alpha, one.absolute, one.relative
    if absolute.estimate is None:
        assert (absolute.ci, one.p_value, relative.estimate) == (None, None, None)
        return
    effect = absolute.estimate - null(metric)
    if relative.estimate is not None:
        assert (relative.estimate > 0) == (effect > 0)
        assert (relative.estimate < 0) == (effect < 0)
    if absolute.ci is None or one.p_value is None or one.adjusted_ci is None or one.adjusted_p_value is None:
        return
    assert absolute.ci[0] <= absolute.estimate <= absolute.ci[1]
    rounding = 1e-12 * max(map(abs, one.adjusted_ci))
    assert one.adjusted_ci[0] - rounding <= absolute.ci[0] <= absolute.ci[1] <= one.adjusted_ci[1] + rounding
    assert leaves_out(absolute.ci, null(metric)) == (one.p_value <= alpha)
    assert leaves_out(one.adjusted_ci, null(metric)) == (one.adjusted_p_value <= alpha)
    if relative.ci is not None and relative.estimate is not None:
        slack = 1e-12 * (1 + abs(relative.estimate))
        assert relative.ci[0] - slack <= relative.estimate <= relative.ci[1] + slack
        assert leaves_out(relative.ci, 0) == leaves_out(absolute.ci, null(metric))
    if one.sequential is not None:
        assert (one.sequential.ci, one.sequential.p_value) == (absolute.ci, one.p_value)
    if one.probability_better is not None and abs(one.probability_better - 0.5) > 1e-9:
        assert (one.probability_better > 0.5) == (effect * (1 if metric.direction == "increase" else -1) > 0)


@QUICK
@given(documents())
def test_no_view_contradicts_another(tested: Document) -> None:
    """Absolute, relative, adjusted and sequential: one sign and one decision."""
    report = analyze(tested)
    assert_sound(report)
    for metric, one in comparisons(report):
        assert_one_story(report, metric, one)


@QUICK
@given(documents())
def test_a_guardrail_passes_exactly_where_its_interval_is_within_the_margin(tested: Document) -> None:
    """Its worse end, that is; and what is breached does not pass."""
    for metric, one in comparisons(analyze(tested)):
        guardrail = one.guardrail
        if guardrail is None or guardrail.ci is None:
            assert guardrail is None or guardrail.passes is None
            continue
        low, high = guardrail.ci[0] - null(metric), guardrail.ci[1] - null(metric)
        within = low >= -guardrail.margin if metric.direction == "increase" else high <= guardrail.margin
        assert guardrail.passes == within
        assert not (guardrail.passes and guardrail.breached)


@QUICK
@given(documents())
def test_what_is_shipped_is_better_and_does_no_harm(tested: Document) -> None:
    """The quoted interval lies on the good side, every guardrail of the winner passes, no primary metric got worse."""
    report = analyze(tested)
    verdict = report.verdict
    if verdict.action != "ship":
        assert verdict.winner is None
        return
    rests = verdict.rests_on
    assert rests is not None
    assert rests.ci is not None
    for metric, one in comparisons(report):
        if one.treatment != verdict.winner:
            continue
        sign = 1 if metric.direction == "increase" else -1
        assert one.guardrail is None or one.guardrail.passes
        if metric.name == rests.metric:
            assert (rests.ci[0] > null(metric)) if sign > 0 else (rests.ci[1] < null(metric))
        elif metric.role == "primary" and one.adjusted_p_value is not None and one.adjusted_p_value <= report.alpha:
            assert one.absolute.estimate is not None
            assert sign * (one.absolute.estimate - null(metric)) >= 0


@QUICK
@given(documents())
def test_the_text_moves_as_the_estimate_does(tested: Document) -> None:
    """Rises or falls, in all three languages, and names the arm that is shipped."""
    report = analyze(tested)
    verdict = report.verdict
    if verdict.winner is not None:
        assert all(f" {verdict.winner}:" in text for text in verdict.text.values())
    if verdict.rests_on is None:
        return
    (found,) = [
        (metric, one)
        for metric, one in comparisons(report)
        if (metric.name, one.treatment) == (verdict.rests_on.metric, verdict.rests_on.treatment)
    ]
    metric, one = found
    for language, text in verdict.text.items():
        words = set(text.replace(".", " ").split())
        told = [move in words for move in MOVES[language]]
        if any(told) and one.absolute.estimate is not None:
            assert metric.type != "ordinal"
            assert told == [one.absolute.estimate >= 0, one.absolute.estimate < 0]


def numbers(report: Report) -> dict[tuple[str, str], Any]:
    """The comparisons by metric and treatment, as JSON."""
    return {(metric.name, one.treatment): one for metric, one in comparisons(report)}


def assert_near(found: Any, expected: Any) -> None:
    """The same JSON, numbers apart from rounding."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert_near(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_near(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    else:
        assert found == expected


def are_distinct(report: Report) -> bool:
    """Whether no two comparisons have the same p-value, so that their order in a family is theirs."""
    found = [one.p_value for _, one in comparisons(report) if one.p_value is not None]
    return len(set(found)) == len(found)


@QUICK
@given(documents(), st.randoms(use_true_random=False))
def test_the_order_of_metrics_and_of_treatments_changes_no_number(tested: Document, shuffle: Any) -> None:
    """Only the control, the first arm, is special."""
    report = analyze(tested)
    assume(are_distinct(report))
    other = copy.deepcopy(tested)
    shuffle.shuffle(other["metrics"])
    control, *treatments = other["allocation"]
    shuffle.shuffle(treatments)
    other["allocation"] = {arm: other["allocation"][arm] for arm in (control, *treatments)}
    assert numbers(analyze(other)) == numbers(report)


def test_an_adjusted_p_value_is_never_below_its_own() -> None:
    """Not even in the last digit."""
    arms = [(565, 191), (27, 9), (58, 58), (157, 49)]
    report = analyze(document(proportion(*arms, role="secondary")))
    for _, one in comparisons(report):
        assert one.p_value is not None
        assert one.adjusted_p_value is not None
        assert one.adjusted_p_value >= one.p_value


def test_metrics_with_the_same_numbers_have_the_same_intervals() -> None:
    """Holm's order of equal p-values is nobody's: which of two equal metrics comes first decides nothing."""
    one = proportion((1000, 400), (1000, 500))
    first, second = (found for _, found in comparisons(analyze(document(one, one | {"name": "other"}))))
    assert first.adjusted_p_value == second.adjusted_p_value
    assert first.adjusted_ci == second.adjusted_ci


@QUICK
@given(documents(arm_count=2))
def test_swapping_the_arms_flips_signs(tested: Document) -> None:
    """The same p-values, intervals mirrored at no effect."""
    report = analyze(tested)
    swapped = copy.deepcopy(tested)
    for metric in swapped["metrics"]:
        arms = metric["arms"]
        arms["control"], arms["b"] = arms["b"], arms["control"]
    for (metric, one), (_, other) in zip(comparisons(report), comparisons(analyze(swapped)), strict=True):
        mirror = 2 * null(metric)
        if one.absolute.estimate is not None:
            assert other.absolute.estimate == pytest.approx(mirror - one.absolute.estimate, rel=1e-9, abs=1e-12)
        if one.absolute.ci is not None:
            low, high = one.absolute.ci
            assert other.absolute.ci == pytest.approx((mirror - high, mirror - low), rel=1e-5, abs=1e-7)
        if one.p_value is None:
            assert other.p_value is None
        else:
            assert other.p_value == pytest.approx(one.p_value, rel=1e-5)


@QUICK
@given(documents(), st.sampled_from([1e-6, 0.001, 60.0, 3600.0, 1e7]))
def test_scaling_a_mean_scales_its_estimates(tested: Document, scale: float) -> None:
    """Seconds or hours: p-values and relative differences stay, differences and losses scale."""
    scaled = copy.deepcopy(tested)
    means = [metric for metric in scaled["metrics"] if metric["type"] == "mean"]
    assume(means)
    for metric in means:
        metric["margin"] = metric["margin"] * scale if "margin" in metric else None
        for arm in filter(None, metric["arms"].values()):
            arm.update(mean=arm["mean"] * scale, variance=arm["variance"] * scale**2)
            if "covariance" in arm:
                arm["covariance"] *= scale
    for (metric, one), (_, other) in zip(comparisons(analyze(tested)), comparisons(analyze(scaled)), strict=True):
        factor = scale if metric.type == "mean" else 1
        assert_near(other.p_value, one.p_value)
        assert_near(other.adjusted_p_value, one.adjusted_p_value)
        assert_near(other.relative.ci and list(other.relative.ci), one.relative.ci and list(one.relative.ci))
        assert_near(other.probability_better, one.probability_better)
        if one.absolute.ci is not None and other.absolute.ci is not None:
            size = max(map(abs, one.absolute.ci)) * factor
            assert other.absolute.ci == pytest.approx([factor * end for end in one.absolute.ci], abs=1e-9 * size)
        if one.guardrail is not None and other.guardrail is not None:
            assert other.guardrail.passes == one.guardrail.passes


def test_a_document_read_from_json_gives_the_same_report() -> None:
    """Whole numbers written as 12.0, and the way through text, change nothing."""
    floats = json.loads(json.dumps(EXAMPLE), parse_int=float)
    assert analyze(floats) == analyze(EXAMPLE)
