"""Tuning the encoder beside the index in use: adopted, kept, undone, dropped, and never half."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.confidence import Goal
from indexer.errors import EncoderMismatch
from indexer.snapshot import Snapshot
from indexer.tuning import Tuning
from kb_service.services.tune_encoder import TuneEncoder, TuningReport
from kb_service.storage.database import Database
from tests.support.bases import faq, publish
from tests.support.noisy import NoisyEncoder
from tests.unit.kb_service.services.conftest import SmallBase

ENTRIES = 20


@pytest.fixture
def noisy() -> NoisyEncoder:
    return NoisyEncoder()


@pytest.fixture
def small(tmp_path: Path, sqlite_database: Database, noisy: NoisyEncoder) -> Iterator[SmallBase]:
    """Twenty entries of five phrasings, fitted, by an encoder that tuning helps."""
    base = SmallBase(tmp_path, sqlite_database, noisy)  # type: ignore[arg-type] # it asks nothing of GramEncoder
    base.publish(*_lines(noisy, 5))
    base.sync.fit()
    base.live.refresh()
    yield base
    base.live.stop()


def _lines(noisy: NoisyEncoder, texts: int) -> list[dict[str, Any]]:
    said = [[noisy.text(entry, number) for number in range(texts)] for entry in range(ENTRIES)]
    return [faq(f"e{n:02d}", question=own[0], variants=own[1:], answer=own[0]) for n, own in enumerate(said)]


def _tuner(base: SmallBase) -> TuneEncoder:
    return TuneEncoder(base.database, base.sync, lambda: base.encoder, Goal())


def _tuning(report: TuningReport) -> Tuning:
    assert report.tuning
    return report.tuning


def _ranked(base: SmallBase, noisy: NoisyEncoder) -> list[Any]:
    """What the server process finds for new questions: entries and confidences."""
    base.live.refresh()
    assert base.live.problem is None
    asked = [noisy.text(entry, 90) for entry in range(ENTRIES)]
    return [[(c.entry, c.confidence) for c in base.questions.consider(text, "es-MX").ranked] for text in asked]


def _files(snapshot: Snapshot) -> dict[str, str]:
    return {name: check.sha256 for name, check in snapshot.manifest.files.items()}


def test_adopted_where_it_is_better(small: SmallBase, noisy: NoisyEncoder) -> None:
    """The index in use is tuned and fitted; a server ranks with it without being told; no text is embedded again."""
    before, cached = _ranked(small, noisy), len(small.sync.cache())
    report = _tuner(small).tune()
    assert (report.outcome, report.earlier, report.version) == ("adopted", None, small.store.current_version())
    used = small.store.load().parameters
    assert (used.tuning, used.fitted_to) == (report.tuning, ENTRIES)
    assert not small.sync.is_fit_due()
    assert _ranked(small, noisy) != before
    assert len(small.sync.cache()) == cached
    assert small.live.current().encoder is small.encoder


def test_trying_changes_nothing(small: SmallBase) -> None:
    """Neither the version nor any answer; the report is the same."""
    version = small.store.current_version()
    tried = _tuner(small).tune(dry_run=True)
    assert (tried.outcome, tried.version, small.store.current_version()) == ("better", version, version)
    assert _tuning(tried).gain == _tuning(_tuner(small).tune()).gain


def test_what_is_no_better_is_not_adopted(small: SmallBase, noisy: NoisyEncoder) -> None:
    """Texts that say nothing but what they are about leave nothing to gain."""
    clear = np.random.default_rng(0).normal(size=(ENTRIES, 24))
    noisy.encode = lambda texts, *_, **__: _units(clear[[noisy.subjects.get(text, 0) for text in texts]])  # type: ignore[method-assign]
    noisy.revision = "2"
    small.sync.rebuild()
    version = small.store.current_version()
    report = _tuner(small).tune()
    assert (report.outcome, report.version) == ("not_better", version)
    assert _tuning(report).gain.hit_at_1.before == 1
    assert small.store.load().parameters.tuning is None
    assert report.facts()["gain"]["hit_at_1"]["after"] == 1


def _units(rows: np.ndarray) -> np.ndarray:
    unit: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def test_too_few_phrasings(small: SmallBase, noisy: NoisyEncoder) -> None:
    """Said, and nothing is changed."""
    small.publish(*_lines(noisy, 1))
    version = small.store.current_version()
    report = _tuner(small).tune()
    assert (report.outcome, report.version, report.tuning) == ("too_few_questions", version, None)
    assert "where 60 about 10 are needed" in (report.facts()["reason"] or "")


def test_kept_by_publications_fits_and_rebuilds(small: SmallBase, noisy: NoisyEncoder) -> None:
    """The same adapter, on new content too; a preview has it; tuned again, it is replaced."""
    tuning = _tuning(_tuner(small).tune())
    small.publish(faq("new", question=noisy.text(77, 0), variants=[noisy.text(77, 1)], answer="x"))
    assert small.sync.fit() is not None
    current, preview = small.sync.candidate(small.store.load().documents[:1])
    small.sync.rebuild()
    rebuilt = small.store.load()
    assert small.sync.fit() is not None
    for snapshot in (current, preview, rebuilt, small.store.load()):
        assert snapshot.parameters.tuning == tuning
    assert small.store.load().parameters.fitted_to == ENTRIES + 1
    again = _tuner(small).tune()
    assert (again.outcome, again.earlier) == ("adopted", tuning)
    assert _tuning(again).adapter != tuning.adapter


def test_undone(small: SmallBase, noisy: NoisyEncoder) -> None:
    """Every answer and every file but the manifest is as before; done twice, it says so."""
    before, files = _ranked(small, noisy), _files(small.store.load())
    _tuner(small).tune()
    report = _tuner(small).undo()
    assert (report.outcome, report.earlier is not None) == ("undone", True)
    assert _ranked(small, noisy) == before
    assert _files(small.store.load()) == files
    assert _tuner(small).undo() == TuningReport("not_tuned", report.version, None)


def test_content_published_meanwhile_is_not_lost(small: SmallBase, noisy: NoisyEncoder) -> None:
    """It goes live while the encoder is tuned, stays live, and the fit to it is due."""
    line = faq("new", question=noisy.text(77, 0), answer="x")

    def publish_once(done: int, total: int) -> None:
        if done == 15:
            publish(small.database, small.folder / "more.jsonl", [line])
            small.sync.sync()
            assert small.store.load().parameters.tuning is None

    report = _tuner(small).tune(on_progress=publish_once)
    assert report.outcome == "adopted"
    snapshot = small.store.load()
    assert "new" in {document.entry for document in snapshot.documents}
    assert snapshot.parameters.tuning == report.tuning
    assert small.sync.is_fit_due()


def test_ended_half_way_it_changes_nothing(small: SmallBase) -> None:
    """Ctrl-C at any step leaves the index as it was, free for the next writer."""

    class Stop(Exception):
        """Stands for whatever ends a process."""

    def stop(done: int, total: int) -> None:
        if done == 17:
            raise Stop

    version = small.store.current_version()
    with pytest.raises(Stop):
        _tuner(small).tune(on_progress=stop)
    assert small.store.current_version() == version
    assert len(small.store.versions()) == 2
    with small.store.lock(timeout=0):
        pass


def test_another_encoder_drops_it(small: SmallBase, noisy: NoisyEncoder) -> None:
    """Refused until a rebuild, which starts from nothing: what was fitted and tuned belongs to the other vectors."""
    _tuner(small).tune()
    small.encoder = replace(noisy, revision="2")  # type: ignore[assignment]
    for job in (_tuner(small).tune, _tuner(small).undo):
        with pytest.raises(EncoderMismatch):
            job()
    small.sync.rebuild()
    parameters = small.store.load().parameters
    assert (parameters.tuning, parameters.fitted_to) == (None, -1)
    assert small.sync.is_fit_due()


def test_golden_questions_are_learned_from_and_compared(small: SmallBase, noisy: NoisyEncoder) -> None:
    """They count as confirmed; what they get is compared between the encoder alone and tuned."""
    for entry in range(10):
        small.golden_keeping.add(noisy.text(entry, 50), "es-MX", f"e{entry:02d}", "test", None)
    report = _tuner(small).tune()
    assert _tuning(report).confirmed == 10
    assert report.golden is not None
    assert report.golden.questions == 10
    assert report.golden.before is not None
    assert report.facts()["golden"]["questions"] == 10
