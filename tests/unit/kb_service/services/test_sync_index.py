"""Keeping the index up with the change log, and serving the newest good one."""

import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest

from indexer.errors import EncoderMismatch
from indexer.store import SnapshotStore
from kb_service.errors import NotReady
from kb_service.services.live_index import LiveIndex
from kb_service.services.sync_index import SyncIndex, document_of
from kb_service.storage.database import Database
from tests.support.bases import faq, macro, publish
from tests.unit.indexer.conftest import GramEncoder
from tests.unit.kb_service.services.conftest import SmallBase


def _served(base: SmallBase) -> dict[tuple[str, str, str], str]:
    documents = base.store.load().documents
    return {(document.kind, document.entry, document.locale): document.body for document in documents}


def _assert_same_as_database(base: SmallBase) -> None:
    with base.database.reading() as work:
        assert set(base.store.load().documents) == {document_of(revision) for revision in work.content.published()}


def _damage(base: SmallBase, version: str, name: str = "documents.jsonl") -> None:
    path = base.folder / "index" / version / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_index_holds_what_is_live(small: SmallBase) -> None:
    """After each of: publishing, editing, drafting, unpublishing, publishing again."""
    steps = [
        lambda: publish(small.database, small.folder / "x", [faq("a"), faq("a", "en"), faq("b"), macro("a")]),
        lambda: publish(small.database, small.folder / "x", [faq("a", answer="edited")]),
        lambda: small.unpublish("faq", "a", "en"),
        lambda: small.unpublish("faq", "b", "es-MX"),
        lambda: publish(small.database, small.folder / "x", [faq("b")]),
    ]
    for step in steps:
        step()
        assert small.sync.is_needed()
        assert small.sync.behind() > 0
        small.sync.sync()
        assert not small.sync.is_needed()
        assert small.sync.behind() == 0
        _assert_same_as_database(small)
    assert _served(small)["faq", "a", "es-MX"] == "edited"


def test_only_new_text_is_embedded(small: SmallBase) -> None:
    """The encoder is asked for texts that it has not seen, and for none when something is taken off and put back."""
    small.publish(*(faq(f"entry-{number}", variants=["x"]) for number in range(20)))
    small.encoder.asked.clear()
    publish(small.database, small.folder / "x", [faq("entry-3", variants=["x", "a new phrasing"])])
    small.sync.sync()
    assert small.encoder.asked == ["a new phrasing"]
    small.encoder.asked.clear()
    small.unpublish("faq", "entry-4", "es-MX")
    small.sync.sync()
    publish(small.database, small.folder / "x", [faq("entry-4", variants=["x"])])
    small.sync.sync()
    assert small.encoder.asked == []


def test_a_sync_without_changes_makes_no_version(small: SmallBase) -> None:
    """It reports the one there is."""
    small.publish(faq("a"))
    version = small.store.current_version()
    report = small.sync.sync()
    assert (report.version, report.changes, report.rebuilt) == (version, 0, False)
    assert small.store.versions() == (version,)


def test_an_empty_base_has_an_empty_index(small: SmallBase) -> None:
    """Which answers, by handing over."""
    assert small.sync.sync().rebuilt
    small.live.refresh()
    assert small.ask("hola").decision == "handoff"


def test_a_rebuild_embeds_everything_again(small: SmallBase) -> None:
    """To the same documents, as a new version."""
    small.publish(faq("a"), faq("b"))
    before, texts = small.store.load(), sorted(small.encoder.asked)
    small.encoder.asked.clear()
    report = small.sync.rebuild()
    after = small.store.load()
    assert report.rebuilt
    assert after.version == report.version != before.version
    assert after.documents == before.documents
    assert set(small.encoder.asked) == set(texts) - {"warm up"}


def test_another_databases_index_is_rebuilt(small: SmallBase, tmp_path: Path, sqlite_template: Path) -> None:
    """Even where its change log is as long: its entries are not served as ours."""
    small.publish(faq("theirs"))
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    other.migrate()
    publish(other, tmp_path / "x", [faq("ours")])
    sync = SyncIndex(other, small.store, lambda: small.encoder, tmp_path / "vectors")
    assert sync.is_needed()
    assert sync.sync().rebuilt
    assert [key for _, key, _ in _served(small)] == ["ours"]
    other.close()


def test_a_change_log_that_went_back_leads_to_a_rebuild(small: SmallBase, tmp_path: Path) -> None:
    """A database restored from an older copy: what was published since is gone from the index too."""
    small.publish(faq("kept"))
    with small.database.writing() as work:  # moves what is in the write-ahead log nowhere, so copy all its files
        copies = {path: path.read_bytes() for path in tmp_path.glob("kb.sqlite3*")}
        assert work.content.highest_change() == 1
    publish(small.database, tmp_path / "x", [faq("lost"), faq("kept", answer="lost")])
    small.sync.sync()
    assert len(_served(small)) == 2
    small.database.close()
    for path in tmp_path.glob("kb.sqlite3*"):
        path.unlink()
    for path, data in copies.items():
        path.write_bytes(data)
    assert small.sync.is_needed()
    assert small.sync.sync().rebuilt
    assert _served(small) == {("faq", "kept", "es-MX"): "Respuesta de kept."}


def test_another_encoder_is_refused_until_a_rebuild(small: SmallBase) -> None:
    """The error names both encoders; what is being served goes on."""
    small.publish(faq("a"))
    small.encoder = GramEncoder()
    small.encoder.revision = "2"
    publish(small.database, small.folder / "x", [faq("b")])
    with pytest.raises(EncoderMismatch, match=r"grams \(1\).*grams \(2\).*kb index rebuild"):
        small.sync.sync()
    small.live.refresh()
    assert small.live.current().snapshot.locales("faq", "a")
    restarted = LiveIndex(small.store, lambda: small.encoder, small.database)
    restarted.refresh()
    with pytest.raises(NotReady, match=r"grams \(1\).*grams \(2\)"):
        restarted.current()
    small.sync.rebuild()
    restarted.refresh()
    assert restarted.current().snapshot.locales("faq", "b")
    assert restarted.problem is None


@pytest.mark.parametrize("name", ["documents.jsonl", "manifest.json", "faq.faiss", "parameters.json"])
def test_a_damaged_index_is_rebuilt(small: SmallBase, name: str) -> None:
    """By the next sync, also when nothing was published since."""
    small.publish(faq("a"))
    _damage(small, small.store.current_version(), name)
    fresh = SyncIndex(small.database, small.store, lambda: small.encoder, small.folder / "vectors")
    assert fresh.is_needed()
    assert fresh.sync().rebuilt
    assert [report.problem for report in small.store.verify() if report.is_current] == [None]


def test_a_deleted_index_is_rebuilt(small: SmallBase) -> None:
    """From the database alone."""
    small.publish(faq("a"))
    shutil.rmtree(small.folder / "index")
    small.store = SnapshotStore(str(small.folder / "index"))
    fresh = SyncIndex(small.database, small.store, lambda: small.encoder, small.folder / "vectors")
    assert fresh.sync().rebuilt
    _assert_same_as_database(small)


def test_progress_counts_what_is_embedded(small: SmallBase) -> None:
    """Up to the total, and not at all where nothing is."""
    publish(small.database, small.folder / "x", [faq(f"e{number}") for number in range(30)])
    reports: list[tuple[int, int]] = []
    small.sync.sync(lambda done, total: reports.append((done, total)))
    assert reports[-1][0] == reports[-1][1] > 0
    reports.clear()
    small.sync.sync(lambda done, total: reports.append((done, total)))
    assert reports == []


def test_a_damaged_newer_index_leaves_the_good_one_in_use(small: SmallBase) -> None:
    """The problem names the damaged file, answers go on from the old one, and a newer good one heals it."""
    small.publish(faq("a"))
    good = small.live.current().snapshot.version
    publish(small.database, small.folder / "x", [faq("b")])
    damaged = small.sync.sync().version
    _damage(small, damaged)
    small.live.refresh()
    assert small.live.current().snapshot.version == good
    assert damaged in (small.live.problem or "")
    assert "documents.jsonl" in (small.live.problem or "")
    assert small.ask("¿a?").index_version == good
    restarted = LiveIndex(small.store, lambda: small.encoder, small.database)
    restarted.refresh()
    assert restarted.current().snapshot.version == good
    assert "documents.jsonl" in (restarted.problem or "")
    small.publish(faq("c"))
    assert small.live.current().snapshot.locales("faq", "c")
    assert small.live.problem is None


def test_a_deleted_index_goes_on_being_served(small: SmallBase) -> None:
    """From memory; the problem is said."""
    small.publish(faq("a"))
    shutil.rmtree(small.folder / "index")
    small.live.refresh()
    assert small.live.problem is not None
    assert small.ask("¿a?").decision == "answer"


def test_following_picks_up_a_new_index_by_itself(small: SmallBase) -> None:
    """The thread is started once, serves the newest, and ends when told."""
    small.live.follow()
    small.live.follow()
    publish(small.database, small.folder / "x", [faq("a")])
    version = small.sync.sync().version
    _wait(lambda: small.live.problem is None and small.live.current().snapshot.version == version)
    publish(small.database, small.folder / "x", [faq("b")])
    newer = small.sync.sync().version
    _wait(lambda: small.live.current().snapshot.version == newer)
    small.live.stop()


def _wait(holds) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_index_of_another_database_is_not_answered_from(small: SmallBase, tmp_path: Path) -> None:
    """Its revisions are not there; once the worker has built it anew, it is."""
    small.publish(faq("a"))
    other = Database(f"sqlite:///{tmp_path / 'other.sqlite3'}")
    other.migrate()
    live = LiveIndex(small.store, lambda: small.encoder, other)
    live.refresh()
    with pytest.raises(NotReady, match="not built from this database"):
        live.current()
    SyncIndex(other, small.store, lambda: small.encoder, small.folder / "vectors").sync()
    live.refresh()
    assert live.current().snapshot.documents == ()
    other.close()


def test_lag_is_how_long_a_publication_has_been_waiting(small: SmallBase) -> None:
    """Zero while the index has everything, and from then on since the oldest change it lacks."""
    small.publish(faq("a"))
    assert small.live.lag() == timedelta(0)
    publish(small.database, small.folder / "x", [faq("b")])
    first = small.live.lag()
    publish(small.database, small.folder / "y", [faq("c")])
    assert timedelta(0) < first < small.live.lag() < timedelta(seconds=30)
    small.serve()
    assert small.live.lag() == timedelta(0)


def test_a_version_that_comes_back_is_loaded(small: SmallBase, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that was out of reach for a moment does not leave the server behind for ever."""
    monkeypatch.setattr("kb_service.services.live_index.RETRY_SECONDS", 0.0)
    small.publish(faq("a"))
    publish(small.database, small.folder / "x", [faq("b")])
    newer = small.folder / "index" / small.sync.sync().version
    newer.rename(small.folder / "away")
    small.live.refresh()
    assert small.live.problem is not None
    (small.folder / "away").rename(newer)
    small.live.refresh()
    assert small.live.problem is None
    assert small.live.current().snapshot.locales("faq", "b")
