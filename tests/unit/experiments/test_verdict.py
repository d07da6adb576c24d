"""One verdict a curator can act on: every action and every reason, in three languages."""

import re
from typing import Any

import pytest

from experiments import analyze
from experiments.report import Report
from experiments.verdict import REASONS
from tests.unit.experiments.documents import (
    Document,
    assert_sound,
    comparison,
    document,
    leaves_out,
    mean,
    ordinal,
    proportion,
)

BETTER = proportion((1000, 400), (1000, 500))
WORSE = proportion((1000, 500), (1000, 400))
SAME = proportion((1000, 400), (1000, 410))
HARMLESS = mean((1000, 5.0, 4.0), (1000, 5.0, 4.0), name="reopens", role="guardrail", direction="decrease", margin=0.5)
UNSURE = HARMLESS | {"margin": 0.1}
HARMFUL = mean((1000, 5.0, 4.0), (1000, 6.0, 4.0), name="reopens", role="guardrail", direction="decrease", margin=0.5)
HALF_IN: Document = {"exposures": {"control": 1000, "b": 1000}, "sequential": {"planned_n": 4000}}
ALL_IN: Document = {"exposures": {"control": 1000, "b": 1000}, "sequential": {"planned_n": 2000}}


def judged(*metrics: Document, **parts: Any) -> Report:
    """A sound report on these metrics."""
    report = analyze(document(*metrics, **parts))
    assert_sound(report)
    return report


def numbers(text: str) -> list[str]:
    """The numbers a sentence mentions, written as in English."""
    return [found.replace(",", ".") for found in re.findall(r"\d+(?:[.,]\d+)?", text)]


def test_a_better_primary_metric_ships() -> None:
    """With the arm, the number and its interval."""
    verdict = judged(BETTER).verdict
    assert (verdict.action, verdict.winner, verdict.reasons) == ("ship", "b", ("primary_better",))
    assert verdict.text == {
        "en": "Ship b: deflection rises 10.0 points (95% between 5.6 and 14.3).",
        "es": "Publica b: deflection sube 10.0 puntos (95% entre 5.6 y 14.3).",
        "pt": "Publique b: deflection sobe 10,0 pontos (95% entre 5,6 e 14,3).",
    }


def test_a_decrease_may_be_what_is_wanted() -> None:
    """`direction` is that of an improvement."""
    verdict = judged(WORSE | {"direction": "decrease", "name": "contacts"}).verdict
    assert (verdict.action, verdict.winner) == ("ship", "b")
    assert verdict.text["es"].startswith("Publica b: contacts baja 10.0 puntos (95% entre 5.6 y 14.3).")


def test_a_verdict_quotes_the_comparison_it_rests_on() -> None:
    """The adjusted interval and p-value that the report shows."""
    report = judged(BETTER, SAME | {"name": "other"})
    rests = report.verdict.rests_on
    assert rests is not None
    assert (rests.metric, rests.treatment, rests.interval) == ("deflection", "b", "adjusted")
    assert (rests.ci, rests.p_value) == (comparison(report).adjusted_ci, comparison(report).adjusted_p_value)


def test_guardrails_that_pass_are_named() -> None:
    """The curator sees what was watched."""
    verdict = judged(BETTER, HARMLESS).verdict
    assert (verdict.action, verdict.reasons) == ("ship", ("primary_better", "guardrails_pass"))
    assert [text.rsplit("; ", 1)[1] for text in verdict.text.values()] == [
        "within the margin: reopens.",
        "dentro del margen: reopens.",
        "dentro da margem: reopens.",
    ]


def test_a_guardrail_that_is_not_shown_to_pass_stops_a_winner() -> None:
    """It quotes the guardrail's interval, and says which arm and metric."""
    report = judged(BETTER, UNSURE)
    verdict = report.verdict
    assert (verdict.action, verdict.winner, verdict.reasons) == ("stop", None, ("guardrail_not_shown",))
    assert verdict.text["en"] == (
        "Stop and keep control: b does better, but reopens may still get worse by more than the margin of 0.1: "
        "the change in reopens with b lies between −0.15 and 0.15 (90%)."
    )
    assert verdict.rests_on is not None
    assert (verdict.rests_on.metric, verdict.rests_on.interval) == ("reopens", "guardrail")
    guardrail = comparison(report, 1).guardrail
    assert guardrail is not None
    assert verdict.rests_on.ci == guardrail.ci


def test_a_guardrail_without_data_is_not_shown_to_pass() -> None:
    """No number is made up."""
    verdict = judged(BETTER, mean((1000, 5, 4), None, name="reopens", role="guardrail", margin=0.5)).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("guardrail_not_shown",))
    assert verdict.text["en"].endswith("reopens has no result.")


def test_a_breached_guardrail_stops_even_a_better_arm() -> None:
    """And says what the margin was."""
    verdict = judged(BETTER, HARMFUL).verdict
    assert (verdict.action, verdict.winner, verdict.reasons) == ("stop", None, ("guardrail_breached",))
    assert verdict.text["en"].startswith("Stop and keep control: b does harm; reopens rises by 1.00 (")
    assert verdict.text["en"].endswith(", and the margin was 0.5.")
    assert verdict.text["es"].endswith(", y el margen era de 0.5.")
    assert verdict.text["pt"].endswith(", e a margem era de 0,5.")


def test_the_level_that_is_told_is_that_of_the_interval() -> None:
    """A guardrail's interval has level 1 - 2 alpha, and alpha need not be .05."""
    for alpha, own, twice in ((0.05, "95%", "90%"), (0.1, "90%", "80%"), (0.01, "99%", "98%"), (0.2, "80%", "60%")):
        told = judged(BETTER, alpha=alpha), judged(WORSE, alpha=alpha)
        guarded = judged(BETTER, HARMFUL, alpha=alpha), judged(BETTER, UNSURE | {"margin": 0.05}, alpha=alpha)
        for report, level in [*((one, own) for one in told), *((one, twice) for one in guarded)]:
            assert all(f"({level}" in text for text in report.verdict.text.values())


def test_a_worse_primary_metric_stops() -> None:
    """Without waiting for the rest of the sample."""
    assert judged(WORSE, **HALF_IN).verdict.action == "stop"
    verdict = judged(WORSE).verdict
    assert (verdict.action, verdict.winner, verdict.reasons) == ("stop", None, ("primary_worse",))
    assert [re.sub(r" \(.*", "", text) for text in verdict.text.values()] == [
        "Stop and keep control: b is worse; deflection falls 10.0 points",
        "Termina y quédate con control: b es peor; deflection baja 10.0 puntos",
        "Encerre e fique com control: b é pior; deflection cai 10,0 pontos",
    ]


def test_a_better_and_a_worse_primary_metric_stop() -> None:
    """None may get worse."""
    assert judged(BETTER, WORSE | {"name": "other"}).verdict.reasons == ("primary_worse",)


FIXED, MONITORED = "−3.3 and 5.3", "−6 and 8"


def test_no_difference_in_a_whole_sample_stops() -> None:
    """With the interval it leaves open."""
    for parts in ({}, ALL_IN):
        verdict = judged(SAME, **parts).verdict
        assert (verdict.action, verdict.days_left, verdict.reasons) == ("stop", None, ("no_difference",))
        assert verdict.text["en"].startswith("Stop and keep control: no difference is shown: the change in")
        assert verdict.text["en"].endswith(
            f"deflection with b lies between {FIXED if not parts else MONITORED} points (95%)."
        )
        assert verdict.rests_on is not None
        assert verdict.rests_on.ci is not None
        assert not leaves_out(verdict.rests_on.ci, 0)


def test_a_test_without_a_primary_metric_cannot_be_decided() -> None:
    """Whatever its other metrics say."""
    verdict = judged(BETTER | {"role": "secondary"}).verdict
    assert (verdict.action, verdict.reasons, verdict.rests_on) == ("stop", ("no_primary",), None)
    assert "no primary metric" in verdict.text["en"]


def test_a_running_test_without_a_primary_metric_says_so() -> None:
    """`no difference is shown yet` would make a curator wait for what never comes."""
    verdict = judged(BETTER | {"role": "secondary"}, **HALF_IN).verdict
    assert (verdict.action, verdict.reasons) == ("keep_running", ("no_primary", "before_planned_end"))
    assert verdict.text["en"] == "Keep running: the test has no primary metric to decide by."


def test_a_primary_metric_without_data_waits() -> None:
    """Also where nothing was planned."""
    for parts in ({}, HALF_IN):
        verdict = judged(proportion((1000, 400), None), **parts).verdict
        assert (verdict.action, verdict.reasons[0]) == ("keep_running", "no_data")
        assert verdict.text["en"] == "Keep running: there is not enough data to compare yet."


def test_before_the_planned_end_a_test_keeps_running() -> None:
    """The text says how much is in; days are told where traffic was."""
    verdict = judged(SAME, **HALF_IN).verdict
    assert (verdict.action, verdict.days_left) == ("keep_running", None)
    assert verdict.reasons == ("no_difference", "before_planned_end")
    assert [numbers(text) for text in verdict.text.values()] == [["50"]] * 3
    verdict = judged(SAME, **HALF_IN, daily_units=150).verdict
    assert (verdict.action, verdict.days_left) == ("keep_running", 14)
    assert [numbers(text) for text in verdict.text.values()] == [["14", "50"]] * 3


@pytest.mark.parametrize(("daily", "days"), [(2000, 1), (1999, 2), (0.5, 4000), (11.2, 179)])
def test_days_left_are_whole_days_until_the_planned_sample_is_in(daily: float, days: int) -> None:
    """Rounded up."""
    assert judged(SAME, **HALF_IN, daily_units=daily).verdict.days_left == days


def test_days_that_are_told_belong_to_a_sample_that_is_not_in() -> None:
    """99.95 % of a sample are not 100 %, and one day is left."""
    parts = {"exposures": {"control": 1000, "b": 1000}, "sequential": {"planned_n": 2001}}
    verdict = judged(SAME, **parts, daily_units=10).verdict
    assert [numbers(text) for text in verdict.text.values()] == [["1", "99"]] * 3
    assert verdict.text["en"].startswith("Keep running about 1 more day: 99% of the planned sample is in")


def test_a_sample_that_is_in_leaves_no_days() -> None:
    """Without data at the planned end there is nothing to wait for: no days are counted."""
    verdict = judged(proportion((1000, 400), None), **ALL_IN, daily_units=10).verdict
    assert (verdict.action, verdict.days_left, verdict.reasons) == ("stop", None, ("no_data",))
    assert verdict.text == {
        "en": "Stop and keep control: even the planned sample has too few cases to compare.",
        "es": "Termina y quédate con control: ni la muestra prevista tiene casos suficientes para comparar.",
        "pt": "Encerre e fique com control: nem a amostra planejada tem casos suficientes para comparar.",
    }
    assert judged(SAME, **ALL_IN, daily_units=10).verdict.days_left is None
    assert judged(BETTER, UNSURE, **ALL_IN, daily_units=10).verdict.days_left is None


def test_too_few_cases_at_the_planned_end_stop() -> None:
    """The confidence sequence of so rare an outcome stays empty."""
    verdict = judged(proportion((1000, 1), (1000, 3)), **ALL_IN).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("no_data",))
    assert verdict.rests_on is not None
    assert (verdict.rests_on.ci, verdict.rests_on.p_value) == (None, None)
    assert judged(proportion((1000, 1), (1000, 3)), **HALF_IN).verdict.action == "keep_running"


def test_without_data_a_test_out_of_reach_stops() -> None:
    """There is no point in waiting half a year for the first case."""
    verdict = judged(proportion((1000, 400), None), **HALF_IN, daily_units=5).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("unreachable", "no_data"))


def test_a_guardrail_may_be_what_is_waited_for() -> None:
    """The winner is named, and what is not shown yet."""
    verdict = judged(BETTER, UNSURE, **HALF_IN).verdict
    assert (verdict.action, verdict.winner) == ("keep_running", None)
    assert verdict.reasons == ("guardrail_not_shown", "before_planned_end")
    assert verdict.text["en"].startswith("Keep running: b does better, but reopens may still get worse by more than")
    verdict = judged(BETTER, UNSURE, **HALF_IN, daily_units=150).verdict
    assert verdict.text["en"].startswith("Keep running about 14 more days: b does better, but reopens may still")


def test_a_sample_that_would_take_more_than_half_a_year_is_out_of_reach() -> None:
    """With the traffic that makes it so."""
    verdict = judged(SAME, **HALF_IN, daily_units=5).verdict
    assert (verdict.action, verdict.days_left) == ("stop", 400)
    assert verdict.reasons == ("unreachable", "no_difference")
    assert verdict.text["en"] == (
        "Stop and keep control: 35 units a week would take 13 more months; pool entries or try a bolder change."
    )
    assert [numbers(text) for text in verdict.text.values()] == [["35", "13"]] * 3
    assert judged(SAME, **HALF_IN, daily_units=11.2).verdict.action == "keep_running"


@pytest.mark.parametrize("parts", [{}, {"sequential": {"planned_n": 9000}}])
def test_a_split_that_is_off_is_not_trusted(parts: Document) -> None:
    """Fixed or monitored; nothing is quoted, and the counts are told."""
    report = judged(BETTER, exposures={"control": 1000, "b": 1300}, **parts)
    assert report.srm.mismatch
    verdict = report.verdict
    assert (verdict.action, verdict.winner, verdict.rests_on) == ("do_not_trust", None, None)
    assert verdict.reasons == ("srm_mismatch",)
    assert all("(SRM: control 1000, b 1300)" in text for text in verdict.text.values())


def test_only_arms_that_get_units_are_listed_of_a_split_that_is_off() -> None:
    """An arm of weight 0 says nothing about it."""
    weights = {"control": 0.5, "b": 0.5, "c": 0}
    verdict = judged(BETTER, allocation=weights, exposures={"control": 1000, "b": 1300, "c": 0}).verdict
    assert verdict.action == "do_not_trust"
    assert all("(SRM: control 1000, b 1300)" in text for text in verdict.text.values())


def test_a_monitored_split_goes_by_the_p_value_that_holds_at_every_look() -> None:
    """What one look would call a mismatch may be chance among many looks."""
    exposures = {"control": 1000, "b": 1160}
    assert judged(BETTER, exposures=exposures).srm.mismatch
    assert not judged(BETTER, exposures=exposures, sequential={"planned_n": 9000}).srm.mismatch


def test_more_than_one_per_cent_of_units_in_several_arms_are_not_trusted() -> None:
    """The number is told."""
    exposures = {"control": 990, "b": 990}
    assert judged(BETTER, exposures=exposures, several_arms=20).verdict.action == "ship"
    verdict = judged(BETTER, exposures=exposures, several_arms=21).verdict
    assert (verdict.action, verdict.reasons) == ("do_not_trust", ("several_arms",))
    assert [numbers(text) for text in verdict.text.values()] == [["21"]] * 3


SCORES = ordinal([8, 14, 24, 34, 20], [2, 5, 20, 40, 33], asked={"control": 200, "b": 400})


def test_a_primary_survey_whose_response_rates_differ_is_not_trusted() -> None:
    """Whatever its scores say, or another primary metric."""
    for metrics in ([SCORES], [BETTER, SCORES]):
        verdict = judged(*metrics).verdict
        assert (verdict.action, verdict.reasons) == ("do_not_trust", ("response_rates_differ",))


def test_a_secondary_survey_whose_response_rates_differ_stops_nobody() -> None:
    """It has no result of its own."""
    report = judged(BETTER, SCORES | {"role": "secondary"})
    assert report.verdict.action == "ship"
    assert comparison(report, 1).absolute.why == "response_rates_differ"


def test_a_guardrail_survey_whose_response_rates_differ_does_not_pass() -> None:
    """It is not shown to be no worse."""
    report = judged(BETTER, SCORES | {"role": "guardrail", "margin": 0.3})
    guardrail = comparison(report, 1).guardrail
    assert guardrail is not None
    assert (guardrail.passes, guardrail.ci, guardrail.p_value, guardrail.breached) == (None, None, None, False)
    assert (report.verdict.action, report.verdict.reasons) == ("stop", ("guardrail_not_shown",))


def heavy(value: float, **shape: Any) -> Document:
    """An arm of a skewed mean."""
    return {"n": 60, "mean": value, "variance": 4.0, **shape}


WIDE = [5 + 3 * (i % 200 - 100) / 100 for i in range(400)]


@pytest.mark.parametrize(
    "metric",
    [
        mean(heavy(5, skewness=0), heavy(5.8, skewness=-20)),
        mean(heavy(5, skewness=9, replicates=WIDE), heavy(6, skewness=9, replicates=[x + 1 for x in WIDE[::-1]])),
    ],
)
def test_a_primary_metric_that_a_few_values_decide_is_not_trusted(metric: Document) -> None:
    """By its skewness or by its replicates; as a secondary metric it stops nobody."""
    verdict = judged(metric).verdict
    assert (verdict.action, verdict.reasons) == ("do_not_trust", ("not_normal",))
    assert "extreme values" in verdict.text["en"]
    assert judged(BETTER, metric | {"role": "secondary"}).verdict.action == "ship"


def test_a_running_test_is_not_distrusted_for_an_interval_it_does_not_rest_on() -> None:
    """No look shows a difference yet, whatever a sample of fixed size would say: no few values decide anything."""
    metric = mean(*({"n": 300, "mean": m, "variance": 4.0, "skewness": s} for m, s in ((5, 0), (5.33, -3))))
    report = judged(metric, exposures={"control": 300, "b": 300}, sequential={"planned_n": 5000})
    assert comparison(report).p_value == pytest.approx(0.516, abs=1e-3)
    assert (report.verdict.action, report.verdict.reasons[0]) == ("keep_running", "no_difference")


@pytest.mark.parametrize(
    ("control", "treatment", "agrees"),
    [
        ((5, 0), (5, 0), True),  # neither shows anything
        ((5, 0), (5.45, 20), True),  # only the second one does: nothing is declared
        ((5, 0), (5.8, 0), True),  # both to the same side
        ((5, 0), (5.8, -20), False),
        ((5, 0), (4.2, 20), False),
    ],
)
def test_only_a_difference_that_is_declared_may_be_distrusted(
    control: tuple[float, float], treatment: tuple[float, float], agrees: bool
) -> None:
    """Where the second interval does not show it on the same side."""
    report = judged(mean(*(heavy(value, skewness=skewness) for value, skewness in (control, treatment))))
    normality = comparison(report).normality
    assert normality is not None
    if not normality.adequate:
        assert normality.agrees is agrees
    assert ("not_normal" in report.verdict.reasons) is not agrees


def test_several_reasons_for_distrust_are_all_listed() -> None:
    """The text tells the first."""
    verdict = judged(SCORES, exposures={"control": 1000, "b": 1300}, several_arms=100).verdict
    assert verdict.reasons == ("srm_mismatch", "several_arms", "response_rates_differ")
    assert "SRM" in verdict.text["en"]


def test_of_several_winners_the_better_one_ships() -> None:
    """The largest estimate in the direction that is wanted."""
    verdict = judged(proportion((1000, 400), (1000, 500), (1000, 550), (1000, 520))).verdict
    assert (verdict.action, verdict.winner) == ("ship", "c")
    verdict = judged(proportion((1000, 600), (1000, 500), (1000, 450), (1000, 480), direction="decrease")).verdict
    assert (verdict.action, verdict.winner) == ("ship", "c")


def test_the_first_primary_metric_chooses_among_winners() -> None:
    """Also where it is not the one that an arm is better by: b is better by the second, c by both."""
    first = proportion((1000, 400), (1000, 410), (1000, 500))
    second = mean((1000, 5, 4), (1000, 9, 4), (1000, 6, 4))
    assert judged(first, second).verdict.winner == "c"
    verdict = judged(second, first).verdict
    assert verdict.winner == "b"
    assert verdict.rests_on is not None
    assert (verdict.rests_on.metric, verdict.rests_on.treatment) == ("handle_time", "b")
    reversed_arms = proportion((1000, 400), (1000, 500), (1000, 410)), mean((1000, 5, 4), (1000, 6, 4), (1000, 9, 4))
    verdict = judged(*reversed_arms).verdict
    assert verdict.winner == "b"


def test_a_first_primary_metric_without_data_in_an_arm_counts_as_no_gain() -> None:
    """Against an arm with one."""
    first = proportion((1000, 400), None, (1000, 410))
    verdict = judged(first, mean((1000, 5, 4), (1000, 9, 4), (1000, 6, 4))).verdict
    assert (verdict.action, verdict.winner) == ("ship", "c")


def test_a_harmed_arm_does_not_stop_another_one() -> None:
    """The harmed one is left out."""
    verdict = judged(proportion((1000, 400), (1000, 300), (1000, 500))).verdict
    assert (verdict.action, verdict.winner) == ("ship", "c")
    verdict = judged(proportion((1000, 400), (1000, 300), (1000, 410))).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("no_difference", "primary_worse"))
    assert verdict.rests_on is not None
    assert verdict.rests_on.treatment == "c"


def test_the_harm_of_other_arms_is_told_by_the_reasons() -> None:
    """Of every kind, while an arm is left that does none."""
    guardrail = {"name": "g", "role": "guardrail", "direction": "decrease", "margin": 0.5}
    arms = (1000, 5, 4), (1000, 6, 4), (1000, 5, 4), (1000, 5, 4)
    metrics = proportion((1000, 400), (1000, 410), (1000, 300), (1000, 410)), mean(*arms, **guardrail)
    verdict = judged(*metrics).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("no_difference", "guardrail_breached", "primary_worse"))
    exposures = dict.fromkeys(("control", "b", "c", "d"), 1000)
    running = judged(*metrics, exposures=exposures, sequential={"planned_n": 8000}, daily_units=100).verdict
    assert (running.action, running.days_left) == ("keep_running", 40)
    assert running.reasons == ("no_difference", "guardrail_breached", "primary_worse", "before_planned_end")
    far = judged(*metrics, exposures=exposures, sequential={"planned_n": 8000}, daily_units=1).verdict
    assert far.reasons == ("unreachable", "no_difference", "guardrail_breached", "primary_worse")


def test_a_winner_does_not_depend_on_units() -> None:
    """Seconds or hours: arm b is better in the first metric, arm c in the second."""
    first = proportion((1000, 400), (1000, 520), (1000, 401))

    def winner(scale: float) -> str | None:
        second = [(1000, 5 * scale, 4 * scale**2), (1000, 5 * scale, 4 * scale**2), (1000, 6 * scale, 4 * scale**2)]
        return judged(first, mean(*second)).verdict.winner

    assert winner(1) == winner(1 / 3600)


def test_all_arms_harmed_stop() -> None:
    """Every kind of harm is listed."""
    metrics = (
        proportion((1000, 400), (1000, 300), (1000, 410)),
        mean((1000, 5, 4), (1000, 5, 4), (1000, 6, 4), name="g", role="guardrail", direction="decrease", margin=0.5),
    )
    verdict = judged(*metrics).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("guardrail_breached", "primary_worse"))
    assert "b is worse; deflection falls" in verdict.text["en"]


def test_what_never_varies_stops() -> None:
    """Waiting would not give it a result; a running test may still see it vary."""
    stuck = mean((100, 10, 0), (100, 26, 0))
    verdict = judged(stuck).verdict
    assert (verdict.action, verdict.reasons) == ("stop", ("no_result",))
    assert verdict.text["es"].endswith("la métrica principal no se puede comparar, porque nada varía en ella.")
    assert judged(stuck, **HALF_IN).verdict.action == "keep_running"


def test_every_reason_is_reached() -> None:
    """`REASONS` lists exactly the codes a verdict may hold."""
    exposures = {"control": 1000, "b": 1300}
    verdicts = [
        judged(BETTER, HARMLESS).verdict,
        judged(BETTER, HARMFUL).verdict,
        judged(BETTER, UNSURE, **HALF_IN).verdict,
        judged(WORSE).verdict,
        judged(SAME, **HALF_IN, daily_units=5).verdict,
        judged(BETTER | {"role": "secondary"}).verdict,
        judged(proportion((10, 4), None)).verdict,
        judged(SCORES, exposures=exposures, several_arms=100).verdict,
        judged(mean(heavy(5, skewness=0), heavy(5.8, skewness=-20))).verdict,
        judged(mean((100, 10, 0), (100, 26, 0))).verdict,
    ]
    assert {reason for verdict in verdicts for reason in verdict.reasons} == set(REASONS)
    assert {verdict.action for verdict in verdicts} == {"ship", "stop", "keep_running", "do_not_trust"}
