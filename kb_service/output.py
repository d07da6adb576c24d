"""What commands print: tables for people, JSON for programs."""

import json
import sys
from dataclasses import asdict
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from indexer.snapshot import Snapshot
from kb_service.services.consider_question import Considered
from kb_service.services.evaluate_questions import Evaluation
from kb_service.services.import_content import ImportPlan

_SHOWN_REJECTIONS = 20
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


def show_plan(plan: ImportPlan, *, dry_run: bool, json_output: bool) -> None:
    """What an import did, or would have done, with every rejected line and its reason."""
    applied = not dry_run and not plan.rejected
    if json_output:
        _json(
            plan.counts()
            | {"applied": applied, "dry_run": dry_run, "rejections": [asdict(row) for row in plan.rejected]}
        )
        return
    for row in plan.rejected[:_SHOWN_REJECTIONS]:
        click.echo(f"line {row.line}: {row.reason}")
    if len(plan.rejected) > _SHOWN_REJECTIONS:
        click.echo(f"... and {len(plan.rejected) - _SHOWN_REJECTIONS} more lines")
    counts = ", ".join(f"{number} {name}" for name, number in plan.counts().items())
    click.echo(f"{'' if applied else 'nothing imported; would be: '}{counts}")


def show_index(snapshot: Snapshot, behind: int, problem: str | None, *, json_output: bool) -> None:
    """The index in use, how far it is behind the change log, and what its confidence rests on."""
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
        "confidence": snapshot.confidence_model.describe(),
        "thresholds": asdict(snapshot.confidence_model.thresholds),
        "problem": problem,
    }
    if json_output:
        _json(facts)
        return
    for name, value in facts.items():
        click.echo(f"{name.replace('_', ' '):17} {value}")


def show_decision(considered: Considered, *, json_output: bool) -> None:
    """The decision on a question, and the candidates it was taken from."""
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
        "confidence_basis": considered.confidence_basis,
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
