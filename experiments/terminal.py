"""Reports, plans and rates as tables for a person at a terminal."""

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from experiments.planning import Plan
from experiments.report import WHY, Ci, ComparisonResult, MetricResult, Report
from experiments.simulation import Rates

_NOTHING = "–"


def show_report(report: Report, language: str) -> None:
    """The verdict first, then what it rests on."""
    console = Console(highlight=False)
    console.print(f"[bold]{escape(report.verdict.text[language])}[/bold]")
    console.print(f"reasons: {', '.join(report.verdict.reasons)}")
    console.print(_metrics(report))
    console.print(f"split (SRM): {_split(report)}")
    for line in _notes(report):
        console.print(escape(line))


def show_plan(plan: Plan, language: str) -> None:
    """Whether the test is worth starting, what each metric needs, and what shows after some weeks."""
    console = Console(highlight=False)
    console.print(f"[bold]{escape(plan.text[language])}[/bold]")
    if plan.needs:
        table = _table("metric", "units", "two-sided level", "power")
        for need in plan.needs:
            table.add_row(escape(need.metric), _count(need.units), f"{need.alpha:.4g}", f"{need.power:.1%}")
        console.print(table)
    if plan.detectable:
        table = _table("weeks", "units", "least effect", "relative")
        for row in plan.detectable:
            table.add_row(str(row.weeks), _count(row.units), _number(row.absolute), _percent(row.relative))
        console.print(table)


def show_rates(rates: Rates) -> None:
    """What was declared and covered."""
    table = _table("of the drawn tests", "share")
    table.add_row(f"a difference was declared (± {rates.standard_error:.2%})", f"{rates.declared:.2%}")
    if rates.planned_power is not None:
        table.add_row("… as planned", f"{rates.planned_power:.2%}")
    table.add_row("the interval held the truth", f"{rates.covered:.2%}")
    if rates.relative_covered is not None:
        table.add_row("… that of the relative difference", f"{rates.relative_covered:.2%}")
    table.add_row("declared if fixed-sample results are believed at any look", f"{rates.peeking:.2%}")
    Console().print(table)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right", overflow="fold", no_wrap=i > 1)
    return table


def _metrics(report: Report) -> Table:
    table = _table("metric", "arm", "change", "interval", "relative", "p", "status")
    for metric in report.metrics:
        for one in metric.comparisons:
            table.add_row(escape(metric.name), escape(one.treatment), *_cells(metric, one))
    return table


def _cells(metric: MetricResult, one: ComparisonResult) -> Iterable[str]:
    """Interval and p-value as the decision was made by: adjusted, or the guardrail's own; a guardrail's state."""
    guardrail = one.guardrail
    if guardrail is None:
        ci, p_value, status = one.adjusted_ci, one.adjusted_p_value, metric.role
    else:
        passes = {True: "passes", False: "not shown", None: "unknown"}[guardrail.passes]
        ci, p_value, status = guardrail.ci, guardrail.p_value, "breached" if guardrail.breached else passes
    estimate, relative = _number(one.absolute.estimate), _percent(one.relative.estimate)
    return estimate, _interval(ci), relative, _p_value(p_value), status


def _split(report: Report) -> str:
    if report.srm.p_value is None:
        return WHY[report.srm.why or "no_exposures"]
    return f"p = {_p_value(report.srm.p_value)}" + (", MISMATCH" if report.srm.mismatch else "")


def _notes(report: Report) -> Iterable[str]:
    """What the table has no room for."""
    level = 1 - report.alpha
    yield f"interval and p are adjusted, level {level:.6g}; of guardrails they are not, level {2 * level - 1:.6g}"
    if report.several_arms:
        yield f"{report.several_arms} units saw several arms and are left out"
    if report.holdout:
        avoided = report.holdout.avoided_per_1000
        told = f"{_number(avoided.estimate)} {_interval(avoided.ci)}"
        yield f"automatic replies avoid {told} contacts per 1,000 messages"
    for metric in report.metrics:
        for one in metric.comparisons:
            yield from _remarks(metric, one)
            yield from _segments(metric, one)


def _remarks(metric: MetricResult, one: ComparisonResult) -> Iterable[str]:
    """Why there is no result, who answered, what a covariate took off, and skewness."""
    name = f"{metric.name}, {one.treatment}"
    if one.absolute.why:
        yield f"{name}: no result, because {WHY[one.absolute.why]}"
    if one.survey:
        rates = f"{_percent(one.survey.control_rate)} and {_percent(one.survey.treatment_rate)}"
        yield f"{name}: {rates} answered" + (
            f"; the comparison lies in {_interval(one.survey.bounds)}" * (not one.survey.honest)
        )
    if one.covariate:
        yield f"{name}: the covariate takes off {_percent(one.covariate.reduction)} of the variance"
    if one.normality and one.normality.ci:
        yield f"{name}: skewed; allowing for that the interval is {_interval(one.normality.ci)}"


def _segments(metric: MetricResult, one: ComparisonResult) -> Iterable[str]:
    for dimension in one.dimensions:
        for row in dimension.segments:
            if row.called_out:
                told = f"{_number(row.shrunk.estimate)} {_interval(row.shrunk.ci)}"
                yield f"{metric.name}, {one.treatment}: differs in {dimension.dimension} {row.segment}: {told}"


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3g}"


def _count(value: int | None) -> str:
    return _NOTHING if value is None else f"{value:,}"


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1%}"


def _interval(ci: Ci | None) -> str:
    return _NOTHING if ci is None else f"{ci[0]:.3g} … {ci[1]:.3g}"


def _p_value(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3g}"
