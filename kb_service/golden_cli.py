"""`kb golden ...`: keep questions whose right answer is known, and see what the index makes of them."""

import json
from pathlib import Path

import click
from rich.markup import escape

from kb_service.command import LOCALE, as_json, errors, ready_index, with_parts
from kb_service.errors import NotFound
from kb_service.output import show_golden_questions, show_standing
from kb_service.parts import Parts

AUTHOR = "kb golden"


@click.group()
def golden() -> None:
    """Look after golden questions: those whose right answer is known."""


@golden.command()
@click.argument("query")
@click.option("--entry", help="Key of the FAQ that must answer.")
@click.option("--nothing", is_flag=True, help="Nothing in the base answers it.")
@click.option("--locale", type=LOCALE, help="The customer's locale; recognised from the text if absent.")
@click.option("--note", help="A word on why this question is kept.")
@as_json
@with_parts
def add(
    found: Parts, query: str, entry: str | None, nothing: bool, locale: str | None, note: str | None, json_output: bool
) -> None:
    """Keep QUERY and the entry that must answer it; kept already, it takes the new expectation."""
    if (entry is not None) == nothing:
        raise click.UsageError("say what is right: either --entry KEY or --nothing")
    chosen = locale or found.questions.locale_of(query)
    question, what = found.golden_keeping.add(query, chosen, entry, AUTHOR, note)
    if json_output:
        click.echo(json.dumps({"id": question.id, "outcome": what}))
        return
    click.echo(f"{what}: golden question {question.id} ({question.locale}) expects {question.expected or 'nothing'}")


@golden.command()
@click.argument("question_id", metavar="ID", type=click.IntRange(1, 2**62))
@with_parts
def remove(found: Parts, question_id: int) -> None:
    """Forget the golden question with this number (see `kb golden list`)."""
    if not found.golden_keeping.remove(question_id):
        raise NotFound(f"there is no golden question {question_id}")
    click.echo(f"golden question {question_id} is removed")


@golden.command("list")
@click.option("--entry", help="Only those that this FAQ must answer.")
@as_json
@with_parts
def list_(found: Parts, entry: str | None, json_output: bool) -> None:
    """List golden questions, newest first."""
    show_golden_questions(found.golden.all(entry), json_output=json_output)


@golden.command("import")
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@with_parts
def import_(found: Parts, path: Path, json_output: bool) -> None:
    """Keep every labelled question in FILE, as `kb evaluate` reads it: all of it, or nothing if a line is wrong."""
    kept = found.golden_keeping.import_file(path, AUTHOR)
    for name in kept.unknown_entries:
        errors.print(f"warning: the base has no faq {escape(repr(name))}; its questions cannot be right yet")
    counts = kept.counts()
    click.echo(json.dumps(counts) if json_output else ", ".join(f"{number} {name}" for name, number in counts.items()))


@golden.command()
@as_json
@with_parts
def check(found: Parts, json_output: bool) -> None:
    """Say what the index makes of the golden questions, and name those that are not right."""
    if found.golden.count():
        ready_index(found)
    standing = found.golden.standing() if found.golden.count() else None
    show_standing(standing, found.golden.last_check(), json_output=json_output)
