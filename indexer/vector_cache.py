"""Vectors by content: a text that has been encoded once is never encoded again by the same encoder."""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from indexer.text import content_hash

Vectors = NDArray[np.float32]

_KEY = 32
# Texts per durable step: a killed build loses at most this many, some two seconds of work.
_CHUNK = 512


class VectorCache:
    """The vectors one encoder has made, in two append-only files under `folder`, one sub-folder per encoder.

    `rows.f32` holds the vectors (little-endian float32), `keys.sha256` the 32-byte hash of each row's text. Rows reach
    the disk before their keys, so whatever a killed writer leaves behind is an incomplete tail, cut off by the next
    writer. Several processes may share a cache. OSError when the folder cannot be written.
    """

    def __init__(self, folder: Path, encoder_id: str, revision: str, dimension: int) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]+", "_", encoder_id)[-40:]
        identity = hashlib.sha256(f"{encoder_id}\0{revision}\0{dimension}".encode()).hexdigest()[:12]
        self._folder = folder / f"{name}-{identity}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rows_path, self._keys_path = self._folder / "rows.f32", self._folder / "keys.sha256"
        self._dimension = dimension
        self._lock = FileLock(self._folder / ".lock")
        self._row_of: dict[bytes, int] = {}
        self._keys_read, self._keys_inode = 0, -1

    def __len__(self) -> int:
        """Number of texts whose vectors are on disk."""
        self._refresh()
        return len(self._row_of)

    def count_missing(self, texts: Iterable[str]) -> int:
        """How many different ones of `texts` would have to be encoded."""
        self._refresh()
        return len(set(map(_key, texts)) - self._row_of.keys())

    def vectors(self, texts: Sequence[str], encode: Callable[[list[str]], Vectors]) -> Vectors:
        """(len(texts), dimension) float32 in the order of `texts`.

        `encode` is called with the texts not yet cached, each once, at most 512 at a time; every such chunk is on disk
        before the next is begun, so a build that is killed goes on where it stopped.
        """
        keys = [_key(text) for text in texts]
        self._refresh()
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._row_of}
        pending = list(missing.items())
        for start in range(0, len(pending), _CHUNK):
            chunk = pending[start : start + _CHUNK]
            self._append([key for key, _ in chunk], encode([text for _, text in chunk]))
        with self._lock:  # a compaction by another process moves rows
            self._refresh()
            return self._read([self._row_of[key] for key in keys])

    def clear(self) -> None:
        """Forget every vector."""
        self.compact(())

    def compact(self, keep_texts: Iterable[str]) -> None:
        """Forget every vector except those of `keep_texts`.

        The keys are removed first and written last: a kill in between costs encoding again, never a wrong vector.
        """
        with self._lock:
            self._refresh()
            keys = [key for key in dict.fromkeys(map(_key, keep_texts)) if key in self._row_of]
            rows = self._read([self._row_of[key] for key in keys])
            self._keys_path.unlink(missing_ok=True)
            self._rows_path.unlink(missing_ok=True)
            self._append(keys, rows)

    def _append(self, keys: list[bytes], rows: Vectors) -> None:
        if rows.shape != (len(keys), self._dimension):
            raise ValueError(f"expected {len(keys)} vectors of {self._dimension} dimensions, got shape {rows.shape}")
        with self._lock:
            self._cut_torn_tail()
            _append_durably(self._rows_path, np.ascontiguousarray(rows, dtype="<f4").tobytes())
            _append_durably(self._keys_path, b"".join(keys))
            self._refresh()

    def _cut_torn_tail(self) -> None:
        """Shorten both files to the rows that have both a vector and a key. Only under the lock."""
        width = 4 * self._dimension
        complete = min(_size(self._rows_path) // width, _size(self._keys_path) // _KEY)
        for path, length in ((self._rows_path, complete * width), (self._keys_path, complete * _KEY)):
            if _size(path) > length:
                os.truncate(path, length)

    def _refresh(self) -> None:
        """Learn the keys on disk that are new since the last call, or all of them after a compaction."""
        complete = min(_size(self._rows_path) // (4 * self._dimension), _size(self._keys_path) // _KEY)
        inode = self._keys_path.stat().st_ino if complete else -1
        if inode != self._keys_inode or complete < self._keys_read:
            self._row_of, self._keys_read, self._keys_inode = {}, 0, inode
        if complete > self._keys_read:
            with self._keys_path.open("rb") as file:
                file.seek(self._keys_read * _KEY)
                raw = file.read((complete - self._keys_read) * _KEY)
            for row in range(self._keys_read, complete):
                self._row_of[raw[(row - self._keys_read) * _KEY :][:_KEY]] = row
            self._keys_read = complete

    def _read(self, rows: list[int]) -> Vectors:
        if not rows:
            return np.zeros((0, self._dimension), dtype=np.float32)
        stored = np.memmap(self._rows_path, dtype="<f4", mode="r").reshape(-1, self._dimension)
        return np.asarray(stored[rows], dtype=np.float32)


def remembering(encode: Callable[[list[str]], Vectors]) -> Callable[[list[str]], Vectors]:
    """`encode` with a memory: it is asked for each text once."""
    known: dict[str, Vectors] = {}

    def vectors_of(texts: list[str]) -> Vectors:
        """(len(texts), dimension)"""
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        # Asked for no text as well, since the shape of nothing depends on the encoder.
        encoded = encode(missing)
        known.update(zip(missing, encoded, strict=True))
        return np.stack([known[text] for text in texts]) if texts else encoded

    return vectors_of


def _key(text: str) -> bytes:
    return bytes.fromhex(content_hash(text))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append_durably(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
