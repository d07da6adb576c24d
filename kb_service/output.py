"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from indexer.evaluation import Judged
from indexer.regression import GRADES
from indexer.snapshot import Snapshot
from indexer.tuning import Tuning
from kb_service.output_explained import promise_lines, reliability_table, show_explanation
from kb_service.services.check_golden_questions import GoldenComparison, measures, question_facts, result_facts
from kb_service.services.consider_question import Considered
from kb_service.services.evaluate_questions import Evaluation
from kb_service.services.import_content import ImportPlan
from kb_service.services.read_golden_questions import GoldenRow, GoldenStanding
from kb_service.services.read_promise import read_promise
from kb_service.storage.records import GoldenCheck, GoldenQuestion

_SHOWN_REJECTIONS = 20
_SHOWN_QUESTIONS = 20
_SHOWN_ROWS = 50
_NO_QUESTIONS = (
    "there are no golden questions yet: keep one with `kb golden add`, or many labelled ones with `kb golden import`"
)
_METRICS = (
    "n",
    "hit_at_1",
    "hit_at_3",
    "mrr",
    "oos_auroc",
    "coverage_at_95",
    "coverage",
    "precision",
    "ece",
    "threshold",
)
_LOOKS = {"answer": "green", "suggest": "yellow", "handoff": "red"}


def show_plan(
    plan: ImportPlan, golden: GoldenComparison | None, *, applied: bool, dry_run: bool, json_output: bool
) -> None:
    """What an import did, or would have done: rejected lines with their reasons, golden questions that change."""
    if json_output:
        rejections = [asdict(row) for row in plan.rejected]
        more = {"applied": applied, "dry_run": dry_run, "rejections": rejections}
        _json(plan.counts() | more | {"golden": golden.facts() if golden else None})
        return
    for row in plan.rejected[:_SHOWN_REJECTIONS]:
        click.echo(f"line {row.line}: {row.reason}")
    if len(plan.rejected) > _SHOWN_REJECTIONS:
        click.echo(f"... and {len(plan.rejected) - _SHOWN_REJECTIONS} more lines")
    counts = ", ".join(f"{number} {name}" for name, number in plan.counts().items())
    click.echo(f"{'' if applied else 'nothing imported; would be: '}{counts}")
    if golden:
        _show_comparison(golden)


def show_golden_warning(golden: GoldenComparison | None) -> None:
    """Golden questions that a new index made worse, if any."""
    if golden and golden.worse:
        _show_comparison(golden)


def show_golden_questions(questions: Sequence[GoldenQuestion], *, json_output: bool) -> None:
    """A list of golden questions."""
    if json_output:
        times = [{"added_by": q.added_by, "added_at": q.added_at.isoformat()} for q in questions]
        _json([question_facts(q) | more for q, more in zip(questions, times, strict=True)])
        return
    if not questions:
        click.echo(_NO_QUESTIONS)
        return
    table = Table("id", "question", "locale", "entry", "note", "added")
    for q in questions:
        added = f"{q.added_at:%Y-%m-%d} {q.added_by}"
        table.add_row(str(q.id), *map(escape, (q.query, q.locale, _expected(q), q.note or "", added)))
    _console().print(table)


def show_standing(standing: GoldenStanding | None, last: GoldenCheck | None, *, json_output: bool) -> None:
    """How the golden questions stand now, those that are not right by name, and what the last publication did."""
    if json_output:
        _json(_standing_facts(standing, last))
        return
    if standing is None:
        click.echo(_NO_QUESTIONS)
        return
    console, total = _console(), len(standing.rows)
    grades = ", ".join(f"{standing.grades.get(name, 0)} {name}" for name in reversed(GRADES))
    console.print(f"{total} golden questions on index {standing.index_version}: {grades}", markup=False)
    console.print(", ".join(f"{name} {_number(value)}" for name, value in measures(standing.measured).items()))
    if last and last.worse:
        console.print(
            f"with index {last.index_version} of {last.checked_at:%Y-%m-%d %H:%M} UTC, {last.worse} got worse"
        )
    failing = [row for row in standing.rows if row.grade != "right"]
    if failing:
        table = Table("result", "question", "expected", "comes first", "decision", "confidence")
        for row in sorted(failing, key=lambda row: GRADES.index(row.grade or "right"))[:_SHOWN_ROWS]:
            table.add_row(*map(escape, _row_cells(row)))
        console.print(table)
        if len(failing) > _SHOWN_ROWS:
            console.print(f"... and {len(failing) - _SHOWN_ROWS} more; --json has all")


def _row_cells(row: GoldenRow) -> list[str]:
    facts = result_facts(row.result) if row.result else {}
    asked = f"{row.question.query}\n{row.question.locale}, id {row.question.id}"
    confidence = f"{facts['confidence']:.3f}"
    return [facts["grade"], asked, _expected(row.question), facts["first"] or "-", facts["decision"], confidence]


def _standing_facts(standing: GoldenStanding | None, last: GoldenCheck | None) -> dict[str, Any]:
    report = (
        last.report | {"index_version": last.index_version, "checked_at": last.checked_at.isoformat()} if last else None
    )
    if standing is None:
        return {"questions": 0, "results": [], "last_publication": report}
    results = [question_facts(row.question) | result_facts(row.result) for row in standing.rows if row.result]
    return {
        "index_version": standing.index_version,
        "questions": len(results),
        **measures(standing.measured),
        "grades": {name: standing.grades.get(name, 0) for name in GRADES},
        "results": results,
        "last_publication": report,
    }


def _show_comparison(golden: GoldenComparison) -> None:
    """The numbers before and after, and the questions that change, in lines that any width can hold."""
    before = measures(golden.before) if golden.before else {}
    after = measures(golden.after).items()
    changes = ", ".join(
        f"{name} {_number(before[name])} -> {_number(now)}" if before else f"{name} {_number(now)}"
        for name, now in after
    )
    worse, better = len(golden.worse), len(golden.better)
    click.echo(f"golden questions: {worse} of {golden.questions} worse, {better} better; {changes}")
    if golden.fell:
        click.echo(f"  {' and '.join(golden.fell)} fell")
    for name, shifts in (("worse", golden.worse), ("better", golden.better)):
        for shift in shifts[:_SHOWN_QUESTIONS]:
            asked = f'"{shift.question.query}" ({shift.question.locale}, expects {_expected(shift.question)})'
            click.echo(f"  {name}: {asked}: was {_brief(shift.before)}, now {_brief(shift.after)}")
        if len(shifts) > _SHOWN_QUESTIONS:
            click.echo(f"  ... and {len(shifts) - _SHOWN_QUESTIONS} more {name}")


def _brief(result: Judged) -> str:
    facts = result_facts(result)
    return f"{facts['grade']} ({facts['decision']}, {facts['first'] or 'no entry'} {facts['confidence']:.2f})"


def _expected(question: GoldenQuestion) -> str:
    return question.expected or "nothing"


def show_index(snapshot: Snapshot, behind: int, problem: str | None, *, is_fit_due: bool, json_output: bool) -> None:
    """The index in use, how far it is behind the change log, what it promises and on what evidence."""
    manifest = snapshot.manifest
    facts: dict[str, Any] = {
        "version": snapshot.version,
        "encoder": manifest.encoder,
        "encoder_revision": manifest.encoder_revision,
        "dimension": manifest.dimension,
        "entries": manifest.entries,
        "documents": manifest.documents,
        "phrasings": manifest.phrasings,
        "created_at": manifest.created_at,
        "highest_change": manifest.highest_change,
        "changes_behind": behind,
        "problem": problem,
        "fit_due": is_fit_due,
    }
    tuning = snapshot.parameters.tuning
    report = read_promise(snapshot)
    if json_output:
        tuned = tuning.to_dict() if tuning else None
        _json(facts | {"tuned": tuned, "confidence": report.model.describe()} | report.facts())
        return
    for name, value in (facts | {"tuned": _tuned(tuning)} | promise_lines(report)).items():
        click.echo(f"{name.replace('_', ' '):17} {value}")
    if table := reliability_table(report):
        _console().print(table)


def _tuned(tuning: Tuning | None) -> str:
    if tuning is None:
        return "no"
    gain = tuning.gain
    changes = (
        f"{name} {found.before:.1%} -> {found.after:.1%}"
        for name, found in (("right entry first", gain.hit_at_1), ("answered automatically", gain.coverage))
    )
    return f"{tuning.tuned_at}; on {gain.questions} questions held out then, {', '.join(changes)}"


def show_decision(considered: Considered, *, explained: bool, json_output: bool) -> None:
    """The decision on a question, the candidates it was taken from, and, `explained`, why and what would change it."""
    if json_output:
        _json(_decision_facts(considered))
        return
    decision, console = considered.decision, _console()
    looks = _LOOKS[decision.outcome]
    console.print(f"[bold {looks}]{decision.outcome}[/] ({decision.reason}), confidence {decision.confidence:.3f}")
    locale = considered.locale if considered.locale_given else f"{considered.locale} (recognised)"
    console.print(
        f"answers from {decision.thresholds.answer:.2f}, suggests from {decision.thresholds.suggest:.2f}; "
        f"locale {locale}; index {considered.index_version}"
    )
    if decision.outcome == "answer":
        document = considered.ranked[0].document
        console.print(f"\n{document.title}", style="bold", markup=False)
        console.print(f"{document.body}\n", markup=False)
    table = Table("confidence", "entry", "nearest phrasing", "signals and terms")
    for candidate in considered.ranked[:5]:
        signals = ", ".join(f"{name} {value:.2f}" for name, value in asdict(candidate.signals).items())
        terms = ", ".join(f"{term.term} {term.amount:.2f}" for term in candidate.terms[:4])
        entry = f"{candidate.entry}\n{candidate.locale}"
        table.add_row(f"{candidate.confidence:.3f}", entry, escape(candidate.phrasing), escape(f"{signals}\n{terms}"))
    console.print(table)
    if explained:
        show_explanation(console, considered)


def show_evaluation(evaluation: Evaluation, *, json_output: bool) -> None:
    """The metrics over all questions and per locale."""
    facts = evaluation.facts()
    if json_output:
        _json(facts)
        return
    columns = {"all": facts, **facts["locales"]}
    table = Table("", *columns)
    for metric in _METRICS:
        table.add_row(metric, *(_number(column[metric]) for column in columns.values()))
    _console().print(table)


def _decision_facts(considered: Considered) -> dict[str, Any]:
    decision = considered.decision
    return {
        "query": considered.query,
        "locale": considered.locale,
        "decision": decision.outcome,
        "reason": decision.reason,
        "confidence": decision.confidence,
        "thresholds": asdict(decision.thresholds),
        "index_version": considered.index_version,
        "confidence_basis": considered.parameters.confidence.describe(),
        "candidates": [
            {
                "entry": candidate.entry,
                "locale": candidate.locale,
                "revision": candidate.document.revision,
                "title": candidate.document.title,
                "confidence": candidate.confidence,
                "phrasing": candidate.phrasing,
                "signals": asdict(candidate.signals),
                "terms": [asdict(term) for term in candidate.terms],
            }
            for candidate in considered.ranked
        ],
        "explanation": asdict(considered.explanation) if considered.explanation else None,
    }


def _console() -> Console:
    """As wide as the terminal; where there is none, wide enough for whole lines."""
    width = None if sys.stdout.isatty() else 160
    return Console(highlight=False, emoji=False, width=width)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def _json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False))
