"""The report from the outside: its names, what is None and why, and the defects seen elsewhere."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from experiments import InvalidInput, analyze
from experiments.aggregates import Moments
from experiments.report import WHY, ComparisonResult, Report
from tests.unit.experiments.documents import (
    EXAMPLE,
    Document,
    assert_sound,
    changed,
    comparison,
    cuped,
    document,
    leaves_out,
    mean,
    ordinal,
    proportion,
    ratio,
    whys,
)

MONITORED: Document = {"exposures": {"control": 1000, "b": 1010}, "sequential": {"planned_n": 5000}}
AT_THE_END: Document = {"exposures": {"control": 1000, "b": 1010}, "sequential": {"planned_n": 2010}}
SURVEY: Document = {"asked": {"control": 200, "b": 400}}


def first(*metrics: Document, **parts: Any) -> ComparisonResult:
    """The first comparison of a sound report on these metrics."""
    report = analyze(document(*metrics, **parts))
    assert_sound(report)
    return comparison(report)


def test_the_example_has_the_documented_names() -> None:
    """Those of design/statistics.md and the ones that `report` documents beside them, and no other."""
    written = analyze(EXAMPLE).to_dict()
    assert list(written) == ["alpha", "control", "srm", "several_arms", "metrics", "holdout", "verdict"]
    assert set(written["srm"]) == {"p_value", "sequential_p_value", "mismatch", "why"}
    assert set(written["verdict"]) == {"action", "winner", "days_left", "reasons", "rests_on", "text"}
    assert set(written["verdict"]["text"]) == {"en", "es", "pt"}
    for metric in written["metrics"]:
        assert set(metric) == {"name", "type", "role", "direction", "cap", "comparisons"}
        (one,) = metric["comparisons"]
        documented = {"treatment", "absolute", "relative", "p_value", "adjusted_p_value", "adjusted_ci", "method"}
        documented |= {"sequential", "probability_better", "expected_loss", "guardrail"}
        beside = {"fixed_horizon", "survey", "covariate", "normality", "mean_difference", "dimensions"}
        assert set(one) == documented | beside
        assert set(one["absolute"]) == set(one["relative"]) == {"estimate", "ci", "why"}
        assert set(one["sequential"]) == {"ci", "p_value", "why"}
        assert set(one["expected_loss"]) == {"ship", "keep"}
    assert set(written["metrics"][2]["comparisons"][0]["guardrail"]) == {
        *("passes", "margin", "ci"),
        *("p_value", "breached"),
    }


def test_the_example_says_what_its_numbers_say() -> None:
    """The estimates are differences of the very input, the arm without data has none."""
    report = analyze(EXAMPLE)
    assert_sound(report)
    assert (report.alpha, report.control) == (0.05, "control")
    assert comparison(report, 0).absolute.estimate == pytest.approx(455 / 1010 - 0.42)
    assert comparison(report, 0).relative.estimate == pytest.approx(455 / 1010 / 0.42 - 1)
    assert comparison(report, 1).absolute.estimate == -14
    assert comparison(report, 2).absolute == comparison(report, 2).relative
    assert asdict(comparison(report, 2).absolute) == {"estimate": None, "ci": None, "why": "no_data"}
    assert comparison(report, 3).absolute.estimate == pytest.approx(1 - 0.562, abs=5e-4)
    assert [comparison(report, i).method for i in range(4)] == [
        f"{name}_confidence_sequence" for name in ("score", "welch", "delta", "brunner_munzel")
    ]


def test_a_report_is_json() -> None:
    """Written and read again it is the same, tuples being lists."""
    written = analyze(EXAMPLE).to_dict()
    assert json.loads(json.dumps(written, allow_nan=False))["verdict"] == json.loads(json.dumps(written["verdict"]))


# What was seen elsewhere.


def test_none_of_1000_against_30_of_1000_is_not_declared_chance() -> None:
    """Elsewhere p was 1 because control had no success."""
    one = first(proportion((1000, 0), (1000, 30)))
    assert one.p_value == pytest.approx(3.44e-8, rel=1e-3)
    assert one.absolute.ci == pytest.approx((0.0211, 0.0425), abs=5e-5)
    assert (one.relative.estimate, one.relative.ci, one.relative.why) == (None, None, "control_is_zero")


def test_absolute_and_relative_agree_on_10_of_200_against_22_of_200() -> None:
    """Elsewhere one was significant and the other was not."""
    one = first(proportion((200, 10), (200, 22)))
    assert one.p_value is not None
    assert one.absolute.ci is not None
    assert one.relative.ci is not None
    assert leaves_out(one.absolute.ci, 0) == leaves_out(one.relative.ci, 0) == (one.p_value <= 0.05)
    assert one.relative.estimate == pytest.approx(1.2)


@pytest.mark.parametrize("role", ["primary", "secondary"])
def test_a_correction_does_something(role: str) -> None:
    """Elsewhere several metrics or arms were reported as one. One metric alone is left as it is."""
    near = proportion((1000, 400), (1000, 445), role=role)
    alone = first(near)
    assert alone.adjusted_p_value == alone.p_value
    assert alone.adjusted_ci == alone.absolute.ci
    far = proportion((1000, 400), (1000, 401), role=role, name="other")
    among = first(near, far)
    assert alone.p_value is not None
    assert among.p_value == alone.p_value
    assert among.adjusted_p_value == pytest.approx(2 * alone.p_value)
    assert among.adjusted_ci is not None
    assert among.absolute.ci is not None
    assert among.adjusted_ci[0] < among.absolute.ci[0] < among.absolute.ci[1] < among.adjusted_ci[1]


def test_arms_are_corrected_for_as_metrics_are() -> None:
    """Two treatments are two chances to be wrong."""
    one = first(proportion((1000, 400), (1000, 445), (1000, 401)))
    assert one.p_value is not None
    assert one.adjusted_p_value == pytest.approx(2 * one.p_value)


def test_guardrails_and_other_roles_are_not_corrected_for() -> None:
    """A guardrail takes nothing from the primary metric, and keeps its own level (Schultzberg 2024)."""
    one = first(
        proportion((1000, 400), (1000, 445)),
        *(mean((1000, 5, 9), (1000, 5, 9), name=f"g{i}", role="guardrail", margin=1) for i in range(3)),
        proportion((1000, 400), (1000, 401), role="secondary", name="s"),
    )
    assert one.adjusted_p_value == one.p_value


@pytest.mark.parametrize("monitored", [{}, {"sequential": {"planned_n": 5000}}])
def test_arms_of_weight_0_do_not_count_in_the_split(monitored: Document) -> None:
    """Elsewhere they added a degree of freedom each. 1000 against 1100 at equal weights: p = .0291."""
    exposures = {"control": 1000, "b": 1100}
    metric = proportion((1000, 400), (1000, 445))
    two = analyze(document(metric, exposures=exposures, **monitored)).srm
    weights = {"control": 0.5, "b": 0.5, "c": 0, "d": 0}
    four = analyze(document(metric, allocation=weights, exposures=exposures, **monitored)).srm
    assert two.p_value == pytest.approx(0.0291, abs=5e-5)
    assert four == two


@pytest.mark.parametrize("given", [EXAMPLE, document(proportion((1000, 400), (1000, 445), (0, 0)))])
def test_an_adjusted_p_value_comes_with_an_adjusted_interval(given: Document) -> None:
    """Elsewhere only the p-value was adjusted, and the interval beside it contradicted it."""
    report = analyze(given)
    assert_sound(report)  # says that both are there or neither
    for metric in report.metrics:
        for one in metric.comparisons:
            if one.adjusted_p_value is not None and one.adjusted_ci is not None:
                null = 0.5 if metric.type == "ordinal" else 0
                assert leaves_out(one.adjusted_ci, null) == (one.adjusted_p_value <= 0.05)


# What cannot be computed, and why.


@pytest.mark.parametrize("arm", [None, {}, {"n": 0}, {"n": 0, "mean": None, "variance": None}])
def test_an_arm_without_units_has_no_data(arm: Document | None) -> None:
    """Left out, empty, or with n = 0."""
    one = first(mean((100, 5.0, 4.0), arm))
    assert one.absolute.why == one.relative.why == "no_data"
    assert (one.absolute.estimate, one.p_value, one.adjusted_ci, one.probability_better) == (None,) * 4


@pytest.mark.parametrize(
    "metric", [proportion((0, 0), (10, 5)), ordinal([0, 0], [3, 4]), ratio({"n": 0}, (9, 1, 2, 1, 1, 0))]
)
def test_every_kind_of_metric_may_lack_data(metric: Document) -> None:
    """A control without units leaves nothing to compare with."""
    assert first(metric).absolute.why == "no_data"


def test_an_arm_may_be_absent_from_a_metric() -> None:
    """As with an empty one."""
    given = document(proportion((9, 1), None))
    del given["metrics"][0]["arms"]["b"]
    assert analyze(given) == analyze(document(proportion((9, 1), None)))


def test_a_single_unit_has_no_variance_to_go_by() -> None:
    """Its variance may be left out or null."""
    one = first(mean((1, 5.0, None), {"n": 1, "mean": 6.0}))
    assert (one.absolute.estimate, one.absolute.why) == (1.0, "too_few_units")
    assert first(ratio({"n": 1, "numerator_mean": 1, "denominator_mean": 2}, (9, 1, 2, 1, 1, 0))).absolute.why == (
        "too_few_units"
    )


def test_values_that_never_vary_have_no_variance() -> None:
    """The estimate is still there."""
    one = first(mean((50, 5.0, 0), (50, 6.0, 0)))
    assert (one.absolute.estimate, one.absolute.ci, one.absolute.why) == (1.0, None, "no_variance")
    assert (one.p_value, one.probability_better, one.expected_loss.ship) == (None, None, None)


def test_skewness_of_values_that_never_vary_is_no_error() -> None:
    """There is no interval, so there is no second one."""
    arms = (
        {"n": 50, "mean": 5.0, "variance": 0, "skewness": 9.0},
        {"n": 50, "mean": 6.0, "variance": 0, "skewness": 9},
    )
    assert first(mean(*arms)).absolute.why == "no_variance"


def test_one_arm_that_varies_is_enough() -> None:
    """Welch's degrees of freedom are then those of that arm."""
    one = first(mean((50, 5.0, 0), (50, 6.0, 4.0)))
    assert one.absolute.ci is not None
    assert one.relative.ci is not None


@pytest.mark.parametrize("n", [10**6, 10**9, 10**12])
@pytest.mark.parametrize(("control", "treatment", "p_value"), [(3, 2, 0.7536), (30, 20, 0.1573)])
def test_rare_successes_among_very_many_units_are_judged_by_their_number(
    n: int, control: int, treatment: int, p_value: float
) -> None:
    """As Poisson counts: how many units they are rare among does not matter."""
    one = first(proportion((n, control), (n, treatment)))
    assert one.p_value == pytest.approx(p_value, abs=1e-3)


@pytest.mark.parametrize(("successes", "why"), [(0, "control_is_zero"), (1000, None)])
def test_all_or_no_successes_in_both_arms_show_no_difference(successes: int, why: str | None) -> None:
    """An interval around 0, exact since expected counts are small."""
    one = first(proportion((1000, successes), (1000, successes)))
    assert (one.absolute.estimate, one.p_value) == (0, 1)
    assert one.absolute.ci == pytest.approx((-0.0038, 0.0038), abs=1e-4)
    assert one.relative.why == why
    assert one.method == "exact"


def test_a_control_mean_of_zero_leaves_nothing_to_be_relative_to() -> None:
    """The absolute difference is shown all the same."""
    one = first(mean((100, 0.0, 4.0), (100, 1.0, 4.0)))
    assert (one.relative.estimate, one.relative.why) == (None, "control_is_zero")
    assert one.absolute.ci is not None


def test_a_control_mean_that_may_be_zero_has_no_finite_relative_interval() -> None:
    """Fieller's interval is unbounded."""
    one = first(mean((100, 0.1, 4.0), (100, 1.0, 4.0)))
    assert one.relative.estimate == pytest.approx(9)
    assert (one.relative.ci, one.relative.why) == (None, "unbounded")


def test_a_negative_control_keeps_the_sign_of_the_difference() -> None:
    """Relative to the size of the control's value."""
    assert first(mean((100, -10.0, 4.0), (100, -9.0, 4.0))).relative.estimate == pytest.approx(0.1)


def test_scores_have_no_relative_difference_but_one_of_means() -> None:
    """`mean_difference` is the secondary view."""
    one = first(ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25]))
    assert (one.relative.estimate, one.relative.why) == (None, "ordinal")
    assert one.absolute.estimate == pytest.approx(0.562, abs=5e-4)
    assert one.absolute.ci == pytest.approx((0.485, 0.639), abs=5e-4)
    assert one.mean_difference is not None
    assert one.mean_difference.estimate == pytest.approx(0.26)
    assert one.mean_difference.ci is not None
    assert one.mean_difference.why is None
    assert first(proportion((100, 40), (100, 50))).mean_difference is None


def test_a_difference_of_mean_scores_waits_for_the_planned_end() -> None:
    """It holds for a sample of fixed size only, and says so."""
    scores = ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25])
    before, after = first(scores, **MONITORED).mean_difference, first(scores, **AT_THE_END).mean_difference
    assert before is not None
    assert (before.estimate, before.ci, before.why) == (pytest.approx(0.26), None, "before_planned_end")
    nobody = first(ordinal([8, 14, 24, 34, 20], None), **MONITORED).mean_difference
    assert nobody is not None
    assert (nobody.estimate, nobody.why) == (None, "no_data")
    assert after is not None
    assert after.ci is not None


def test_a_ratio_over_nothing_says_so() -> None:
    """Denominators that add up to 0 are not values that never vary; nor are they in the held-out group."""
    nothing, something = (100, 1, 0, 1, 0, 0), (100, 1, 2, 1, 1, 0)
    for arms in ((nothing, something), (something, nothing), (nothing, nothing)):
        one = first(ratio(*arms))
        assert (one.absolute.estimate, one.absolute.why, one.p_value) == (None, "denominator_is_zero", None)
    without, with_replies = ratio(nothing, something)["arms"].values()
    holdout = {"without": without, "with_replies": with_replies}
    held = analyze(document(proportion((100, 40), (100, 50)), holdout=holdout)).holdout
    assert held is not None
    assert (held.avoided_per_1000.estimate, held.avoided_per_1000.why) == (None, "denominator_is_zero")


def test_numbers_too_large_to_compute_with_say_so() -> None:
    """A covariate of 1e100 makes the error infinite: no p-value, no interval, and the reason is not `no_variance`."""
    one = first(mean(cuped(800, 700), cuped(790, 690, covariate_mean=1e100)))
    assert one.absolute.why == "too_large"
    assert (one.p_value, one.adjusted_p_value, one.adjusted_ci) == (None, None, None)


@pytest.mark.parametrize("previous", [None, [], [0.2]])
def test_the_least_alpha_can_be_computed_with(previous: list[float] | None) -> None:
    """In every kind of test; less is refused."""
    sequential = {"planned_n": 5000, "previous_looks": previous}
    scores = ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25], name="scores")
    given = document(proportion((1000, 400), (1010, 700)), scores, alpha=1e-6, **MONITORED | {"sequential": sequential})
    report = analyze(given)
    assert_sound(report)
    assert report.verdict.action == "ship"
    with pytest.raises(InvalidInput, match=r"^alpha: must be at least 1e-06, not 1e-07$"):
        analyze(given | {"alpha": 1e-7})


# Monitoring.


@pytest.mark.parametrize(
    "metric", [mean((29, 5.0, 4.0), (900, 6.0, 4.0)), proportion((500, 1), (500, 2)), ordinal([9, 9], [9, 9])]
)
def test_monitoring_says_nothing_of_a_few_units_or_cases(metric: Document) -> None:
    """The confidence sequence rests on the central limit theorem; the estimate is shown."""
    one = first(metric, **MONITORED)
    assert one.absolute.why == one.relative.why or metric["type"] == "ordinal"
    assert one.absolute.why == "too_early"
    assert one.absolute.estimate is not None
    assert one.sequential is not None
    assert (one.sequential.ci, one.sequential.p_value, one.sequential.why) == (None, None, "too_early")


@pytest.mark.parametrize("previous", [None, [], [0.2]])
def test_the_sequential_result_is_the_one_decisions_rest_on(previous: list[float] | None) -> None:
    """`sequential` repeats `absolute` and `p_value`: there is one story."""
    sequential = {"planned_n": 5000} | ({} if previous is None else {"previous_looks": previous})
    one = first(proportion((1000, 420), (1010, 455)), **MONITORED | {"sequential": sequential})
    assert one.sequential is not None
    assert one.sequential.ci == one.absolute.ci
    assert one.sequential.p_value == one.p_value
    assert one.method == ("score_confidence_sequence" if previous is None else "score_planned_look")


def test_a_sample_of_fixed_size_has_no_sequential_result() -> None:
    """Nor a second, fixed one."""
    one = first(proportion((1000, 420), (1010, 455)))
    assert (one.sequential, one.fixed_horizon) == (None, None)


def test_the_fixed_horizon_result_is_shown_only_at_the_planned_end() -> None:
    """Before it would be read daily; then it is narrower than the monitored one."""
    metric = proportion((1000, 420), (1010, 455))
    before, after, fixed = first(metric, **MONITORED), first(metric, **AT_THE_END), first(metric)
    assert before.fixed_horizon is not None
    assert (before.fixed_horizon.ci, before.fixed_horizon.why) == (None, "before_planned_end")
    assert before.fixed_horizon.p_value is None
    assert after.fixed_horizon is not None
    assert after.fixed_horizon.ci == fixed.absolute.ci
    assert after.fixed_horizon.p_value == fixed.p_value
    assert after.absolute.ci is not None
    assert after.fixed_horizon.ci is not None
    assert after.absolute.ci[0] < after.fixed_horizon.ci[0] < after.fixed_horizon.ci[1] < after.absolute.ci[1]


@pytest.mark.parametrize(
    ("metric", "why"),
    [
        (proportion((1000, 420), (1010, 455), asked={"control": 1000, "b": 2000}), "response_rates_differ"),
        (mean((1000, 5.0, 0), (1010, 6.0, 0)), "no_variance"),
        (mean((1000, 5.0, 1), None), "no_data"),
    ],
)
def test_the_fixed_horizon_result_says_why_it_is_missing(metric: Document, why: str) -> None:
    """Also at the planned end."""
    found = first(metric, **AT_THE_END).fixed_horizon
    assert found is not None
    assert (found.ci, found.p_value, found.why) == (None, None, why)


@pytest.mark.parametrize("previous", [None, []])
def test_before_the_first_exposure_there_is_a_report(previous: list[float] | None) -> None:
    """Nothing is in: no split, and a verdict that waits."""
    sequential = {"planned_n": 5000, "previous_looks": previous}
    report = analyze(document(proportion((0, 0), None), exposures={}, sequential=sequential))
    assert_sound(report)
    assert (report.srm.p_value, report.srm.mismatch, report.srm.why) == (None, False, "no_exposures")
    assert report.verdict.action == "keep_running"


def test_exposures_that_were_not_given_leave_the_split_open() -> None:
    """It is neither right nor wrong."""
    srm = analyze(document(proportion((100, 40), (100, 50)))).srm
    assert (srm.p_value, srm.sequential_p_value, srm.mismatch, srm.why) == (None, None, False, "not_given")


# Surveys, covariates, skewness, segments, held out customers.


def test_a_survey_with_equal_response_rates_is_honest() -> None:
    """Scores are compared as usual, and the rates shown."""
    one = first(ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25], asked={"control": 200, "b": 210}))
    assert one.survey is not None
    assert one.survey.honest
    assert (one.survey.control_rate, one.survey.treatment_rate) == (0.5, pytest.approx(100 / 210))
    assert one.survey.bounds is None
    assert one.p_value is not None


@pytest.mark.parametrize("asked", [{"control": 200, "b": 400}, {"control": 400, "b": 200}])
def test_a_survey_whose_response_rates_differ_has_bounds_and_no_result(asked: Document) -> None:
    """Wider than the interval would have been; nothing is told that only holds for the same people."""
    scores = ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25])
    plain, one = first(scores), first(scores | {"asked": asked})
    assert one.survey is not None
    assert not one.survey.honest
    assert one.absolute.why == "response_rates_differ"
    assert (one.absolute.ci, one.p_value, one.adjusted_ci, one.probability_better, one.expected_loss.keep) == (
        None,
    ) * 5
    assert one.mean_difference is not None
    assert (one.mean_difference.ci, one.mean_difference.why) == (None, "response_rates_differ")
    assert one.survey.bounds is not None
    assert plain.absolute.ci is not None
    assert one.survey.bounds[0] < plain.absolute.ci[0] < plain.absolute.ci[1] < one.survey.bounds[1]


ODD_RATES = proportion((1000, 400), (1000, 450), asked={"control": 2000, "b": 1870})
PLANNED = [{"planned_n": 9000}, {"planned_n": 9000, "previous_looks": []}]


@pytest.mark.parametrize("sequential", PLANNED)
def test_response_rates_are_compared_by_the_rule_of_the_test(sequential: Document) -> None:
    """What one look would call a difference is not called one while anybody may look, nor at an early look."""
    once, monitored = first(ODD_RATES).survey, first(ODD_RATES, **MONITORED | {"sequential": sequential}).survey
    assert once is not None
    assert monitored is not None
    assert once.p_value is not None
    assert monitored.p_value is not None
    assert once.p_value < 0.05 < monitored.p_value
    assert (once.honest, monitored.honest) == (False, True)
    assert (once.control_rate, once.treatment_rate) == (monitored.control_rate, monitored.treatment_rate)
    rates = proportion((2000, 1000), (1870, 1000))
    assert once.p_value == first(rates).p_value
    assert monitored.p_value == first(rates, **MONITORED | {"sequential": sequential}).p_value


def test_response_rates_of_a_few_people_are_not_compared_yet() -> None:
    """As every other proportion of a test that may be looked at any time."""
    one = first(proportion((20, 10), (40, 20), asked={"control": 29, "b": 90}), **MONITORED)
    assert one.survey is not None
    assert (one.survey.p_value, one.survey.honest) == (None, True)


def test_a_survey_that_is_no_scale_has_no_bounds() -> None:
    """A mean or a proportion of those who answered has none here, and no result either."""
    one = first(proportion((100, 40), (100, 60), asked={"control": 200, "b": 400}))
    assert one.survey is not None
    assert (one.survey.honest, one.survey.bounds, one.absolute.why) == (False, None, "response_rates_differ")


def test_a_survey_nobody_answered_in_one_arm_is_not_called_dishonest() -> None:
    """There is nothing to compare yet."""
    one = first(ordinal([8, 14, 24, 34, 20], None, asked={"control": 200}))
    assert one.survey is not None
    assert (one.survey.honest, one.survey.treatment_rate, one.survey.p_value) == (True, None, None)
    assert one.absolute.why == "no_data"


def test_bounds_of_a_single_answer_are_not_known() -> None:
    """There is no variance to widen them by."""
    one = first(ordinal([0, 0, 1], [20, 40, 60], asked={"control": 400, "b": 120}))
    assert one.survey is not None
    assert (one.survey.honest, one.survey.bounds) == (False, None)


def test_segments_of_a_dishonest_survey_are_not_called_out() -> None:
    """What does not hold of everybody holds of no part."""
    here, there = [50, 20, 10], [10, 20, 50]
    segments = {
        "locale": {
            "es": {"control": {"counts": here}, "b": {"counts": there}},
            "pt": {"control": {"counts": there}, "b": {"counts": here}},
        }
    }
    scores = ordinal([60, 40, 60], [60, 40, 60], segments=segments)
    (honest,) = first(scores).dimensions
    assert all(part.called_out for part in honest.segments)
    (found,) = first(scores | {"asked": {"control": 200, "b": 400}}).dimensions
    assert (found.heterogeneity_p_value, found.why) == (None, "response_rates_differ")
    assert not any(part.called_out for part in found.segments)
    assert [part.absolute for part in found.segments] == [part.absolute for part in honest.segments]


@pytest.mark.parametrize("previous", [None, [], [0.2]])
def test_segments_are_tested_only_at_the_planned_end(previous: list[float] | None) -> None:
    """Nobody peeks at them; their estimates are shown."""
    metric = proportion((1600, 800), (1600, 800), segments=parts(40, 40, 40, -120))
    (whole,) = first(metric).dimensions
    exposures = {"control": 1000, "b": 1010}
    for planned, why in ((5000, "before_planned_end"), (2010, None)):
        sequential = {"planned_n": planned, "previous_looks": previous}
        (found,) = first(metric, exposures=exposures, sequential=sequential).dimensions
        assert found.why == why
        assert (found.heterogeneity_p_value is None) == (why is not None)
        assert any(part.called_out for part in found.segments) == (why is None)
        assert found.overall == whole.overall
        assert [part.shrunk for part in found.segments] == [part.shrunk for part in whole.segments]
    (single,) = first(proportion((800, 400), (800, 420), segments=parts(10)), **MONITORED).dimensions
    assert single.why == "before_planned_end"
    (single,) = first(proportion((800, 400), (800, 420), segments=parts(10)), **AT_THE_END).dimensions
    assert single.why == "one_segment"


def test_segments_that_are_not_tested_do_not_count_among_those_that_are() -> None:
    """A dishonest survey beside an honest metric costs that nothing."""
    metric = proportion((800, 400), (800, 420), segments=parts(40, -20))
    counts = {"control": {"counts": [50, 20, 10]}, "b": {"counts": [10, 20, 50]}}
    survey = ordinal([60, 40, 60], [60, 40, 60], asked={"control": 200, "b": 400}, role="secondary")
    beside = survey | {"segments": {"locale": {"es": counts, "pt": counts}}}
    alone, among = first(metric).dimensions[0], first(metric, beside).dimensions[0]
    assert among.heterogeneity_p_value == alone.heterogeneity_p_value


def test_a_covariate_narrows_the_interval_and_missing_ones_are_counted() -> None:
    """CUPED: theta = covariance / variance of the covariate."""
    plain, one = first(mean((800, 10.0, 4.0), (790, 10.0, 4.0))), first(mean(cuped(800), cuped(790)))
    assert one.method == "cuped_welch"
    assert one.covariate is not None
    assert one.covariate.theta == pytest.approx(0.6)
    assert one.covariate.reduction == pytest.approx(0.36)
    assert one.covariate.missing == {"control": 0, "b": 0}
    assert plain.covariate is None
    assert plain.absolute.ci is not None
    assert one.absolute.ci is not None
    assert one.absolute.ci[1] == pytest.approx(0.8 * plain.absolute.ci[1], rel=1e-3)
    fewer = first(mean(cuped(800, 700), cuped(790, 690))).covariate
    assert fewer is not None
    assert fewer.missing == {"control": 100, "b": 100}
    assert fewer.reduction is not None
    assert 0 < fewer.reduction < 0.36


def test_a_ratio_takes_a_covariate_too() -> None:
    """By its linearised numerator and denominator."""
    arm = {"n": 1000, "numerator_mean": 0.4, "denominator_mean": 1.6, "numerator_variance": 0.3}
    arm |= {"denominator_variance": 0.9, "covariance": 0.2, "covariate_mean": 1.0, "covariate_variance": 1.0}
    arm |= {"covariate_numerator": 0.4, "covariate_denominator": 0.3, "covariate_n": 900}
    one = first(ratio(arm, arm))
    assert one.method == "cuped_delta"
    assert one.covariate is not None
    assert one.covariate.missing == {"control": 100, "b": 100}
    assert one.covariate.theta == pytest.approx((0.4 - 0.25 * 0.3) / 1.6)


def test_an_arm_without_data_has_no_missing_covariates() -> None:
    """The control's are counted all the same."""
    one = comparison(analyze(document(mean(cuped(800, 700), None, cuped(790)))))
    assert one.absolute.why == "no_data"
    assert one.covariate is not None
    assert one.covariate.missing == {"control": 100}


def skewed(n: int, value: float, **shape: Any) -> Document:
    """An arm of a mean whose shape is known."""
    return {"n": n, "mean": value, "variance": 4.0, **shape}


def test_enough_units_make_a_skewed_mean_normal() -> None:
    """355 times the squared skewness of the more skewed arm."""
    one = first(mean(skewed(1500, 5, skewness=2), skewed(1500, 5, skewness=1)))
    assert one.normality is not None
    assert (one.normality.needed_n, one.normality.adequate) == (1420, True)
    assert (one.normality.ci, one.normality.agrees) == (None, None)


def test_too_few_units_of_a_skewed_mean_ask_for_a_second_opinion() -> None:
    """The interval without the skewness, and whether it lies to the same side."""
    one = first(mean(skewed(100, 5, skewness=6), skewed(100, 8, skewness=6)))
    assert one.normality is not None
    assert not one.normality.adequate
    assert one.normality.agrees
    assert one.normality.ci is not None
    assert one.normality.ci[0] > 0


@pytest.mark.parametrize("shape", [{"skewness": 9.0}, {}])
def test_replicates_are_a_second_opinion_with_or_without_skewness(shape: Document) -> None:
    """A bootstrap that straddles no difference contradicts an interval that does not."""
    wide = [5 + 3 * (i % 200 - 100) / 100 for i in range(400)]
    arms = (skewed(100, 5, **shape, replicates=wide), skewed(100, 6, **shape, replicates=[x + 1 for x in wide[::-1]]))
    one = first(mean(*arms))
    assert one.absolute.ci is not None
    assert leaves_out(one.absolute.ci, 0)
    assert one.normality is not None
    assert one.normality.ci is not None
    assert not leaves_out(one.normality.ci, 0)
    assert one.normality.agrees is False
    needed = (28755, False) if shape else (None, None)
    assert (one.normality.needed_n, one.normality.adequate) == needed


def test_replicates_are_asked_for_where_the_skewness_of_an_arm_is_not_known() -> None:
    """However many units there are: nobody knows how many it takes."""
    means = [5 + i / 1000 for i in range(200)]
    arms = skewed(10**6, 5, skewness=0, replicates=means), skewed(10**6, 5, replicates=means)
    one = first(mean(*arms))
    assert one.normality is not None
    assert (one.normality.needed_n, one.normality.adequate) == (None, None)
    assert one.normality.ci == (0, 0)
    known = first(mean(arms[0], arms[1] | {"skewness": 0})).normality
    assert known is not None
    assert (known.needed_n, known.adequate, known.ci, known.agrees) == (0, True, None, None)


def test_replicates_of_one_arm_alone_give_no_second_opinion() -> None:
    """Without the other arm's skewness there is nothing to put beside them."""
    arms = skewed(100, 5, skewness=6), skewed(100, 8, replicates=[8.0] * 200)
    one = first(mean(*arms)).normality
    assert one is not None
    assert (one.needed_n, one.adequate, one.ci, one.agrees) == (None, None, None, None)


def test_an_arm_without_units_has_no_shape() -> None:
    """Whatever is said of it."""
    shape = {"skewness": 6, "replicates": [5.0] * 200}
    assert first(mean(skewed(100, 5, **shape), skewed(0, 5, **shape))).normality is None


def test_the_shape_of_one_arm_alone_says_nothing() -> None:
    """Nor does that of a single unit."""
    assert first(mean(skewed(100, 5, skewness=6), skewed(100, 8))).normality is None
    assert first(mean(skewed(1, 5, skewness=6), skewed(100, 8, skewness=6))).normality is None
    assert first(mean((100, 5, 4), (100, 8, 4))).normality is None


def test_a_second_opinion_that_cannot_be_computed_is_none() -> None:
    """Extreme skewness at 2 units."""
    one = first(mean(skewed(2, 1e90, skewness=1e6), skewed(2, 0, skewness=-1e6)))
    assert one.normality is not None
    assert (one.normality.ci is None) == (one.normality.agrees is None)


def parts(*effects: int) -> Document:
    """A dimension of segments with 400 units an arm and so many more successes in the treatment."""
    return {
        "locale": {
            f"s{i}": {"control": {"n": 400, "successes": 200}, "b": {"n": 400, "successes": 200 + effect}}
            for i, effect in enumerate(effects)
        }
    }


def test_segments_that_differ_are_called_out() -> None:
    """One that goes against the others."""
    (found,) = first(proportion((1600, 800), (1600, 800), segments=parts(40, 40, 40, -120))).dimensions
    assert found.dimension == "locale"
    assert found.why is None
    assert found.heterogeneity_p_value is not None
    assert found.heterogeneity_p_value < 1e-6
    assert [part.segment for part in found.segments] == ["s0", "s1", "s2", "s3"]
    assert found.segments[3].called_out
    for part in found.segments:
        assert part.absolute.estimate is not None
        assert part.shrunk.estimate is not None
        assert found.overall is not None
        low, high = sorted((part.absolute.estimate, found.overall))
        assert low <= part.shrunk.estimate <= high


def test_segments_that_do_not_differ_more_than_chance_are_not_called_out() -> None:
    """However far one of them lies."""
    (found,) = first(proportion((1600, 800), (1600, 830), segments=parts(10, 5, 20, -5))).dimensions
    assert found.heterogeneity_p_value is not None
    assert found.heterogeneity_p_value > 0.05
    assert not any(part.called_out for part in found.segments)


def test_dimensions_are_corrected_for() -> None:
    """Looking at three dimensions triples the p-value of the least."""
    one = first(proportion((800, 400), (800, 420), segments=parts(40, -20)))
    several = parts(40, -20) | {"channel": parts(10, 10)["locale"], "intent": parts(11, 9)["locale"]}
    three = first(proportion((800, 400), (800, 420), segments=several))
    assert one.dimensions[0].heterogeneity_p_value is not None
    assert three.dimensions[0].heterogeneity_p_value == pytest.approx(3 * one.dimensions[0].heterogeneity_p_value)


def test_one_segment_differs_from_nothing() -> None:
    """A small one does not count, and has no estimate."""
    segments = parts(10)
    segments["locale"]["small"] = {"control": {"n": 29, "successes": 10}, "b": {"n": 400, "successes": 200}}
    (found,) = first(proportion((430, 210), (800, 410), segments=segments)).dimensions
    assert (found.heterogeneity_p_value, found.why) == (None, "one_segment")
    assert found.overall == pytest.approx(10 / 400)
    assert found.segments[1].absolute.why == found.segments[1].shrunk.why == "too_few_units"


def test_held_out_customers_show_what_replies_avoid_and_save() -> None:
    """Per 1,000 messages; savings are the avoided contacts times what one costs."""
    arm = ratio((1000, 0.4, 1.6, 0.3, 0.9, 0.2))["arms"]["control"]
    holdout = {"without": arm | {"numerator_mean": 0.56}, "with_replies": arm}
    metric = proportion((100, 40), (100, 50))
    found = analyze(document(metric, holdout=holdout | {"cost_per_contact": 4.5})).holdout
    assert found is not None
    assert found.without_per_1000 == pytest.approx(350)
    assert found.with_replies_per_1000 == pytest.approx(250)
    assert found.avoided_per_1000.estimate == pytest.approx(100)
    assert found.avoided_per_1000.ci is not None
    assert found.p_value is not None
    assert found.p_value < 1e-6
    assert found.saved_per_1000 is not None
    assert found.saved_per_1000.estimate == pytest.approx(450)
    assert found.saved_per_1000.ci == pytest.approx([4.5 * end for end in found.avoided_per_1000.ci])
    free = analyze(document(metric, holdout=holdout)).holdout
    assert free is not None
    assert free.saved_per_1000 is None


@pytest.mark.parametrize(
    ("without", "why"),
    [
        ({"n": 0}, "no_data"),
        ({"n": 1, "numerator_mean": 1, "denominator_mean": 1}, "too_few_units"),
        ({"n": 1, "numerator_mean": 1, "denominator_mean": 0}, "too_few_units"),
        (ratio((9, 1, 0, 1, 1, 0))["arms"]["control"], "denominator_is_zero"),
        (ratio((9, 1e90, 1e-80, 1, 1, 0))["arms"]["control"], "too_large"),
    ],
)
def test_held_out_customers_without_enough_data_say_why(without: Document, why: str) -> None:
    """And nothing is saved."""
    arm = ratio((1000, 0.4, 1.6, 0.3, 0.9, 0.2))["arms"]["control"]
    given = {"without": without, "with_replies": arm, "cost_per_contact": 4.5}
    report = analyze(document(proportion((100, 40), (100, 50)), holdout=given))
    assert_sound(report)
    found = report.holdout
    assert found is not None
    assert found.saved_per_1000 is not None
    assert (found.avoided_per_1000.ci, found.saved_per_1000.ci, found.p_value) == (None, None, None)
    assert found.avoided_per_1000.why == why


def test_a_guardrail_within_its_margin_passes() -> None:
    """480 against 490 of 1000, margin 2 points: p = .3273."""
    metric = proportion((1000, 490), (1000, 480), role="guardrail", margin=0.02)
    one = first(metric)
    assert one.guardrail is not None
    assert one.guardrail.p_value == pytest.approx(0.3273, abs=5e-5)
    assert (one.guardrail.passes, one.guardrail.breached, one.guardrail.margin) == (False, False, 0.02)
    wide = first(metric | {"margin": 0.2}).guardrail
    assert wide is not None
    assert wide.passes


@pytest.mark.parametrize("monitored", [{}, MONITORED])
@pytest.mark.parametrize(
    "metric",
    [
        proportion((1000, 1000), (1000, 0), margin=0.99, role="guardrail"),
        proportion((1000, 600), (1000, 400), margin=0.99, role="guardrail"),
        ordinal([0, 40], [40, 0], margin=0.49, role="guardrail"),
        ordinal([2, 2], [2, 2], margin=0.49, role="guardrail"),
    ],
)
def test_a_guardrail_passes_where_its_interval_is_within_the_widest_margin(
    metric: Document, monitored: Document
) -> None:
    """Nearly the whole range: hardly anything can be worse, and the interval says whether it is."""
    guardrail = first(metric, **monitored).guardrail
    assert guardrail is not None
    null = 0.5 if metric["type"] == "ordinal" else 0.0
    assert guardrail.passes is (None if guardrail.ci is None else guardrail.ci[0] > null - guardrail.margin)


def reports() -> list[Report]:
    """Reports that between them hold every `why`."""
    arm = ratio((1000, 0.4, 1.6, 0.3, 0.9, 0.2))["arms"]["control"]
    holdout = {"without": {"n": 0}, "with_replies": arm}
    given = [
        EXAMPLE,
        document(mean((1, 5.0, None), (1, 6.0, None)), exposures={}),
        document(mean((50, 5.0, 0), (50, 6.0, 0)), holdout=holdout),
        document(proportion((500, 1), (500, 2)), **MONITORED),
        document(proportion((1000, 0), (1000, 30))),
        document(mean((100, 0.1, 4.0), (100, 1.0, 4.0))),
        document(ordinal([8, 14, 24, 34, 20], [5, 10, 20, 40, 25], **SURVEY)),
        document(proportion((800, 400), (800, 420), segments=parts(10))),
        document(mean(cuped(800, 700), cuped(790, 690, covariate_mean=1e100))),
        document(ratio((100, 1, 0, 1, 0, 0), (100, 1, 2, 1, 1, 0))),
    ]
    return [analyze(one) for one in given]


def test_every_why_is_used_and_every_used_one_is_explained() -> None:
    """`WHY` lists exactly the codes a report may hold."""
    used = {why for report in reports() for why in whys(report.to_dict())}
    assert used == set(WHY)


def test_a_number_is_never_infinite() -> None:
    """Sums too large are None, not Infinity: costs, replicates, days."""
    arm = ratio((1000, 0.4, 1.6, 0.3, 0.9, 0.2))["arms"]["control"]
    extreme = changed(
        EXAMPLE, "holdout", {"without": arm | {"numerator_mean": 1e100}, "with_replies": arm, "cost_per_contact": 1e12}
    )
    assert_sound(analyze(extreme))
    assert_sound(analyze(changed(EXAMPLE, "daily_units", 1e-3)))
    replicates = {"skewness": 1e6, "replicates": [1e100] * 200}, {"skewness": 1e6, "replicates": [-1e100] * 200}
    assert_sound(analyze(document(mean(*(skewed(9, 1e100, **shape) for shape in replicates)))))


def test_a_ratio_too_large_to_compute_with_says_so() -> None:
    """However small the numbers it is made of: the variance of neither arm is 0."""
    arm = ratio((100, 1, 1e-300, 1, 1, 0))["arms"]["control"]
    assert first(ratio(arm, arm)).absolute.why == "too_large"


def test_an_early_planned_look_says_that_it_is_early() -> None:
    """With a thousandth of the sample in, no alpha is left to speak of; that is no lack of variance."""
    one = first(
        proportion((100, 30), (100, 45)),
        exposures={"control": 100, "b": 100},
        sequential={"planned_n": 100_000, "previous_looks": []},
    )
    assert (one.p_value, one.absolute.ci, one.absolute.why) == (None, None, "too_early")


def test_numbers_of_numpy_are_numbers() -> None:
    """As sums and counts of arrays are."""
    plain = proportion((1000, 420), (1010, 455))
    arms = {arm: {name: np.int64(n) for name, n in counts.items()} for arm, counts in plain["arms"].items()}
    assert analyze(document(plain | {"arms": arms})) == analyze(document(plain))


@pytest.mark.parametrize("form", ["as_mean", "as_cuped", "as_ratio"])
def test_an_arm_of_one_unit_is_read_as_aggregates_write_it(form: str) -> None:
    """Without variance or covariance; the others have their results."""
    many = Moments.of(np.random.default_rng(0).normal(5, 1, (50, 2)))
    arms = {"control": getattr(many, form)(), "b": getattr(Moments.of([[5.0, 4.0]]), form)()}
    kind = "ratio" if form == "as_ratio" else "mean"
    metric = {"name": "m", "type": kind, "role": "primary", "direction": "increase", "arms": arms}
    assert first(metric).absolute.why == "too_few_units"
