"""A worker killed in the middle of a sync leaves a consistent index behind, and its successor finishes the work."""

import json
import random
import signal
import time
from pathlib import Path

import pytest

from indexer.documents import Document
from indexer.snapshot import Snapshot
from kb_service.parts import Parts, wire
from kb_service.services.sync_index import document_of
from kb_service.settings import Settings
from tests.integration.serving import environment, kb, running

pytestmark = pytest.mark.slow

KILLS = 20
ENTRIES = 300
PHRASINGS = 4


def _publish(parts: Parts, folder: Path, edit: int) -> None:
    """Give every entry new phrasings, so that the sync that follows embeds some hundred texts."""
    lines = [
        {
            "key": f"entry-{number}",
            "kind": "faq",
            "locale": "en",
            "question": f"Question {number}, edition {edit}?",
            "variants": [f"phrasing {i} of question {number} in edition {edit}" for i in range(PHRASINGS)],
            "answer": f"Answer {number} of edition {edit}.",
        }
        for number in range(ENTRIES)
    ]
    path = folder / "edit.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    parts.importing.apply(parts.importing.preview(path, publish=True), author="test")


def _editions(snapshot: Snapshot) -> set[str]:
    return {document.body.rsplit(" ", 1)[1] for document in snapshot.documents}


def _published(parts: Parts) -> set[Document]:
    with parts.database.reading() as work:
        return {document_of(revision) for revision in work.content.published()}


def test_twenty_kills_in_the_middle_of_a_sync(tmp_path: Path) -> None:
    """After each SIGKILL the current snapshot verifies and holds one edition whole; the next worker catches up."""
    random.seed(20261122)
    env = environment(tmp_path / "data")
    parts = wire(Settings(data_dir=tmp_path / "data"))
    assert kb("init", env=env).wait(timeout=60) == 0
    _publish(parts, tmp_path, 0)
    parts.sync.sync()
    in_the_middle = 0
    for edit in range(1, KILLS + 1):
        _publish(parts, tmp_path, edit)
        worker = kb("worker", env=env)
        _wait_for_first_sign_of_work(parts, tmp_path / "data")
        time.sleep(random.uniform(0, 0.25))
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(timeout=10) == -signal.SIGKILL
        in_the_middle += parts.sync.is_needed()
        snapshot = parts.store.load()
        assert len(_editions(snapshot)) == 1
        assert len(snapshot.documents) == ENTRIES
    assert in_the_middle >= KILLS // 4, "the kills came too late to say anything"
    _publish(parts, tmp_path, KILLS + 1)
    with running(kb("worker", env=env)):
        _wait(lambda: not parts.sync.is_needed())
    snapshot, damage = parts.store.load_good()
    assert damage is None
    assert set(snapshot.documents) == _published(parts)
    assert all(report.problem is None for report in parts.store.verify())


def _wait_for_first_sign_of_work(parts: Parts, data_dir: Path) -> None:
    """Return once the worker writes vectors or a snapshot."""
    before = _footprint(data_dir)
    _wait(lambda: _footprint(data_dir) != before or not parts.sync.is_needed())


def _footprint(data_dir: Path) -> list[tuple[str, int]]:
    folders = (data_dir / "vectors", data_dir / "index")
    found = [path for folder in folders for path in folder.rglob("*")]
    return sorted((str(path), path.stat().st_size) for path in found if path.exists() and path.suffix != ".lock")


def _wait(holds: object) -> None:
    deadline = time.monotonic() + 60
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)
