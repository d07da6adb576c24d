"""Publishing, switching, pruning, and what is served when something is broken."""

import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from indexer.documents import Document
from indexer.errors import IndexerError, SnapshotDamaged, SnapshotMissing, StoreBusy
from indexer.snapshot import Snapshot
from indexer.store import SnapshotStore

Make = Callable[[int], Snapshot]


@pytest.fixture
def make(build) -> Make:
    """Snapshots of one entry that differ by a number."""
    return lambda number: build([Document("a", "faq", "en", number, f"Question {number}?", "Answer.")])


@pytest.fixture
def memory() -> Iterator[str]:
    """A remote place, empty."""
    yield "memory://kb/index"
    fsspec.filesystem("memory").store.clear()
    fsspec.filesystem("memory").pseudo_dirs[:] = [""]


@pytest.fixture(params=["local", "remote"])
def store(request: pytest.FixtureRequest, tmp_path: Path, memory: str) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "index") if request.param == "local" else memory, tmp_path / "copies")


@pytest.fixture
def local(tmp_path: Path) -> SnapshotStore:
    return SnapshotStore(str(tmp_path / "index"))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_an_empty_store_has_no_snapshot(store: SnapshotStore) -> None:
    """Everything says so without failing, except loading."""
    assert store.current_version() is None
    assert store.versions() == store.verify() == ()
    for load in (store.load, store.load_good, lambda: store.load("000001-abcdef01"), lambda: store.load("../x")):
        with pytest.raises(SnapshotMissing):
            load()


def test_what_is_published_is_current_and_loads(store: SnapshotStore, make: Make) -> None:
    """Under the name that publish returned, which holds a piece of the content hash."""
    snapshot = make(1)
    version = store.publish(snapshot)
    assert version == f"000001-{snapshot.content_hash[:8]}"
    assert store.current_version() == version
    loaded, damage = store.load_good()
    assert (loaded.version, loaded.documents, damage) == (version, snapshot.documents, None)


def test_versions_sort_by_age_and_the_newest_three_stay(store: SnapshotStore, make: Make) -> None:
    """The same content published again is a new version."""
    published = [store.publish(make(number % 4)) for number in range(6)]
    assert published == sorted(published)
    assert store.versions() == tuple(published[-3:])
    assert store.current_version() == published[-1]
    for report in store.verify():
        assert (report.is_current, report.problem) == (report.version == published[-1], None)
    with pytest.raises(SnapshotMissing, match=published[0]):
        store.load(published[0])


def test_versions_sort_by_number_beyond_a_million(local: SnapshotStore, make: Make, tmp_path: Path) -> None:
    """Seven digits come after six."""
    first = local.publish(make(1))
    (tmp_path / "index" / first).rename(tmp_path / "index" / "999999-abcdef01")
    assert local.publish(make(2)).startswith("1000000-")
    assert local.versions()[-1].startswith("1000000-")


def test_a_damaged_current_version_is_refused_and_the_last_good_one_served(
    local: SnapshotStore, make: Make, tmp_path: Path
) -> None:
    """With what was wrong; verify says the same."""
    old, bad = local.publish(make(1)), local.publish(make(2))
    flip(tmp_path / "index" / bad / "faq.faiss")
    with pytest.raises(SnapshotDamaged, match=r"faq\.faiss: checksum differs"):
        local.load()
    snapshot, damage = local.load_good()
    assert snapshot.version == old
    assert damage is not None
    assert (damage.version, damage.file) == (bad, "faq.faiss")
    assert [report.problem for report in local.verify()] == [None, "faq.faiss: checksum differs"]


def test_nothing_good_is_missing_with_the_reason(local: SnapshotStore, make: Make, tmp_path: Path) -> None:
    """The error names the damage and the way out."""
    flip(tmp_path / "index" / local.publish(make(1)) / "documents.jsonl")
    with pytest.raises(SnapshotMissing, match=r"documents\.jsonl.*kb index rebuild"):
        local.load_good()


def test_a_pointer_to_nowhere_serves_the_newest_earlier_version(
    local: SnapshotStore, make: Make, tmp_path: Path
) -> None:
    """A version that was never switched to is not earlier."""
    versions = [local.publish(make(number)) for number in range(3)]
    shutil.rmtree(tmp_path / "index" / versions[1])
    (tmp_path / "index" / "CURRENT").write_text(versions[1])
    snapshot, damage = local.load_good()
    assert snapshot.version == versions[0]
    assert damage is not None
    assert damage.file == "CURRENT"
    assert local.verify()[-1].problem == "CURRENT points at a version that is not there"


@pytest.mark.parametrize("content", [b"", b"../../etc", b"\xff\xfe", None])
def test_a_garbled_or_lost_pointer_serves_the_newest(
    local: SnapshotStore, make: Make, tmp_path: Path, content: bytes | None
) -> None:
    """And never leads out of the store."""
    version = local.publish(make(1))
    pointer = tmp_path / "index" / "CURRENT"
    pointer.unlink() if content is None else pointer.write_bytes(content)
    snapshot, damage = local.load_good()
    assert snapshot.version == version
    assert damage is not None
    assert damage.file == "CURRENT"
    assert local.publish(make(2)) == local.current_version() != version


def test_a_writer_killed_before_the_switch_changes_nothing(
    local: SnapshotStore, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The complete version it left is neither served nor in the way."""
    first = local.publish(make(1))
    with monkeypatch.context() as patch:
        patch.setattr("indexer._places._LocalPlace.write_pointer", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            local.publish(make(2))
    assert local.current_version() == first
    assert local.load_good()[0].version == first
    third = local.publish(make(3))
    assert third.startswith("000003-")
    assert local.current_version() == third


def test_left_overs_of_killed_writers_are_removed_by_the_next(local: SnapshotStore, make: Make, tmp_path: Path) -> None:
    """Half-written folders and pointers; half-written folders are no versions either."""
    root = tmp_path / "index"
    (root / ".tmp-abc").mkdir()
    (root / ".tmp-abc" / "faq.faiss").write_bytes(b"half")
    (root / ".tmp-CURRENT").write_text("half")
    assert local.versions() == ()
    version = local.publish(make(1))
    assert sorted(path.name for path in root.iterdir()) == sorted([version, "CURRENT", ".lock"])


def test_only_one_writer_at_a_time(tmp_path: Path, make: Make, local: SnapshotStore) -> None:
    """The lock is re-entrant for its holder and refuses others after the timeout."""
    other = SnapshotStore(str(tmp_path / "index"))
    with local.lock(timeout=1):
        local.publish(make(1))
        with pytest.raises(StoreBusy, match="another process"), other.lock(timeout=0.05):
            pass
    with other.lock(timeout=0.05):
        pass


def test_an_open_snapshot_outlives_its_pruning(local: SnapshotStore, make: Make, ask) -> None:
    """Memory-mapped files stay readable until the last reader lets go."""
    local.publish(make(0))
    snapshot = local.load()
    for number in range(1, 5):
        local.publish(make(number))
    assert snapshot.version not in local.versions()
    assert snapshot.rank("faq", ask("question"))[0].entry == "a"


def test_a_damaged_copy_of_a_remote_version_is_fetched_again(make: Make, tmp_path: Path, memory: str) -> None:
    """The damage was ours, not the store's."""
    store = SnapshotStore(memory, tmp_path / "copies")
    version = store.publish(make(1))
    store.load()
    flip(next((tmp_path / "copies").rglob("faq.faiss")))
    assert store.load().version == version


def test_a_damaged_remote_version_is_refused(make: Make, tmp_path: Path, memory: str) -> None:
    """The last good one is served."""
    store = SnapshotStore(memory, tmp_path / "copies")
    good, bad = store.publish(make(1)), store.publish(make(2))
    fsspec.filesystem("memory").pipe_file(f"/kb/index/{bad}/parameters.json", b"{}")
    snapshot, damage = store.load_good()
    assert snapshot.version == good
    assert damage is not None
    assert damage.file == "parameters.json"
    assert [report.problem is None for report in store.verify()] == [True, False]


def test_a_remote_version_without_manifest_is_a_left_over(make: Make, tmp_path: Path, memory: str) -> None:
    """The manifest is put last; what lacks one is not listed and is removed by the next writer."""
    files = fsspec.filesystem("memory")
    files.pipe_file("/kb/index/000007-abcdef01/faq.faiss", b"half")
    store = SnapshotStore(memory, tmp_path / "copies")
    assert store.versions() == ()
    store.publish(make(1))
    assert not files.exists("/kb/index/000007-abcdef01/faq.faiss")


def test_a_remote_store_needs_a_folder_and_a_known_protocol(memory: str) -> None:
    """One clear line each."""
    with pytest.raises(IndexerError, match="needs a local folder"):
        SnapshotStore(memory)
    with pytest.raises(IndexerError, match="nonsense"):
        SnapshotStore("nonsense://x")


def publish_forever(root: Path, snapshots: list[Snapshot]) -> None:
    while True:
        for snapshot in snapshots:
            SnapshotStore(str(root)).publish(snapshot)


@pytest.mark.slow
def test_readers_never_see_a_part_and_kills_leave_a_good_current(make: Make, tmp_path: Path) -> None:
    """kill -9 at arbitrary moments: the current version always verifies, and the next writer goes on."""
    root = tmp_path / "index"
    store = SnapshotStore(str(root))
    store.publish(make(0))
    for round_ in range(6):
        writer = multiprocessing.get_context("fork").Process(target=publish_forever, args=(root, [make(1), make(2)]))
        writer.start()
        end = time.monotonic() + 0.15 + 0.03 * round_
        while time.monotonic() < end:
            assert store.current_version() is not None
        os.kill(writer.pid or 0, signal.SIGKILL)
        writer.join()
        assert store.load_good()[1] is None
        store.publish(make(3))
        assert not list(root.glob(".tmp-*"))
        assert len(store.versions()) == 3
