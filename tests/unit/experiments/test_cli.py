"""`python -m experiments`: JSON for programs, tables at a terminal, one line and exit code 2 for wrong input."""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main


def proportion(name: str, role: str, control: int, treatment: int, **more: Any) -> dict[str, Any]:
    """A metric of two arms of a thousand units."""
    arms = {"control": {"n": 1000, "successes": control}, "b": {"n": 1000, "successes": treatment}}
    return {"name": name, "type": "proportion", "role": role, "direction": "increase", "arms": arms} | more


TEST = {
    "allocation": {"control": 0.5, "b": 0.5},
    "exposures": {"control": 1000, "b": 1000},
    "metrics": [
        proportion("deflection", "primary", 420, 500),
        proportion("[seen]", "guardrail", 500, 505, margin=0.1),
        proportion("harmed", "guardrail", 500, 300, margin=0.1),
        proportion("undecided", "guardrail", 500, 430, margin=0.1),
        proportion("later", "secondary", 5, 5) | {"arms": {}},
        proportion("by locale", "secondary", 500, 500)
        | {
            "segments": {
                "locale": {
                    f"es-{i}": {
                        "control": {"n": 500, "successes": 250},
                        "b": {"n": 500, "successes": 150 if i else 400},
                    }
                    for i in range(5)
                },
                "channel": {
                    name: {"control": {"n": 500, "successes": 250}, "b": {"n": 500, "successes": 250}}
                    for name in ("chat", "mail")
                },
            }
        },
    ],
}
PLAN = {
    "allocation": {"control": 0.5, "b": 0.5},
    "metric": {"name": "deflection", "type": "proportion", "baseline": 0.42, "direction": "increase", "effect": 0.03},
    "units_last_28_days": 16000,
}
SIMULATION = {
    "metric": {"type": "mean", "mean": 10, "variance": 4, "direction": "increase"},
    "units": {"control": 50, "treatment": 50},
    "runs": 50,
    "effect": 1,
}
DOCUMENTS = {"analyze": TEST, "plan": PLAN, "simulate": SIMULATION}

Run = Callable[..., Result]


def run(command: str, document: Any, *options: str) -> Result:
    """The command with the document on standard input."""
    text = document if isinstance(document, str | bytes) else json.dumps(document)
    return CliRunner().invoke(main, [command, "-", *options], input=text)


@pytest.mark.parametrize("command", DOCUMENTS)
def test_json_comes_where_no_person_reads(command: str) -> None:
    """Finite numbers and names as they are."""
    result = run(command, DOCUMENTS[command])
    assert result.exit_code == 0, result.output
    assert isinstance(json.loads(result.stdout, parse_constant=_refuse), dict)
    assert result.stderr == ""


def _refuse(constant: str) -> None:
    raise AssertionError(constant)


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """As some editors write it."""
    path = tmp_path / "test.json"
    path.write_text("\ufeff" + json.dumps(TEST), encoding="utf-8")
    assert CliRunner().invoke(main, ["analyze", str(path)]).exit_code == 0


WRONG = {
    "no JSON": ("{", "is not JSON"),
    "no UTF-8": (b"\xff\xfe", "is not JSON"),
    "a number of ten thousand digits": ("1" * 10000, "is not JSON"),
    "deep nesting": ("[" * 100000, "nested too deeply"),
    "a repeated name": ('{"alpha": 0.05, "alpha": 0.1}', "alpha: stands twice"),
    "a wrong value": (TEST | {"alpha": 2}, "alpha: must be at most 0.2, not 2"),
    "NaN": ('{"alpha": NaN}', "alpha: must be a finite number"),
}


@pytest.mark.parametrize("command", DOCUMENTS)
@pytest.mark.parametrize("name", WRONG)
def test_wrong_input_is_one_line_and_exit_code_2(command: str, name: str) -> None:
    """On standard error; nothing on standard output."""
    document, message = WRONG[name]
    if command == "simulate" and name == "a wrong value":
        document = SIMULATION | {"alpha": 2}
    if command == "plan" and name == "a wrong value":
        document = PLAN | {"alpha": 2}
    result = run(command, document)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    """Exit code 2."""
    assert CliRunner().invoke(main, ["analyze", "nowhere.json"]).exit_code == 2


@pytest.fixture
def at_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Runs a command with a real pseudo-terminal of 100 columns as its standard output; gives what it showed."""

    def shown(command: str, document: Any, *options: str) -> str:
        path = tmp_path / "document.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        leader, follower = os.openpty()
        monkeypatch.setenv("COLUMNS", "100")
        monkeypatch.setenv("TERM", "dumb")
        with os.fdopen(follower, "w", encoding="utf-8") as stdout:
            monkeypatch.setattr(sys, "stdout", stdout)
            main([command, str(path), *options], standalone_mode=False)
        with os.fdopen(leader, "rb") as read:
            return _until_closed(read.fileno())

    return shown


def _until_closed(terminal: int) -> str:
    found = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that the other end has been closed
            part = b""
        if not part:
            return found.decode("utf-8").replace("\r\n", "\n")
        found += part


def test_a_person_at_a_terminal_reads_the_verdict_first(at_terminal: Callable[..., str]) -> None:
    """In her language; then metrics, guardrails, the split, segments that differ, and why something has no result."""
    text = at_terminal("analyze", TEST, "--lang", "es")
    assert text.startswith("Termina y quédate con control: b perjudica; harmed baja")
    for part in ("deflection", "[seen]", "passes", "breached", "not shown", "split (SRM): p = 1"):
        assert part in text
    assert "later, b: no result, because an arm has no units yet" in text
    assert "by locale, b: differs in locale es-0: " in text


def test_a_split_that_is_off_is_shouted(at_terminal: Callable[..., str]) -> None:
    """And one that was not given is said to be missing."""
    assert "MISMATCH" in at_terminal("analyze", TEST | {"exposures": {"control": 1000, "b": 1400}})
    assert "split (SRM): exposures were not given" in at_terminal(
        "analyze", {name: value for name, value in TEST.items() if name != "exposures"}
    )


def test_a_missing_guardrail_is_unknown_at_a_terminal(at_terminal: Callable[..., str]) -> None:
    """Neither passed nor failed."""
    metrics = [proportion("g", "guardrail", 1, 1, margin=0.1) | {"arms": {}}]
    assert "unknown" in at_terminal("analyze", TEST | {"metrics": metrics})


def test_plans_and_rates_are_tables_at_a_terminal(at_terminal: Callable[..., str]) -> None:
    """With what each metric needs, and what shows after some weeks."""
    text = at_terminal("plan", PLAN, "--lang", "pt")
    assert text.startswith("O teste precisa de 8572 unidades")
    assert "8,572" in text
    assert "least effect" in text
    assert "units over all arms" not in at_terminal("plan", {**PLAN, "metric": {**PLAN["metric"], "effect": None}})
    assert "as planned" in at_terminal("simulate", SIMULATION)
    ordinal = {"type": "ordinal", "counts": [1, 1, 1], "direction": "increase"}
    scores = at_terminal("simulate", SIMULATION | {"metric": ordinal, "effect": 0})
    assert "relative" not in scores
    assert "as planned" not in scores


def test_a_plan_without_traffic_has_no_weeks(at_terminal: Callable[..., str]) -> None:
    """Only its units."""
    assert "weeks" not in at_terminal("plan", {n: v for n, v in PLAN.items() if n != "units_last_28_days"})


def test_json_may_be_asked_for_at_a_terminal(at_terminal: Callable[..., str]) -> None:
    """For copying."""
    assert json.loads(at_terminal("analyze", TEST, "--json"))["verdict"]["action"] == "stop"


def test_the_module_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run in this process, it wants to know what to do."""
    monkeypatch.setattr(sys, "argv", ["experiments"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("experiments", run_name="__main__")
    assert ended.value.code == 2


def test_the_module_runs_as_a_command(tmp_path: Path) -> None:
    """`python -m experiments`, in a process of its own, with nothing on standard error."""
    path = tmp_path / "test.json"
    path.write_text(json.dumps(TEST), encoding="utf-8")
    command = [sys.executable, "-W", "error", "-m", "experiments", "analyze", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["control"] == "control"
    assert done.stderr == ""


def test_what_has_no_column_is_told_below(at_terminal: Callable[..., str]) -> None:
    """Units left out, the holdout, who answered, what a covariate took off, skewness."""
    mean = {"n": 100, "mean": 5.0, "variance": 4.0, "covariate_mean": 1.0, "covariate_variance": 1.0, "covariance": 1.0}
    skewed = {"n": 100, "mean": 5.0, "variance": 4.0, "skewness": 3.0}
    group = {"n": 1000, "numerator_mean": 0.4, "denominator_mean": 1.6, "numerator_variance": 0.3}
    group |= {"denominator_variance": 0.9, "covariance": 0.2}
    base = {"role": "secondary", "direction": "increase"}
    document = TEST | {
        "several_arms": 3,
        "holdout": {"without": group | {"numerator_mean": 0.5}, "with_replies": group},
        "metrics": [
            base | {"name": "time", "type": "mean", "arms": {"control": mean, "b": mean}},
            base | {"name": "wait", "type": "mean", "arms": {"control": skewed, "b": skewed}},
            base
            | {"name": "msat", "type": "ordinal", "asked": {"control": 400, "b": 400}}
            | {"arms": {"control": {"counts": [50, 50]}, "b": {"counts": [150, 150]}}},
            base
            | {"name": "hsat", "type": "ordinal", "asked": {"control": 400, "b": 400}}
            | {"arms": {"control": {"counts": [50, 50]}, "b": {"counts": [50, 50]}}},
        ],
    }
    text = " ".join(at_terminal("analyze", document).split())
    for part in (
        "3 units saw several arms and are left out",
        "automatic replies avoid 62.5",
        "time, b: the covariate takes off 25.0% of the variance",
        "wait, b: skewed; allowing for that the interval is",
        "answered; the comparison lies in",
        "hsat, b: 25.0% and 25.0% answered",
        "level 0.95; of guardrails they are not, level 0.9",
    ):
        assert part in text


def test_an_ascii_output_gets_escaped_json(tmp_path: Path) -> None:
    """Where a program reads what cannot hold an accent."""
    path = tmp_path / "test.json"
    path.write_text(json.dumps(TEST), encoding="utf-8")
    command = [sys.executable, "-m", "experiments", "analyze", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert "perjudica" in json.loads(done.stdout.decode("ascii"))["verdict"]["text"]["es"]
