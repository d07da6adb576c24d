"""`kb tune`: adapt the encoder to the base where that is better, or undo it."""

import json
import math

import click

from indexer.tuning import Difference, Gain
from kb_service.command import as_json, embedding_progress, errors, showing_progress, with_parts
from kb_service.output import show_golden_warning
from kb_service.parts import Parts
from kb_service.services.tune_encoder import TuningReport

# Measured on two cores.
_SECONDS, _SECONDS_PER_PHRASING = 10.0, 0.02
_OUTCOMES = {
    "adopted": "tuned: index {version} is better",
    "better": "better, and nothing is changed: this was a dry run",
    "not_better": "not better: nothing is changed",
    "too_few_questions": "nothing is changed: {reason}",
    "undone": "undone: index {version} has the encoder's own vectors",
    "not_tuned": "nothing is changed: the encoder is not tuned",
}


@click.command()
@click.option("--undo", is_flag=True, help="Go back to the encoder alone.")
@click.option("--dry-run", is_flag=True, help="Only learn and compare.")
@as_json
@with_parts
def tune(found: Parts, undo: bool, dry_run: bool, json_output: bool) -> None:
    """Learn from the base's own phrasings what makes questions alike; adopt it if held-out questions gain."""
    if undo and dry_run:
        raise click.UsageError("--undo tries nothing out; leave out --dry-run")
    with embedding_progress() as report:
        phrasings = found.sync.up_to_date(report).manifest.phrasings
    if not undo:
        minutes = math.ceil((_SECONDS + _SECONDS_PER_PHRASING * phrasings) / 60)
        errors.print(f"{phrasings} phrasings: up to {minutes} min; until it is done nothing changes, Ctrl-C stops it")
    with showing_progress("fitting" if undo else "tuning") as report:
        done = found.tuning.undo(report) if undo else found.tuning.tune(dry_run=dry_run, on_progress=report)
    if json_output:
        click.echo(json.dumps(done.facts(), ensure_ascii=False))
        return
    _show(done)
    if done.tuning and done.golden:
        click.echo("golden questions were learned from: what they get now says nothing of new ones")
    show_golden_warning(done.golden)


def _show(done: TuningReport) -> None:
    click.echo(_OUTCOMES[done.outcome].format(version=done.version, reason=done.reason))
    if done.tuning:
        click.echo(f"learned from {done.tuning.phrasings} phrasings and {done.tuning.confirmed} confirmed questions")
        for line in _gain_lines(done.tuning.gain):
            click.echo(f"  {line}")
    if done.outcome == "not_better" and done.earlier:
        click.echo("the index stays tuned as it was; `kb tune --undo` goes back to the encoder alone")


def _gain_lines(gain: Gain) -> list[str]:
    """What held-out questions got without and with it."""
    return [
        f"on {gain.questions} questions held out, without -> with it (95 % interval of the difference):",
        f"right entry first       {_difference(gain.hit_at_1)}",
        f"answered automatically  {_difference(gain.coverage)}",
    ]


def _difference(found: Difference) -> str:
    return f"{found.before:.1%} -> {found.after:.1%} ({100 * found.low:+.1f} to {100 * found.high:+.1f} points)"
