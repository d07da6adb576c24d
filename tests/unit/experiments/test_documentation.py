"""The reference of experiments names every field and code there is, and its examples run as they stand."""

import ast
import copy
import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from experiments import InvalidInput, analyze, metrics, plan, reading, reading_metric, reading_plan, simulation
from experiments.cli import main
from experiments.planning import Plan
from experiments.report import WHY, Report
from experiments.simulation import Rates, simulate
from experiments.verdict import REASONS

PAGE = Path(__file__).parents[3] / "docs" / "integrator" / "experiments.md"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS: Mapping[str, Callable[[Any], Any]] = {"analyze": analyze, "plan": plan, "simulate": simulate}
ANSWERS: Mapping[str, type] = {"analyze": Report, "plan": Plan, "simulate": Rates}
EXAMPLES = re.findall(
    r"<!-- (\w+) -->\n```json\n(.*?)```\n(?:\n<!-- part of the answer -->\n```json\n(.*?)```)?", TEXT, re.S
)
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.S)
PROSE = re.sub(r"```.*?```", "", TEXT, flags=re.S)
UNKNOWN = "no such field"


def section(command: str) -> str:
    """What the page says of one command."""
    (found,) = re.findall(rf"^## `{command}`\n(.*?)(?=^## )", PROSE, re.M | re.S)
    return str(found)


def undocumented(names: set[str], text: str) -> set[str]:
    """The names that stand nowhere in the text as code, alone or as the last part of a path."""
    return names - {name for code in re.findall(r"`([^`]+)`", text) for name in re.split(r"[^\w]+", code)}


def words(module: ModuleType) -> set[str]:
    """Every name that a module has in a set or tuple, passes to a function or looks up: what its readers know."""
    parts: list[ast.expr] = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.Set(elts=own) | ast.Tuple(elts=own) | ast.Call(args=own):
                parts += own
            case ast.Subscript(slice=key):
                parts.append(key)
    found = {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return {name for name in found if re.fullmatch(r"n|[a-z]\w+", name)}


def objects(document: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(document, dict):
        yield document
    for part in document.values() if isinstance(document, dict) else document if isinstance(document, list) else ():
        yield from objects(part)


def known(command: str, example: str) -> Iterator[set[str]]:
    """The names that each object of an example may have, as the refusal of another one tells."""
    for place in range(len(list(objects(json.loads(example))))):
        document = copy.deepcopy(json.loads(example))
        list(objects(document))[place][UNKNOWN] = 0
        try:
            COMMANDS[command](document)
        except InvalidInput as error:
            _, is_list, listed = error.reason.partition("known are ")
            if is_list:
                yield set(listed.split(", "))


def names(result: Any) -> set[str]:
    """The fields of a dataclass and of those within it."""
    if not is_dataclass(result):
        return {name for part in get_args(result) for name in names(part)}
    hints = get_type_hints(result)
    own = {field.name for field in fields(result)}
    return own | {name for field in own for name in names(hints[field])}


def assert_part(part: Any, whole: Any) -> None:
    """Fails unless all that `part` names is in `whole`; numbers to four digits."""
    if isinstance(part, dict):
        for name, value in part.items():
            assert_part(value, whole[name])
    elif isinstance(part, list):
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            assert_part(one, other)
    else:
        assert whole == (pytest.approx(part, rel=5e-4) if isinstance(part, float) else part)


@pytest.mark.parametrize(("command", "example", "answer"), EXAMPLES)
def test_every_json_example_gives_the_answer_it_shows(command: str, example: str, answer: str) -> None:
    """Or any answer, where none is shown."""
    found = COMMANDS[command](json.loads(example)).to_dict()
    if answer:
        assert_part(json.loads(answer), found)


def test_no_json_example_goes_untested() -> None:
    """Each names its command, or is part of the answer to the one before; every command has one."""
    assert TEXT.count("```json") == sum(1 + bool(answer) for _, _, answer in EXAMPLES)
    assert {command for command, _, _ in EXAMPLES} == set(COMMANDS) == set(main.commands)


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_python_example_runs(program: str) -> None:
    """As a program of its own; what it asserts is true."""
    exec(compile(program, str(PAGE), "exec"), {})


@pytest.mark.parametrize(
    "module", [reading, reading_metric, reading_plan, metrics, simulation], ids=lambda module: module.__name__
)
def test_every_name_that_the_readers_know_is_documented(module: ModuleType) -> None:
    """A new field of the input fails here until the page names it."""
    found = words(module)
    assert len(found) > 5
    assert undocumented(found, PROSE) == set()


@pytest.mark.parametrize(("command", "example", "answer"), EXAMPLES)
def test_every_input_field_is_documented_with_its_command(command: str, example: str, answer: str) -> None:
    """The fields of all objects that the example has, those it leaves out too."""
    found = list(known(command, example))
    assert len(found) > 1
    assert undocumented(set().union(*found), section(command)) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_output_field_is_documented_with_its_command(command: str) -> None:
    """Those of the report, the plan and the rates, and of everything in them."""
    found = names(ANSWERS[command])
    assert len(found) > 5
    assert undocumented(found, section(command)) == set()


@pytest.mark.parametrize("codes", [WHY, REASONS], ids=["why", "reasons"])
def test_every_code_is_documented_with_its_meaning(codes: Mapping[str, str]) -> None:
    """A row each, in the words of the code, and no row for a code that is gone."""
    rows = {code: f"| `{code}` | {meaning[0].upper()}{meaning[1:]}. |" for code, meaning in codes.items()}
    assert [row for row in rows.values() if row not in section("analyze")] == []
    title = "`why` codes" if codes is WHY else "Reasons of a verdict"
    (table,) = re.findall(rf"^### {title}\n(.*?)(?=^##|\Z)", section("analyze"), re.M | re.S)
    assert set(re.findall(r"^\| `(\w+)`", table, re.M)) == set(codes)
