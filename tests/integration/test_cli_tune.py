"""`kb tune` with the real encoder: what people and programs are told, who else uses it, and that a kill is harmless."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from indexer.encoders import load_encoder
from indexer.ranking import Query
from indexer.store import SnapshotStore
from kb_service.parts import wire
from kb_service.settings import Settings
from tests.integration.serving import environment, kb
from tests.support.bases import publish, wordy_customers, write_lines

Kb = Callable[..., Result]
ASKED = "buenas tardes, le escribo desde Puebla, fíjese que me quitaron la cartera en el metro"


@pytest.fixture(scope="module")
def wordy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a base that tuning helps."""
    folder = tmp_path_factory.mktemp("wordy")
    parts = wire(Settings(data_dir=folder / "data"))
    parts.database.migrate()
    publish(parts.database, folder / "base.jsonl", wordy_customers())
    parts.sync.sync()
    parts.sync.fit()
    parts.database.close()
    return folder / "data"


@pytest.fixture
def kb_wordy(kb_on: Kb, tmp_path: Path, wordy_folder: Path) -> Kb:
    """Runs `kb` on a copy of it."""
    shutil.copytree(wordy_folder, tmp_path / "data")
    return kb_on


def _facts(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def _store(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "data" / "index"))


def test_tuned_and_undone(kb_wordy: Kb, tmp_path: Path) -> None:
    """The gain is told and kept; whoever loads the snapshot ranks with it; undoing restores every number."""
    before, status = _facts(kb_wordy("ask", ASKED, "--json")), _facts(kb_wordy("index", "status", "--json"))
    human = kb_wordy("tune")
    assert human.exit_code == 0
    assert f"{status['phrasings']} phrasings: up to 1 min" in human.stderr
    assert f"is better\nlearned from {status['phrasings']} phrasings and 0 confirmed questions\n" in human.stdout
    tuned = _facts(kb_wordy("index", "status", "--json"))["tuned"]
    gained = "{before:.1%} -> {after:.1%}".format(**tuned["gain"]["hit_at_1"])
    assert f"right entry first       {gained} (+" in human.stdout
    assert f"right entry first {gained}, answered automatically" in kb_wordy("index", "status").stdout

    after = _facts(kb_wordy("ask", ASKED, "--json"))
    assert after["candidates"] != before["candidates"]
    query = Query(ASKED, load_encoder("multilingual").encode([ASKED], role="query")[0], "es-MX")
    best = _store(tmp_path).load().rank("faq", query)[0]
    assert (best.entry, best.confidence) == (after["candidates"][0]["entry"], pytest.approx(after["confidence"]))

    undone = kb_wordy("tune", "--undo")
    assert (undone.exit_code, undone.stdout[:7]) == (0, "undone:")
    restored = _facts(kb_wordy("ask", ASKED, "--json"))
    assert restored.pop("index_version") > before.pop("index_version")
    assert restored == before
    assert _facts(kb_wordy("tune", "--undo", "--json"))["outcome"] == "not_tuned"


def test_a_base_with_too_few_phrasings_is_left_alone(kb_on: Kb, tmp_path: Path) -> None:
    """One entry: it says what is missing and changes nothing."""
    path = write_lines(tmp_path / "base.jsonl", list(wordy_customers())[:1])
    assert kb_on("import", path, "--publish").exit_code == 0
    version = _facts(kb_on("index", "status", "--json"))["version"]
    human = kb_on("tune")
    assert human.exit_code == 0
    assert human.stdout.startswith("nothing is changed: too little to compare with: ")
    facts = _facts(kb_on("tune", "--json"))
    assert (facts["outcome"], facts["index_version"], facts["gain"]) == ("too_few_questions", version, None)
    assert "where 60 about 10 are needed" in facts["reason"]


def test_undo_and_dry_run_exclude_each_other(kb_wordy: Kb) -> None:
    """Wrong usage, exit code 2."""
    assert kb_wordy("tune", "--undo", "--dry-run").exit_code == 2


def test_killed_while_it_learns(tmp_path: Path, wordy_folder: Path) -> None:
    """The index in use stays as it is and whole, and its lock is free."""
    shutil.copytree(wordy_folder, tmp_path / "data")
    env, store = environment(tmp_path / "data"), _store(tmp_path)
    version = store.current_version()
    with (tmp_path / "log").open("w") as log:
        process = kb("tune", env=env, stderr=log, stdout=log)
        deadline = time.monotonic() + 60
        while "up to 1 min" not in (tmp_path / "log").read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.4)
        process.kill()
        assert process.wait(timeout=10) != 0
    assert store.current_version() == version
    assert [report.problem for report in store.verify()] == [None] * len(store.versions())
    assert store.load().parameters.tuning is None
    with store.lock(timeout=1):
        pass
