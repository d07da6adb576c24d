"""`kb ask --explain` and what `kb index status` promises."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from kb_service.parts import wire
from kb_service.settings import Settings
from tests.support.bases import faq, write_lines

Kb = Callable[..., Result]
UNSURE = "mi tarjeta no sirve"


def _ok(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def _facts(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_ok(result))
    return found


def test_json_has_the_whole_explanation(kb_sample: Kb) -> None:
    """With and without --explain; its parts agree with the decision."""
    facts = _facts(kb_sample("ask", UNSURE, "--json"))
    found, candidates = facts["explanation"], facts["candidates"]
    assert (found["entry"], found["runner_up"]) == (candidates[0]["entry"], candidates[1]["entry"])
    assert [signal["name"] for signal in found["signals"]] == ["nearest", "subject", "learned", "words", "spelling"]
    for signal in found["signals"]:
        assert signal["value"] == candidates[0]["signals"][signal["name"]]
        assert signal["amount"] == pytest.approx(signal["value"] * signal["weight"])
    assert found["above_answer"] == pytest.approx(facts["confidence"] - facts["thresholds"]["answer"])
    kinds = {change["kind"] for change in found["changes"]}
    assert {"phrasing", "threshold", "lead", "subject"} <= kinds
    assert _facts(kb_sample("ask", UNSURE, "--explain", "--json"))["explanation"] == found


def test_people_read_why_and_what_would_change_it(kb_sample: Kb) -> None:
    """Only when they ask for it."""
    facts = _facts(kb_sample("ask", UNSURE, "--json"))
    found = facts["explanation"]
    human = _ok(kb_sample("ask", UNSURE, "--explain"))
    assert f"why {found['entry']}" in human
    assert f"ahead of {found['runner_up']}" in human
    assert f"missed by {-found['above_answer']:.3f}" in human
    assert f"- '{UNSURE}' as a phrasing of {found['entry']}: answer" in human
    assert all(f"{signal['amount']:.2f}" in human for signal in found["signals"])
    short = _ok(kb_sample("ask", UNSURE))
    assert human.startswith(short)
    assert "why " not in short


def test_what_would_take_an_answer_away_is_said(kb_sample: Kb) -> None:
    """For one that is sure, and for one that is a phrasing word for word."""
    sure = _ok(kb_sample("ask", "perdi mi tarjeta", "--explain"))
    assert "times as likely as it is: suggest" in sure
    assert ": answer by " in sure
    exact = _ok(kb_sample("ask", "¿cómo cambio el NIP de mi tarjeta?", "--explain"))
    assert "word for word, a phrasing of this entry alone" in exact
    assert "as a phrasing of another entry as well" in exact


def test_a_proposed_phrasing_does_what_was_said(kb_on: Kb, tmp_path: Path) -> None:
    """Imported as proposed, and fitted again, the question is answered."""
    lines = [faq("lost", question="perdí mi tarjeta"), faq("pin", question="cambiar mi nip")]
    path = tmp_path / "kb.jsonl"
    _ok(kb_on("import", write_lines(path, lines), "--publish"))
    query = "qué hago sin plástico"
    (proposed,) = (
        c for c in _facts(kb_on("ask", query, "--json"))["explanation"]["changes"] if c["kind"] == "phrasing"
    )
    for line in lines:
        line["variants"] = [proposed["term"]] if line["key"] == proposed["entry"] else []
    _ok(kb_on("import", write_lines(path, lines), "--publish"))
    facts = _facts(kb_on("ask", query, "--json"))
    assert (facts["decision"], facts["candidates"][0]["entry"]) == ("answer", proposed["entry"])


def test_nothing_found_is_nothing_to_explain(kb_sample: Kb) -> None:
    """No error."""
    assert _facts(kb_sample("ask", "12345", "--json"))["explanation"] is None
    assert "nothing was found that could be explained" in _ok(kb_sample("ask", "12345", "--explain"))


def test_the_index_says_what_it_promises(kb_sample: Kb, tmp_path: Path) -> None:
    """Precision and coverage, evidence, thresholds and how often it was right; the same in both forms."""
    parts = wire(Settings(data_dir=tmp_path / "data", secret_key="x"))
    parts.sync.fit()
    facts, human = _facts(kb_sample("index", "status", "--json")), _ok(kb_sample("index", "status"))
    promise, evidence = facts["promise"], facts["evidence"]
    assert (facts["lack"], facts["fit"], facts["goal"]["precision"]) == (None, "current", 0.95)
    assert facts["fitted_to"] == facts["highest_change"]
    assert promise["precision"] >= 0.95
    assert 0 < promise["coverage"] < 1
    assert f"{promise['precision']:.1%} of automatic replies right (95.0% wanted)" in human
    counted = f"{evidence['answerable']} answerable, {evidence['unanswerable']} unanswerable"
    assert f"{counted}, {evidence['labelled']} labelled questions" in human
    assert f"automatic reply from {facts['thresholds']['answer']:.3f}" in human
    assert "to the current content" in human
    for row in promise["reliability"]:
        assert f"{row['confidence']:.2f}" in human
        assert str(row["questions"]) in human


def test_what_is_not_promised_has_its_reason(kb_on: Kb, tmp_path: Path) -> None:
    """Not measured; measured on too little; and after a change, on an earlier state."""
    _ok(kb_on("import", write_lines(tmp_path / "kb.jsonl", [faq("a"), faq("b")])))
    parts = wire(Settings(data_dir=tmp_path / "data", secret_key="x"))
    parts.importing.apply(parts.importing.preview(tmp_path / "kb.jsonl", publish=True), author="x")
    parts.sync.sync()
    facts = _facts(kb_on("index", "status", "--json"))
    assert (facts["promise"], facts["lack"], facts["fit"], facts["fitted_to"]) == (None, "fit", "starting", -1)
    assert "it was not yet measured on this base" in _ok(kb_on("index", "status"))
    parts.sync.fit()
    facts = _facts(kb_on("index", "status", "--json"))
    assert (facts["promise"], facts["lack"], facts["fit"]) == (None, "evidence", "current")
    human = _ok(kb_on("index", "status"))
    assert "at least 60 answerable questions" in human
    assert "a second and third phrasing for every entry and golden questions help" in human
    changed = write_lines(tmp_path / "kb.jsonl", [faq("c")])
    parts.importing.apply(parts.importing.preview(changed, publish=True), author="x")
    parts.sync.sync()
    assert _facts(kb_on("index", "status", "--json"))["fit"] == "earlier"
    assert "to an earlier state of the content" in _ok(kb_on("index", "status"))
