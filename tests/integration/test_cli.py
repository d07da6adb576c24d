"""`kb` on a real data folder with the real encoder, within this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kb_service.cli import kb
from kb_service.errors import KbError
from kb_service.parts import Parts, wire
from kb_service.settings import Settings
from tests.support.bases import SAMPLE, faq, macro, write_lines

Kb = Callable[..., Result]


def _ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def _parts(tmp_path: Path) -> Parts:
    return wire(Settings(data_dir=tmp_path / "data", secret_key="x"))


def test_init_may_be_repeated(kb_on: Kb, tmp_path: Path) -> None:
    """The secret, the knowledge base's id and its tables stay."""
    assert _ok(kb_on("init")) == f"ready: {tmp_path / 'data'}\n"
    before = (tmp_path / "data" / "secret.key").read_bytes()
    with _parts(tmp_path).database.reading() as work:
        source = work.knowledge_base_id()
    _ok(kb_on("init"))
    assert (tmp_path / "data" / "secret.key").read_bytes() == before
    with _parts(tmp_path).database.reading() as work:
        assert work.knowledge_base_id() == source


def test_an_import_into_a_new_folder_sets_it_up(kb_on: Kb, tmp_path: Path) -> None:
    """And says so; the numbers are printed, and the index is ready to be asked."""
    path = write_lines(tmp_path / "kb.jsonl", [faq("a", question="¿Cómo consulto mi saldo?"), macro("m")])
    result = kb_on("import", path, "--publish")
    assert _ok(result) == "2 created, 0 updated, 0 unchanged, 2 published, 0 rejected\n"
    assert f"new knowledge base in {tmp_path / 'data'}" in result.stderr
    again = kb_on("import", path, "--publish", "--json")
    assert json.loads(_ok(again)) == {
        "created": 0, "updated": 0, "unchanged": 2, "published": 0, "rejected": 0, "applied": True, "dry_run": False,
        "rejections": [], "golden": None,
    }  # fmt: skip
    assert again.stderr == ""
    assert json.loads(_ok(kb_on("ask", "¿Cómo consulto mi saldo?", "--json")))["candidates"][0]["entry"] == "a"


def test_a_dry_run_writes_nothing(kb_on: Kb, tmp_path: Path) -> None:
    """It says what would happen."""
    path = write_lines(tmp_path / "kb.jsonl", [faq("a")])
    output = _ok(kb_on("import", path, "--publish", "--dry-run"))
    assert output == "nothing imported; would be: 1 created, 0 updated, 0 unchanged, 1 published, 0 rejected\n"
    assert json.loads(_ok(kb_on("import", path, "--dry-run", "--json")))["dry_run"] is True
    assert _parts(tmp_path).entries.count() == {}


def test_a_bad_line_stops_the_import(kb_on: Kb, tmp_path: Path) -> None:
    """Every bad line is named, the rest is not imported, and the exit status says so."""
    path = write_lines(tmp_path / "kb.jsonl", [faq("a"), "{", faq("b", "xx")])
    result = CliRunner().invoke(kb, ["import", str(path), "--publish"])
    assert isinstance(result.exception, KbError)
    assert "2 lines" in str(result.exception)
    assert [line.split(":")[0] for line in result.stdout.splitlines()[:2]] == ["line 2", "line 3"]
    rejections = json.loads(CliRunner().invoke(kb, ["import", str(path), "--json"]).stdout)["rejections"]
    assert [row["line"] for row in rejections] == [2, 3]
    assert _parts(tmp_path).entries.count() == {}


def test_twenty_bad_lines_are_shown_and_the_rest_counted(kb_on: Kb, tmp_path: Path) -> None:
    """So that a wrong file does not fill the screen."""
    path = write_lines(tmp_path / "kb.jsonl", ["{"] * 50)
    lines = CliRunner().invoke(kb, ["import", str(path)]).stdout.splitlines()
    assert len(lines) == 22
    assert lines[20] == "... and 30 more lines"


def test_the_default_locale_of_an_import(kb_on: Kb, tmp_path: Path) -> None:
    """For lines that name none; a wrong one is wrong usage."""
    line = {name: value for name, value in faq("a").items() if name != "locale"}
    path = write_lines(tmp_path / "kb.jsonl", [line])
    _ok(kb_on("import", path, "--locale", "pt_br"))
    assert [entry.locale for entry in _parts(tmp_path).entries.entry("faq", "a").newest] == ["pt-BR"]
    wrong = kb_on("import", path, "--locale", "xx")
    assert wrong.exit_code == 2
    assert "unknown locale 'xx'" in wrong.stderr


def test_an_export_can_be_imported_again(kb_sample: Kb, tmp_path: Path) -> None:
    """Without a change."""
    assert (
        _ok(kb_sample("export", tmp_path / "out.jsonl"))
        == f"201 entries and locales written to {tmp_path / 'out.jsonl'}\n"
    )
    assert json.loads(_ok(kb_sample("import", tmp_path / "out.jsonl", "--publish", "--json")))["unchanged"] == 201


def test_the_index_says_what_it_is(kb_sample: Kb) -> None:
    """Version, encoder, numbers, how far behind; what it promises is in test_cli_explained.py."""
    facts = json.loads(_ok(kb_sample("index", "status", "--json")))
    assert (facts["encoder"], facts["dimension"], facts["documents"], facts["entries"]) == (
        "multilingual",
        512,
        201,
        67,
    )
    assert (facts["changes_behind"], facts["problem"]) == (0, None)
    human = _ok(kb_sample("index", "status"))
    assert facts["version"] in human
    assert "changes behind" in human


@pytest.mark.slow
def test_the_index_is_synced(kb_sample: Kb, tmp_path: Path) -> None:
    """A sync without changes makes no version; a rebuild does, with the same content."""
    before = json.loads(_ok(kb_sample("index", "status", "--json")))["version"]
    assert _ok(kb_sample("index", "sync")) == f"index {before}: 0 changes taken in\n"
    parts = _parts(tmp_path)
    path = write_lines(tmp_path / "kb.jsonl", [faq("new")])
    parts.importing.apply(parts.importing.preview(path, publish=True), author="x")
    assert json.loads(_ok(kb_sample("index", "status", "--json")))["changes_behind"] == 1
    assert "1 changes taken in" in _ok(kb_sample("index", "sync"))


@pytest.mark.slow
def test_a_rebuild_makes_a_new_version(kb_sample: Kb) -> None:
    """Everything is embedded again."""
    before = json.loads(_ok(kb_sample("index", "status", "--json")))
    assert "built anew" in _ok(kb_sample("index", "rebuild"))
    after = json.loads(_ok(kb_sample("index", "status", "--json")))
    assert after["version"] != before["version"]
    assert after["version"].split("-")[1] == before["version"].split("-")[1]


def test_verifying_names_a_damaged_file(kb_sample: Kb, tmp_path: Path) -> None:
    """One flipped bit is found."""
    *_, report = json.loads(_ok(kb_sample("index", "verify", "--json")))
    assert (report["is_current"], report["problem"]) == (True, None)
    assert _ok(kb_sample("index", "verify")).endswith(f"{report['version']} (current): good\n")
    path = tmp_path / "data" / "index" / report["version"] / "faq.faiss"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    result = CliRunner().invoke(kb, ["index", "verify"])
    assert isinstance(result.exception, KbError)
    assert "faq.faiss: checksum differs" in result.stdout
    assert "kb index rebuild" in str(result.exception)


def test_verifying_without_an_index_says_so(kb_on: Kb) -> None:
    """There is nothing good about nothing."""
    _ok(kb_on("init"))
    with pytest.raises(KbError, match="kb index sync"):
        kb_on("index", "verify")


def test_asking_shows_the_decision_and_why(kb_sample: Kb) -> None:
    """The same in both forms; nothing is stored."""
    facts = json.loads(_ok(kb_sample("ask", "I lost my card", "--json")))
    assert (facts["decision"], facts["locale"], facts["candidates"][0]["entry"]) == ("answer", "en", "card-lost")
    assert set(facts["candidates"][0]) == {
        "entry", "locale", "revision", "title", "confidence", "phrasing", "signals", "terms",
    }  # fmt: skip
    human = _ok(kb_sample("ask", "I lost my card"))
    assert human.startswith(f"answer (confident), confidence {facts['confidence']:.3f}")
    assert "locale en (recognised)" in human
    given = json.loads(_ok(kb_sample("ask", "I lost my card", "--locale", "pt-BR", "--json")))
    assert (given["locale"], given["candidates"][0]["locale"]) == ("pt-BR", "pt-BR")


@pytest.mark.parametrize("text", ["", "   ", "x" * 5001, "\udcff"])
def test_a_question_that_cannot_be_asked_is_an_error(kb_sample: Kb, text: str) -> None:
    """Empty, too long, not text."""
    with pytest.raises(KbError, match="query"):
        kb_sample("ask", text)


def test_texts_with_brackets_are_shown_as_they_are(kb_on: Kb, tmp_path: Path) -> None:
    """What looks like the terminal library's markup or emoji names is content."""
    body = "[bold]x[/bold] [/red] [aquí](https://a.example) :smile: [DÍA]"
    path = write_lines(tmp_path / "kb.jsonl", [faq("a", question="¿[red]Saldo[/red]? [/x]", answer=body)])
    _ok(kb_on("import", path, "--publish"))
    output = _ok(kb_on("ask", "¿[red]Saldo[/red]? [/x]"))
    assert body in output
    assert "¿[red]Saldo[/red]? [/x]" in output


def _recomputed(rows: list[tuple[str | None, dict[str, Any]]], in_force: float) -> dict[str, float | int | None]:
    """The metrics of `kb evaluate`, by their definitions, one question at a time."""
    known = [(label, asked) for label, asked in rows if label is not None]
    ranks = [
        next((i + 1 for i, c in enumerate(asked["candidates"]) if c["entry"] == label), None) for label, asked in known
    ]
    answered = [(label, asked) for label, asked in rows if asked["decision"] == "answer"]
    right = [asked["candidates"][0]["entry"] == label for label, asked in answered]
    inside = [asked["confidence"] for label, asked in rows if label is not None]
    outside = [asked["confidence"] for label, asked in rows if label is None]
    wins = [1.0 if a > b else 0.5 if a == b else 0.0 for a in inside for b in outside]
    scored = [(a["confidence"], a["candidates"][0]["entry"] == label) for label, a in rows if a["candidates"]]
    coverage = 0
    for threshold, _ in scored:
        chosen = [good for confidence, good in scored if confidence >= threshold]
        if 100 * sum(chosen) >= 95 * len(chosen):
            coverage = max(coverage, len(chosen))
    gaps = 0.0
    for low in range(10):
        bucket = [(c, good) for c, good in scored if min(int(c * 10), 9) == low]
        gaps += abs(sum(c for c, _ in bucket) - sum(good for _, good in bucket))
    return {
        "n": len(rows),
        "hit_at_1": sum(rank == 1 for rank in ranks) / len(ranks),
        "hit_at_3": sum(rank is not None and rank <= 3 for rank in ranks) / len(ranks),
        "mrr": sum(1 / rank for rank in ranks if rank) / len(ranks),
        "oos_auroc": sum(wins) / len(wins) if wins else None,
        "coverage_at_95": coverage / len(rows),
        "coverage": len(answered) / len(rows),
        "precision": sum(right) / len(right) if right else None,
        "ece": gaps / len(scored),
        "threshold": in_force,
    }


@pytest.mark.slow
def test_an_evaluation_agrees_with_its_definitions(kb_sample: Kb, tmp_path: Path) -> None:
    """Every number, overall and per locale, computed again from what each question gets; the table shows them too."""
    questions = [json.loads(line) for line in (SAMPLE / "questions.jsonl").read_text("utf-8").splitlines()]
    facts = json.loads(_ok(kb_sample("evaluate", SAMPLE / "questions.jsonl", "--json")))
    parts = _parts(tmp_path)
    parts.live.refresh()
    threshold = parts.live.current().snapshot.confidence_model.thresholds.answer
    rows = []
    for question in questions:
        asked = parts.questions.consider(question["query"], question["locale"])
        candidates = [{"entry": candidate.entry} for candidate in asked.ranked]
        decision = asked.decision
        rows.append(
            (question, {"decision": decision.outcome, "confidence": decision.confidence, "candidates": candidates})
        )
    assert {name: facts[name] for name in facts if name != "locales"} == pytest.approx(
        _recomputed([(question["entry"], asked) for question, asked in rows], threshold)
    )
    assert facts["locales"].keys() == {"es-MX", "pt-BR"}
    for locale, found in facts["locales"].items():
        own = [(question["entry"], asked) for question, asked in rows if question["locale"] == locale]
        assert found == pytest.approx(_recomputed(own, threshold))
    human = _ok(kb_sample("evaluate", SAMPLE / "questions.jsonl"))
    assert all(
        name in human for name in ("all", "es-MX", "pt-BR", f"{facts['hit_at_1']:.3f}", *(set(facts) - {"locales"}))
    )


def test_labels_that_the_base_lacks_are_pointed_out(kb_sample: Kb, tmp_path: Path) -> None:
    """They count as missed, and the operator learns why."""
    path = write_lines(tmp_path / "q.jsonl", [{"query": "hola", "locale": "es-MX", "entry": "no-[b]such[/b]"}])
    result = kb_sample("evaluate", path, "--json")
    assert json.loads(_ok(result))["hit_at_1"] == 0
    assert "no published faq 'no-[b]such[/b]'" in result.stderr


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "line 2 is not JSON"),
        ('{"query": 9e9999999999, "locale": "en", "entry": null}', "line 2: query"),
        ("9" * 5000, "line 2 is not JSON"),
        ({"query": "x", "locale": "en"}, "line 2: entry: Field required"),
        ({"query": "", "locale": "en", "entry": None}, "line 2: query"),
        ({"query": "x", "locale": "xx", "entry": None}, "line 2: locale: unknown locale"),
        ({"query": "x", "locale": "en", "entry": 7}, "line 2: entry"),
        ("[]", "line 2"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_wrong_file_of_questions_names_the_line(kb_sample: Kb, tmp_path: Path, line: Any, why: str) -> None:
    """The first that is wrong."""
    path = write_lines(tmp_path / "q.jsonl", [{"query": "x", "locale": "en", "entry": None}, line])
    with pytest.raises(KbError, match=why):
        kb_sample("evaluate", path)


def test_an_empty_file_of_questions_is_an_error(kb_sample: Kb, tmp_path: Path) -> None:
    """There is nothing to measure."""
    with pytest.raises(KbError, match="holds no questions"):
        kb_sample("evaluate", write_lines(tmp_path / "q.jsonl", [""]))


def test_keys_are_made_listed_and_revoked(kb_on: Kb, tmp_path: Path) -> None:
    """The key is printed alone, once; lists show its beginning."""
    result = kb_on("apikey", "create", "--scope", "reply", "--scope", "feedback", "--name", "shop [x]")
    key = _ok(result).rstrip("\n")
    assert key.startswith("kb_")
    assert len(key) == 46
    assert _parts(tmp_path).keys.known(key).scopes == ("reply", "feedback")
    listed = _ok(kb_on("apikey", "list"))
    assert listed == f"1  {key[:9]}…  shop [x]  reply,feedback  active\n"
    assert _ok(kb_on("apikey", "revoke", "1")) == "key 1 is revoked\n"
    assert "revoked" in _ok(kb_on("apikey", "list"))
    assert _parts(tmp_path).keys.known(key) is None
    with pytest.raises(KbError, match="no active API key 1"):
        kb_on("apikey", "revoke", "1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["apikey", "create", "--scope", "root"],
        ["apikey", "create"],
        ["apikey", "revoke", "x"],
        ["import", "no-such-file.jsonl"],
        ["import", "."],
        ["nonsense"],
        ["ask"],
        ["evaluate", "no-such-file.jsonl"],
        ["import", "--format", "zip", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(kb_on: Kb, arguments: list[str]) -> None:
    """And says what is wrong on standard error."""
    result = kb_on(*arguments)
    assert result.exit_code == 2
    assert "Error" in result.stderr
    assert result.stdout == ""


def test_a_misspelt_setting_is_pointed_out(kb_on: Kb, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, and the command goes on."""
    monkeypatch.setenv("KB_DATABSE_URL", "x")
    result = kb_on("init")
    assert "warning: KB_DATABSE_URL is not a setting of this program" in result.stderr
    _ok(result)


def test_help_describes_every_command(kb_on: Kb) -> None:
    """A sentence each, also for the commands of groups and for every option."""

    def described(command: Any) -> bool:
        options = [
            option
            for option in command.params
            if getattr(option, "help", None) is None and option.param_type_name == "option"
        ]
        undescribed = [option.name for option in options if option.name not in ("host", "port")]
        return (
            bool(command.help)
            and not undescribed
            and all(described(part) for part in getattr(command, "commands", {}).values())
        )

    assert described(kb)
    assert "import" in _ok(kb_on("--help"))


def test_people_are_listed_and_their_access_ends_and_returns(kb_on: Kb) -> None:
    """The list shows role and state; a password too short, or somebody unknown, is refused."""
    _ok(kb_on("user", "create", "ana@aurora.example", "--role", "curator", "--password", "long enough"))
    assert _ok(kb_on("user", "list")) == "ana@aurora.example  curator  active\n"
    _ok(kb_on("user", "deactivate", "ANA@aurora.example"))
    assert _ok(kb_on("user", "list")) == "ana@aurora.example  curator  deactivated\n"
    _ok(kb_on("user", "activate", "ana@aurora.example"))
    assert "active" in _ok(kb_on("user", "list")).split()
    with pytest.raises(KbError, match="at least 8"):
        kb_on("user", "password", "ana@aurora.example", "--password", "short")
    with pytest.raises(KbError, match=r"no account for bea@aurora\.example"):
        kb_on("user", "password", "bea@aurora.example", "--password", "long enough")


def test_a_new_password_ends_every_session(kb_on: Kb, tmp_path: Path) -> None:
    """The sign-in's own id of the account changes, and with it what cookies refer to."""
    _ok(kb_on("user", "create", "ana@aurora.example", "--role", "curator", "--password", "long enough"))
    with _parts(tmp_path).database.reading() as work:
        before = work.accounts.by_email("ana@aurora.example")
    _ok(kb_on("user", "password", "ana@aurora.example", "--password", "another one"))
    with _parts(tmp_path).database.reading() as work:
        after = work.accounts.by_email("ana@aurora.example")
    assert before is not None
    assert after is not None
    assert before.uniquifier != after.uniquifier
    assert before.password != after.password


def test_an_export_goes_to_standard_output(kb_sample: Kb) -> None:
    """With a dash for a path, and nothing but lines."""
    lines = [json.loads(line) for line in _ok(kb_sample("export", "-")).splitlines()]
    assert {line["kind"] for line in lines} == {"faq", "macro"}
