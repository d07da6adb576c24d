"""One verdict a curator can act on, from the very numbers that the report shows."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.reading import Test
from experiments.report import ComparisonResult, MetricResult, RestsOn, SampleRatioResult, Verdict
from experiments.sentences import DAYS_A_MONTH, Change, advise

REASONS = {
    "srm_mismatch": "the units' split over the arms is not the allotted one",
    "several_arms": "too many units saw more than one arm",
    "response_rates_differ": "the arms changed who answered the survey that is a primary metric",
    "not_normal": "a primary metric is so skewed that an interval that allows for it tells another story",
    "primary_better": "a primary metric improved, and none got worse",
    "guardrails_pass": "every guardrail is shown to be no worse than its margin",
    "primary_worse": "a primary metric got worse",
    "guardrail_breached": "a guardrail is proven to be worse, and by more than its margin as far as one can tell",
    "guardrail_not_shown": "a guardrail is not shown to be no worse than its margin",
    "no_difference": "no primary metric is shown to differ",
    "no_primary": "there is no primary metric",
    "no_data": "an arm has no data for a primary metric yet",
    "no_result": "a primary metric cannot be compared: nothing varies, or it is 0 over 0",
    "before_planned_end": "the planned sample is not in yet",
    "unreachable": "at today's traffic the rest of the planned sample would take more than half a year",
}
"""Every code of a verdict's `reasons`, and what it means."""

_MOST_SEVERAL_ARMS = 0.01
_FOR_GOOD = ("no_variance", "denominator_is_zero", "too_large")  # more units of the kind change nothing
_MOST_DAYS = 180


@dataclass(frozen=True, slots=True)
class _Row:
    """A metric's comparison with one treatment."""

    metric: MetricResult
    result: ComparisonResult

    @property
    def gain(self) -> float:
        """How far the estimate lies on the good side, in the metric's unit; 0 where there is none."""
        if self.result.absolute.estimate is None:
            return 0.0
        null = 0.5 if self.metric.type == "ordinal" else 0.0
        return (self.result.absolute.estimate - null) * (1 if self.metric.direction == "increase" else -1)

    def is_shown(self, alpha: float) -> bool:
        """Whether the metric is shown to differ."""
        return self.result.adjusted_p_value is not None and self.result.adjusted_p_value <= alpha

    def change(self, alpha: float) -> Change:
        """What the verdict quotes: the adjusted interval, or a guardrail's, whose level is 1 - 2 alpha."""
        guardrail = self.result.guardrail
        return Change(
            metric=self.metric.name,
            type=self.metric.type,
            arm=self.result.treatment,
            estimate=self.result.absolute.estimate,
            ci=guardrail.ci if guardrail else self.result.adjusted_ci,
            level=1 - (2 if guardrail else 1) * alpha,
            margin=guardrail.margin if guardrail else None,
        )


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What the metrics say of one treatment: primaries shown to be better or worse, guardrails that fail."""

    treatment: str
    primaries: tuple[_Row, ...]
    guardrails: tuple[_Row, ...]
    alpha: float

    @property
    def better(self) -> tuple[_Row, ...]:
        """Primaries shown to be better."""
        return tuple(row for row in self.primaries if row.is_shown(self.alpha) and row.gain > 0)

    @property
    def harmed(self) -> tuple[_Row, ...]:
        """Primaries shown to be worse, and guardrails that are breached."""
        worse = tuple(row for row in self.primaries if row.is_shown(self.alpha) and row.gain < 0)
        return worse + tuple(row for row in self.guardrails if row.result.guardrail and row.result.guardrail.breached)

    @property
    def not_shown(self) -> tuple[_Row, ...]:
        """Guardrails not shown to be within their margin."""
        return tuple(row for row in self.guardrails if row.result.guardrail and not row.result.guardrail.passes)


def decide(test: Test, metrics: Sequence[MetricResult], split: SampleRatioResult) -> Verdict:
    """The verdict. It quotes the adjusted interval, or the guardrail's, that its decision was made by.

    Of several arms to ship, the one that does best on the first primary metric wins.
    """
    candidates = [_candidate(metrics, i, arm, test.alpha) for i, arm in enumerate(test.treatments)]
    distrust = _distrust(test, candidates, split)
    if distrust:
        return _do_not_trust(test, distrust)
    winners = [one for one in candidates if one.better and not one.harmed and not one.not_shown]
    if winners:
        return _ship(max(winners, key=lambda one: one.primaries[0].gain))
    if all(one.harmed for one in candidates):
        return _harmed(test, candidates)
    return _inconclusive(test, candidates)


def _candidate(metrics: Sequence[MetricResult], i: int, treatment: str, alpha: float) -> _Candidate:
    rows = [_Row(metric, metric.comparisons[i]) for metric in metrics]
    primaries = tuple(row for row in rows if row.metric.role == "primary")
    return _Candidate(treatment, primaries, tuple(row for row in rows if row.metric.role == "guardrail"), alpha)


def _distrust(test: Test, candidates: Sequence[_Candidate], split: SampleRatioResult) -> list[str]:
    """Why nothing in the report can be trusted, if so."""
    results = [row.result for one in candidates for row in one.primaries]
    is_wrong = {
        "srm_mismatch": split.mismatch,
        "several_arms": test.several_arms > _MOST_SEVERAL_ARMS * (test.units + test.several_arms),
        "response_rates_differ": any(one.survey and not one.survey.honest for one in results),
        "not_normal": any(one.normality and one.normality.agrees is False for one in results),
    }
    return [code for code, wrong in is_wrong.items() if wrong]


def _do_not_trust(test: Test, reasons: list[str]) -> Verdict:
    exposures = ", ".join(f"{arm} {n}" for arm, n in (test.exposures or {}).items() if test.weights[arm] > 0)
    text = advise("do_not_trust", reasons[0], exposures=exposures, units=test.several_arms)
    return Verdict("do_not_trust", None, None, tuple(reasons), None, text)


def _ship(winner: _Candidate) -> Verdict:
    best = winner.better[0]
    guardrails = [row.metric.name for row in winner.guardrails]
    reasons = ("primary_better", "guardrails_pass") if guardrails else ("primary_better",)
    text = advise("ship", reasons[-1], change=best.change(winner.alpha), names=guardrails)
    return Verdict("ship", winner.treatment, None, reasons, _rests_on(best), text)


def _harmed(test: Test, candidates: Sequence[_Candidate]) -> Verdict:
    """Every arm does harm; the first one's is told."""
    worst = candidates[0].harmed[0]
    text = advise("stop", _harm(worst), change=worst.change(test.alpha), control=test.control)
    return Verdict("stop", None, None, _harms(candidates), _rests_on(worst), text)


def _harm(row: _Row) -> str:
    return "guardrail_breached" if row.result.guardrail else "primary_worse"


def _harms(candidates: Sequence[_Candidate]) -> tuple[str, ...]:
    return tuple(sorted({_harm(row) for one in candidates for row in one.harmed}))


def _inconclusive(test: Test, candidates: Sequence[_Candidate]) -> Verdict:
    """Nothing to ship, and an arm that is not shown to do harm."""
    because, row = _open_question([one for one in candidates if not one.harmed])
    change = row.change(test.alpha) if row else None
    rests_on = _rests_on(row) if row else None
    reasons = (because, *_harms(candidates))
    days = _days_left(test)
    if days is not None and days > _MOST_DAYS:
        weekly = 7 * (test.daily_units or 0)
        text = advise("stop", "unreachable", control=test.control, weekly=weekly, months=days / DAYS_A_MONTH)
        return Verdict("stop", None, days, ("unreachable", *reasons), rests_on, text)
    if not test.is_complete:
        told = "before_planned_end" if because == "no_difference" else because
        advice = "keep_running" if days is None or because == "no_primary" else "keep_running_days"
        text = advise(advice, told, change=change, days=days, percent=math.floor(100 * test.fraction))
        return Verdict("keep_running", None, days, (*reasons, "before_planned_end"), rests_on, text)
    if because == "no_data" and test.monitoring is None:
        return Verdict("keep_running", None, None, reasons, rests_on, advise("keep_running", "no_data"))
    told = "no_data_at_the_end" if because == "no_data" else because
    return Verdict("stop", None, None, reasons, rests_on, advise("stop", told, change=change, control=test.control))


def _open_question(candidates: Sequence[_Candidate]) -> tuple[str, _Row | None]:
    """Why no arm can be shipped, and the comparison that says so: of primary metrics the one that comes nearest."""
    waiting = [one for one in candidates if one.better]
    if waiting:
        return "guardrail_not_shown", waiting[0].not_shown[0]
    primaries = [row for one in candidates for row in one.primaries]
    if not primaries:
        return "no_primary", None
    known = [row for row in primaries if row.result.p_value is not None]
    if not known:
        return ("no_result" if primaries[0].result.absolute.why in _FOR_GOOD else "no_data"), primaries[0]
    return "no_difference", min(known, key=lambda row: row.result.p_value or 0)


def _days_left(test: Test) -> int | None:
    """Days until the planned sample is in, at the daily traffic that was given; None once it is."""
    if test.monitoring is None or test.daily_units is None or test.is_complete:
        return None
    return math.ceil((test.monitoring.planned_n - test.units) / test.daily_units)


def _rests_on(row: _Row) -> RestsOn:
    result = row.result
    if result.guardrail:
        return RestsOn(row.metric.name, result.treatment, "guardrail", result.guardrail.ci, result.guardrail.p_value)
    return RestsOn(row.metric.name, result.treatment, "adjusted", result.adjusted_ci, result.adjusted_p_value)
