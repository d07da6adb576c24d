"""Where snapshots live: published whole, switched atomically, pruned, and refused when damaged."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from indexer._places import open_place
from indexer.errors import SnapshotDamaged, SnapshotMissing, StoreBusy
from indexer.manifest import read_manifest, verify_files
from indexer.snapshot import Snapshot

KEEP = 3
_VERSION = re.compile(r"\d{6,}-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class VersionReport:
    """Whether a version is the current one and what is wrong with it (None: nothing)."""

    version: str
    is_current: bool
    problem: str | None


class SnapshotStore:
    """The published snapshots under `url`: a local folder or any fsspec URL.

    `<url>/<version>/` holds a snapshot and `<url>/CURRENT` the name of the one in force. Versions are named
    `<number>-<8 digits of content hash>` and sort by age. Remote versions are copied into `local_cache` to be loaded.
    On a local folder a single writer is guaranteed by a lock file; on a remote one only among the processes that share
    `local_cache`.
    """

    def __init__(self, url: str, local_cache: Path | None = None) -> None:
        self._place = open_place(url, local_cache)
        self._lock = FileLock(self._place.lock_path)

    def current_version(self) -> str | None:
        """What CURRENT says, or None before the first publication. One small read; OSError when it cannot be made."""
        return self._place.read_pointer()

    def versions(self) -> tuple[str, ...]:
        """Every complete version, oldest first."""
        return tuple(sorted((name for name in self._place.complete() if _VERSION.fullmatch(name)), key=_age))

    def publish(self, snapshot: Snapshot) -> str:
        """Store `snapshot` as a new version, make it the current one and delete all but the newest 3; its name.

        A reader sees the old version or the new one, never a part. What killed writers left is removed first.
        StoreBusy when another writer is at work for a minute; OSError when the disk is full, which changes nothing.
        """
        with self.lock(timeout=60):
            self._place.sweep()
            number = _age(self.versions()[-1]) + 1 if self.versions() else 1
            version = f"{number:06d}-{snapshot.content_hash[:8]}"
            self._place.write(version, lambda folder: snapshot.save(folder, version))
            self._place.write_pointer(version)
            for old in self.versions()[:-KEEP]:
                self._place.delete(old)
        return version

    def load(self, version: str | None = None) -> Snapshot:
        """The snapshot of that version, or of the current one, verified.

        SnapshotMissing when there is no such version; SnapshotDamaged when CURRENT points nowhere or a file is not what
        the manifest says.
        """
        current = self.current_version()
        if version is None and current is None:
            raise SnapshotMissing("no index has been published yet; build one with `kb index sync`")
        wanted = version or current or ""
        try:
            return self._load(wanted)
        except FileNotFoundError as error:
            if version is None:
                raise SnapshotDamaged(wanted, "CURRENT", "points at a version that is not there") from error
            raise SnapshotMissing(f"index version {wanted} is not there") from error

    def load_good(self) -> tuple[Snapshot, SnapshotDamaged | None]:
        """The current snapshot, or else the newest earlier one that is intact and what was wrong with the current one.

        Versions newer than the current one were never switched to and are not considered, unless CURRENT itself is
        missing or unreadable. SnapshotMissing when there is none to serve.
        """
        try:
            return self.load(), None
        except SnapshotDamaged as error:
            damage = error
        except SnapshotMissing:
            if not self.versions():
                raise
            damage = SnapshotDamaged("unknown", "CURRENT", "missing")
        for version in reversed(self._before(damage.version)):
            try:
                return self.load(version), damage
            except (SnapshotDamaged, SnapshotMissing):
                continue
        raise SnapshotMissing(f"no intact index version is left; {damage}; build one with `kb index rebuild`")

    def verify(self) -> tuple[VersionReport, ...]:
        """Every version, oldest first, with what is wrong with it; a CURRENT that points nowhere comes last."""
        current, versions = self.current_version(), self.versions()
        reports = [VersionReport(version, version == current, self._problem(version)) for version in versions]
        if current is not None and current not in versions:
            reports.append(VersionReport(current, True, "CURRENT points at a version that is not there"))
        return tuple(reports)

    @contextmanager
    def lock(self, timeout: float) -> Iterator[None]:
        """Be the only writer meanwhile; re-entrant for this store in the same thread. StoreBusy after `timeout` s."""
        try:
            self._lock.acquire(timeout=timeout)
        except Timeout as error:
            raise StoreBusy(f"another process has been writing the index for more than {timeout:g} s") from error
        try:
            yield
        finally:
            self._lock.release()

    def _load(self, version: str) -> Snapshot:
        """FileNotFoundError when there is no such version. A damaged local copy of a remote one is fetched again."""
        if not _VERSION.fullmatch(version):  # also keeps a garbled pointer from leading out of the store
            raise FileNotFoundError(version)
        try:
            return Snapshot.load(self._place.fetch(version))
        except SnapshotDamaged:
            folder = self._place.refetch(version)
            if folder is None:
                raise
            return Snapshot.load(folder)

    def _before(self, version: str) -> tuple[str, ...]:
        if not _VERSION.fullmatch(version):
            return self.versions()
        return tuple(other for other in self.versions() if _age(other) < _age(version))

    def _problem(self, version: str) -> str | None:
        try:
            folder = self._place.refetch(version) or self._place.fetch(version)
            verify_files(folder, read_manifest(folder))
        except SnapshotDamaged as error:
            return f"{error.file}: {error.reason}"
        except FileNotFoundError:
            return "missing"
        return None


def _age(version: str) -> int:
    return int(version.split("-")[0])
