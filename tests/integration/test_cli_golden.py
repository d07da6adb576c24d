"""`kb golden` and the gate of `kb import --publish`, on a copy of the sample base with the real encoder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kb_service.cli import kb
from kb_service.errors import KbError
from tests.support.bases import SAMPLE, faq, macro, write_lines

Kb = Callable[..., Result]
QUESTION = "¿Qué hago si pierdo mi tarjeta o me la roban?"  # the entry's own, and so answered however things are fitted
LOST = {"query": QUESTION, "locale": "es-MX", "entry": "card-lost"}
PINK = {"query": "quiero comprar un elefante rosa", "locale": "es-MX", "entry": None}
LOCALES = ("es-MX", "pt-BR", "en")


@pytest.fixture
def kb_golden(kb_sample: Kb, tmp_path: Path) -> Kb:
    """Runs `kb` on a copy of the sample base with two golden questions, both right."""
    _json(kb_sample("golden", "import", write_lines(tmp_path / "golden.jsonl", [LOST, PINK]), "--json"))
    return kb_sample


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A file that takes everything from an entry that it was found by."""
    lines = [faq("card-lost", locale, question=f"otro asunto {locale}") for locale in LOCALES]
    return write_lines(tmp_path / "spoilt.jsonl", lines)


def _ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def _json(result: Result) -> Any:
    return json.loads(_ok(result))


def test_without_golden_questions_every_command_says_how_to_begin(kb_on: Kb, tmp_path: Path) -> None:
    """On an empty base too, where nothing is loaded or built for it."""
    for command in ("list", "check"):
        assert "no golden questions yet: keep one with `kb golden add`" in _ok(kb_on("golden", command))
    assert _json(kb_on("golden", "list", "--json")) == []
    assert _json(kb_on("golden", "check", "--json")) == {"questions": 0, "results": [], "last_publication": None}
    assert not (tmp_path / "data" / "index" / "CURRENT").exists()


def test_a_question_is_added_listed_and_removed(kb_sample: Kb) -> None:
    """The locale is recognised where none is given; a repeat says that nothing changed."""
    said = _ok(kb_sample("golden", "add", "perdí mi tarjeta", "--entry", "card-lost", "--note", "[b]los lunes[/b]"))
    assert said == "added: golden question 1 (es-MX) expects card-lost\n"
    again = ("golden", "add", "PERDI MI TARJETA", "--locale", "es_mx", "--entry", "card-lost", "--json")
    assert _json(kb_sample(*again)) == {"id": 1, "outcome": "unchanged"}
    assert "golden question 2 (pt-BR) expects nothing" in _ok(
        kb_sample("golden", "add", "vocês vendem um elefante cor de rosa?", "--nothing")
    )
    listed = _json(kb_sample("golden", "list", "--json"))
    assert [(question["id"], question["entry"]) for question in listed] == [(2, None), (1, "card-lost")]
    assert listed[1].keys() == {"id", "query", "locale", "entry", "note", "added_by", "added_at"}
    human = _ok(kb_sample("golden", "list", "--entry", "card-lost"))
    assert "[b]los lunes[/b]" in human
    assert "elefante" not in human
    assert _ok(kb_sample("golden", "remove", "1")) == "golden question 1 is removed\n"
    with pytest.raises(KbError, match="no golden question 1"):
        kb_sample("golden", "remove", "1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "hola"],
        ["add", "hola", "--entry", "card-lost", "--nothing"],
        ["add"],
        ["add", "hola", "--nothing", "--locale", "klingon"],
        ["remove"],
        ["remove", "x"],
        ["remove", "0"],
        ["remove", "9" * 30],
        ["import", "no-such-file.jsonl"],
        ["check", "more"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(kb_on: Kb, arguments: list[str]) -> None:
    """And says what is wrong on standard error."""
    result = kb_on("golden", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Error" in result.stderr


@pytest.mark.parametrize("query", ["", "🙂", "a\ud800", "ana@b.mx"])
def test_a_question_without_words_is_refused(kb_on: Kb, query: str) -> None:
    """In one line."""
    with pytest.raises(KbError, match="the query"):
        kb_on("golden", "add", query, "--nothing", "--locale", "en")


def test_an_unknown_entry_is_refused_and_in_a_file_pointed_out(kb_sample: Kb, tmp_path: Path) -> None:
    """A file may be imported before the content it is about."""
    with pytest.raises(KbError, match="there is no faq 'card-lst'"):
        kb_sample("golden", "add", "hola", "--entry", "card-lst")
    path = write_lines(tmp_path / "q.jsonl", [LOST | {"entry": "no-[b]such[/b]"}])
    result = kb_sample("golden", "import", path)
    assert _ok(result) == "1 added, 0 changed, 0 unchanged\n"
    assert "no faq 'no-[b]such[/b]'" in result.stderr


def test_a_wrong_line_stops_the_import(kb_on: Kb, tmp_path: Path) -> None:
    """Nothing of the file is kept."""
    with pytest.raises(KbError, match="line 2"):
        kb_on("golden", "import", write_lines(tmp_path / "q.jsonl", [PINK, "{"]))
    assert _json(kb_on("golden", "list", "--json")) == []


@pytest.mark.slow
def test_a_check_agrees_with_an_evaluation(kb_sample: Kb) -> None:
    """All the sample's questions, imported twice: the same accuracy, coverage and precision as `kb evaluate` finds."""
    questions = SAMPLE / "questions.jsonl"
    assert _json(kb_sample("golden", "import", questions, "--json")) == {"added": 344, "changed": 0, "unchanged": 0}
    assert _json(kb_sample("golden", "import", questions, "--json"))["unchanged"] == 344
    facts = _json(kb_sample("golden", "check", "--json"))
    evaluated = _json(kb_sample("evaluate", questions, "--json"))
    names = {"accuracy": "hit_at_1", "coverage": "coverage", "precision": "precision"}
    assert {name: facts[name] for name in names} == pytest.approx({n: evaluated[other] for n, other in names.items()})
    assert facts["questions"] == len(facts["results"]) == sum(facts["grades"].values()) == 344
    human = _ok(kb_sample("golden", "check"))
    assert f"accuracy {facts['accuracy']:.3f}, coverage {facts['coverage']:.3f}" in human
    assert "344 golden questions on index" in human


def test_a_dry_run_names_what_would_get_worse(kb_golden: Kb, spoilt: Path) -> None:
    """In words and in JSON; nothing is imported, and nothing switched."""
    before = _json(kb_golden("index", "status", "--json"))["version"]
    human = _ok(kb_golden("import", spoilt, "--publish", "--dry-run"))
    assert "golden questions: 1 of 2 worse, 0 better; accuracy 1.000 -> 0.000" in human
    assert "accuracy and coverage fell" in human
    assert f'worse: "{QUESTION}" (es-MX, expects card-lost): was right (answer, card-lost' in human
    golden = _json(kb_golden("import", spoilt, "--publish", "--dry-run", "--json"))["golden"]
    assert [(shift["query"], shift["after"]["grade"]) for shift in golden["worse"]] == [(QUESTION, "missed")]
    assert golden["fell"] == ["accuracy", "coverage"]
    assert _json(kb_golden("index", "status", "--json"))["version"] == before


def test_by_default_it_is_published_with_a_warning(kb_golden: Kb, spoilt: Path) -> None:
    """The same report, then a check that names what is not right and what the publication did."""
    human = _ok(kb_golden("import", spoilt, "--publish"))
    assert human.startswith(
        "0 created, 3 updated, 0 unchanged, 3 published, 0 rejected\ngolden questions: 1 of 2 worse"
    )
    facts = _json(kb_golden("golden", "check", "--json"))
    assert facts["last_publication"]["fell"] == ["accuracy", "coverage"]
    assert facts["last_publication"]["index_version"] == facts["index_version"]
    assert {row["query"]: row["grade"] for row in facts["results"]} == {
        LOST["query"]: "missed",
        PINK["query"]: "right",
    }
    human = _ok(kb_golden("golden", "check"))
    assert "1 got worse" in human
    assert QUESTION in human
    assert "elefante" not in human


def test_where_it_is_blocked_nothing_is_imported(kb_golden: Kb, spoilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report names the questions, the error says what can be done; a dry run says the same."""
    monkeypatch.setenv("KB_GOLDEN_REGRESSION", "block")
    for more in ([], ["--dry-run"]):
        result = CliRunner().invoke(kb, ["import", str(spoilt), "--publish", *more])
        assert isinstance(result.exception, KbError)
        assert "accuracy and coverage on the golden questions would fall" in str(result.exception)
        assert "nothing was imported: --accept-regression" in str(result.exception)
        assert f'worse: "{QUESTION}"' in result.stdout
        assert result.stdout.startswith("nothing imported; would be: 0 created, 3 updated")
    assert _json(kb_golden("index", "status", "--json"))["changes_behind"] == 0
    assert _json(kb_golden("golden", "check", "--json"))["grades"]["right"] == 2
    assert _json(kb_golden("import", spoilt, "--json"))["applied"] is True  # as drafts
    assert _json(kb_golden("golden", "check", "--json"))["grades"]["right"] == 2


def test_a_regression_that_is_accepted_is_published(
    kb_golden: Kb, spoilt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever imports, who sees what that costs."""
    monkeypatch.setenv("KB_GOLDEN_REGRESSION", "block")
    done = _json(kb_golden("import", spoilt, "--publish", "--accept-regression", "--json"))
    assert (done["applied"], done["golden"]["fell"]) == (True, ["accuracy", "coverage"])
    assert _json(kb_golden("golden", "check", "--json"))["grades"]["missed"] == 1


def test_switched_off_nothing_is_checked(kb_golden: Kb, spoilt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither before the publication nor after it; the questions can still be checked by hand."""
    monkeypatch.setenv("KB_GOLDEN_REGRESSION", "off")
    assert _json(kb_golden("import", spoilt, "--publish", "--json"))["golden"] is None
    facts = _json(kb_golden("golden", "check", "--json"))
    assert (facts["last_publication"], facts["grades"]["missed"]) == (None, 1)


def test_what_changes_no_answer_is_published_without_a_check(
    kb_golden: Kb, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Macros, and what is live already."""
    monkeypatch.setenv("KB_GOLDEN_REGRESSION", "block")
    assert (
        _json(kb_golden("import", write_lines(tmp_path / "m", [macro("new")]), "--publish", "--json"))["golden"] is None
    )
    again = _json(kb_golden("import", SAMPLE / "faqs.jsonl", "--publish", "--json"))
    assert (again["unchanged"], again["golden"]) == (117, None)


def test_a_sync_by_hand_names_them_too(kb_golden: Kb, spoilt: Path, tmp_path: Path) -> None:
    """What was published without a check is seen when the index takes it in."""
    from kb_service.parts import wire
    from kb_service.settings import Settings

    parts = wire(Settings(data_dir=tmp_path / "data", secret_key="x"))
    parts.importing.apply(parts.importing.preview(spoilt, publish=True), author="x")
    said = _ok(kb_golden("index", "sync"))
    assert "3 changes taken in" in said
    assert "golden questions: 1 of 2 worse" in said
