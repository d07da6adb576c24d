"""The manifest of a snapshot: what it was made from, and the checksum of every file including its own."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from indexer.errors import SnapshotDamaged

# Raised whenever the meaning of any file changes; a snapshot of another format is refused and built again.
FORMAT = 2
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What a file of the snapshot must be: its SHA-256 in hexadecimal and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot is and was made from.

    `created_at` is ISO 8601 in UTC; `highest_change` is the last row of the change log that is in it; `source`
    identifies the knowledge base; `files` has every file but the manifest itself.
    """

    format: int
    version: str
    encoder: str
    encoder_revision: str
    dimension: int
    entries: int
    documents: int
    phrasings: int
    highest_change: int
    source: str
    created_at: str
    files: Mapping[str, FileCheck]


def json_line(value: Any) -> bytes:
    """`value` as one canonical line of JSON in UTF-8 (lone surrogates escaped)."""
    return (json.dumps(value, sort_keys=True) + "\n").encode()


def measure(path: Path) -> FileCheck:
    """The checksum and size of a file. OSError when it cannot be read."""
    with path.open("rb") as file:
        return FileCheck(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` into `folder` with its own checksum beside it in the same file."""
    content = asdict(manifest)
    checksum = hashlib.sha256(json_line(content)).hexdigest()
    (folder / MANIFEST).write_bytes(json_line({"checksum": checksum, "manifest": content}))


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`. SnapshotDamaged when it is missing, not intact or of another format."""
    try:
        stored = json.loads((folder / MANIFEST).read_bytes())
        content, checksum = stored["manifest"], stored["checksum"]
        if hashlib.sha256(json_line(content)).hexdigest() != checksum:
            raise SnapshotDamaged(folder.name, MANIFEST, "checksum differs")
        if content["format"] != FORMAT:
            reason = f"format {content['format']}, this release reads {FORMAT}; build it again with `kb index rebuild`"
            raise SnapshotDamaged(folder.name, MANIFEST, reason)
        files = {name: FileCheck(**check) for name, check in content["files"].items()}
        return Manifest(**{**content, "files": files})
    except FileNotFoundError as error:
        raise SnapshotDamaged(folder.name, MANIFEST, "missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SnapshotDamaged(folder.name, MANIFEST, f"unreadable: {error!r:.200}") from error


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Raise SnapshotDamaged for the first file of `manifest` that is missing, unreadable or has other content."""
    for name, expected in manifest.files.items():
        try:
            found = measure(folder / name)
        except FileNotFoundError as error:
            raise SnapshotDamaged(folder.name, name, "missing") from error
        except OSError as error:
            raise SnapshotDamaged(folder.name, name, f"unreadable: {error.strerror}") from error
        if found != expected:
            raise SnapshotDamaged(folder.name, name, "checksum differs")
