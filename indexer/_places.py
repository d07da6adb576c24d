"""The two kinds of place a store can be in: a local folder, or anything fsspec reaches."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from indexer.errors import IndexerError
from indexer.manifest import MANIFEST

_POINTER = "CURRENT"
_TEMPORARY = ".tmp-"


class Place(Protocol):
    """Holds versions (folders) and a pointer to one of them; what it holds is either whole or not there."""

    lock_path: Path

    def read_pointer(self) -> str | None:
        """The version pointed at, or None."""

    def write_pointer(self, version: str) -> None:
        """Point at `version`, atomically and durably."""

    def complete(self) -> list[str]:
        """The names of all folders that hold a manifest, in no order."""

    def write(self, version: str, save: Callable[[Path], None]) -> None:
        """Store what `save` writes into the folder it is given as `version`, durably, all of it or nothing."""

    def fetch(self, version: str) -> Path:
        """A local folder with the version's files. FileNotFoundError when there is no such version."""

    def refetch(self, version: str) -> Path | None:
        """As `fetch`, past any local copy; None where there are no copies."""

    def delete(self, version: str) -> None:
        """Remove the version; killed half-way, it is no longer complete."""

    def sweep(self) -> None:
        """Remove what killed writers left. Only for the writer that holds the lock."""


def open_place(url: str, local_cache: Path | None) -> Place:
    """The place at `url`, a path or an fsspec URL. IndexerError when a remote one lacks `local_cache` or its driver."""
    if "://" not in url:
        return _LocalPlace(Path(url))
    try:
        filesystem, path = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise IndexerError(f"index location {url!r}: {error}") from error
    if isinstance(filesystem, LocalFileSystem):
        return _LocalPlace(Path(path))
    if local_cache is None:
        raise IndexerError(f"index location {url!r} is remote and needs a local folder to load snapshots from")
    return _RemotePlace(filesystem, path.rstrip("/"), local_cache / hashlib.sha256(url.encode()).hexdigest()[:12])


class _LocalPlace:
    """A folder of this machine. Appearing is a rename, switching is os.replace, both fsynced."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._root = root
        self.lock_path = root / ".lock"

    def read_pointer(self) -> str | None:
        """What the pointer file says."""
        try:
            return (self._root / _POINTER).read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            return None

    def write_pointer(self, version: str) -> None:
        """Replace the pointer file in one step."""
        temporary = self._root / f"{_TEMPORARY}{_POINTER}"
        temporary.write_text(version + "\n", encoding="utf-8")
        _fsync(temporary)
        temporary.replace(self._root / _POINTER)
        _fsync(self._root)

    def complete(self) -> list[str]:
        """Folders with a manifest."""
        return [path.parent.name for path in self._root.glob(f"*/{MANIFEST}")]

    def write(self, version: str, save: Callable[[Path], None]) -> None:
        """Save into a temporary folder, fsync it, and rename it."""
        folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._root))
        folder.chmod(0o755)  # mkdtemp makes it private, but the server may run as another user than the worker
        save(folder)
        for path in [*folder.iterdir(), folder]:
            _fsync(path)
        folder.rename(self._root / version)
        _fsync(self._root)

    def fetch(self, version: str) -> Path:
        """The folder itself."""
        folder = self._root / version
        if not folder.is_dir():
            raise FileNotFoundError(folder)
        return folder

    def refetch(self, version: str) -> Path | None:
        """None: there are no copies."""
        return None

    def delete(self, version: str) -> None:
        """Rename it away, then remove it."""
        doomed = self._root / f"{_TEMPORARY}{version}"
        (self._root / version).rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def sweep(self) -> None:
        """Remove temporary folders and files."""
        for path in self._root.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class _RemotePlace:
    """Object storage: a version is complete when its manifest, put last, is there; the pointer is a single put."""

    def __init__(self, filesystem: Any, root: str, cache: Path) -> None:
        cache.mkdir(parents=True, exist_ok=True)
        self._fs, self._root, self._cache = filesystem, root, cache
        self.lock_path = cache / ".lock"

    def read_pointer(self) -> str | None:
        """What the pointer object says."""
        try:
            pointer: bytes = self._fs.cat_file(f"{self._root}/{_POINTER}")
        except FileNotFoundError:
            return None
        return pointer.decode("utf-8", errors="replace").strip()

    def write_pointer(self, version: str) -> None:
        """Put the pointer object."""
        self._fs.pipe_file(f"{self._root}/{_POINTER}", version.encode() + b"\n")

    def complete(self) -> list[str]:
        """Prefixes with a manifest, asked anew."""
        self._fs.invalidate_cache()
        return [path.split("/")[-2] for path in self._fs.glob(f"{self._root}/*/{MANIFEST}")]

    def write(self, version: str, save: Callable[[Path], None]) -> None:
        """Save locally, then put file by file, the manifest last."""
        with tempfile.TemporaryDirectory(dir=self._cache, prefix=_TEMPORARY) as name:
            save(Path(name))
            self._fs.makedirs(f"{self._root}/{version}", exist_ok=True)
            for path in sorted(Path(name).iterdir(), key=lambda path: (path.name == MANIFEST, path.name)):
                self._fs.put_file(str(path), f"{self._root}/{version}/{path.name}")

    def fetch(self, version: str) -> Path:
        """The local copy, downloaded unless it is there."""
        folder = self._cache / version
        return folder if folder.is_dir() else self._download(version)

    def refetch(self, version: str) -> Path | None:
        """A fresh local copy."""
        shutil.rmtree(self._cache / version, ignore_errors=True)
        return self._download(version)

    def _download(self, version: str) -> Path:
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=self._cache))
        try:
            self._fs.invalidate_cache()
            for path in self._fs.ls(f"{self._root}/{version}", detail=False):
                self._fs.get_file(path, str(temporary / path.split("/")[-1]))
            return temporary.rename(self._cache / version)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def delete(self, version: str) -> None:
        """Remove the manifest first, then the rest and the local copy."""
        manifest = f"{self._root}/{version}/{MANIFEST}"
        if self._fs.exists(manifest):
            self._fs.rm_file(manifest)
        self._fs.rm(f"{self._root}/{version}", recursive=True)
        shutil.rmtree(self._cache / version, ignore_errors=True)

    def sweep(self) -> None:
        """Remove incomplete versions and temporary downloads."""
        complete = set(self.complete())
        for path in self._fs.ls(self._root, detail=False) if self._fs.exists(self._root) else ():
            if path.split("/")[-1] not in complete and self._fs.isdir(path):
                self._fs.rm(path, recursive=True)
        for leftover in self._cache.glob(f"{_TEMPORARY}*"):
            shutil.rmtree(leftover, ignore_errors=True)


def _fsync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
