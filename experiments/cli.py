"""`python -m experiments analyze | plan | simulate`: JSON in, JSON out, tables for a person at a terminal."""

import json
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, TypeVar

import click

from experiments import terminal
from experiments.analysis import analyze
from experiments.errors import ExperimentError, InvalidInput
from experiments.planning import plan
from experiments.sentences import LANGUAGES
from experiments.simulation import simulate


class _Result(Protocol):
    def to_dict(self) -> dict[str, Any]: ...


_R = TypeVar("_R", bound=_Result)
_Source = click.argument("source", metavar="FILE", type=click.File("rb"))
_AsJson = click.option("--json", "as_json", is_flag=True, help="JSON also at a terminal.")
_Language = click.option(
    "--lang", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of the sentence on top."
)


class _WrongInput(click.ClickException):
    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Statistics of experiments. FILE is a JSON document (docs/integrator/experiments.md), - is standard input."""


@main.command("analyze")
@_Source
@_AsJson
@_Language
def _analyze(source: BinaryIO, as_json: bool, lang: str) -> None:
    """Analyse a test: every metric, the split, and one verdict."""
    _answer(source, analyze, as_json, lambda report: terminal.show_report(report, lang))


@main.command("plan")
@_Source
@_AsJson
@_Language
def _plan(source: BinaryIO, as_json: bool, lang: str) -> None:
    """Size a test: units, days, and the least effect it can find."""
    _answer(source, plan, as_json, lambda found: terminal.show_plan(found, lang))


@main.command("simulate")
@_Source
@_AsJson
def _simulate(source: BinaryIO, as_json: bool) -> None:
    """Draw a test many times: how often a difference is declared, and how often intervals hold the truth."""
    _answer(source, simulate, as_json, terminal.show_rates)


def _answer(source: BinaryIO, answer: Callable[[Any], _R], as_json: bool, show: Callable[[_R], None]) -> None:
    """Prints the answer; wrong input is one line on standard error and exit code 2."""
    try:
        result = answer(_document(source))
    except ExperimentError as error:
        raise _WrongInput(str(error)) from error
    if as_json or not sys.stdout.isatty():
        is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
        click.echo(json.dumps(result.to_dict(), ensure_ascii=not is_unicode, allow_nan=False, indent=2))
    else:
        show(result)


def _document(source: BinaryIO) -> Any:
    """The parsed document. A name that stands twice in an object is refused: one of its values would be lost."""
    try:
        return json.loads(source.read().decode("utf-8-sig"), object_pairs_hook=_without_repeats)
    except RecursionError as error:
        raise InvalidInput("", "is nested too deeply") from error
    except ValueError as error:
        raise InvalidInput("", f"is not JSON: {error}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidInput(name, "stands twice in one object")
        found[name] = value
    return found
