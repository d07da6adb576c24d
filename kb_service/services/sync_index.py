"""Bring the index up to the change log: read what changed, embed what is new, write a snapshot, switch to it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from indexer.documents import Document, Keyword
from indexer.encoders import Encoder
from indexer.errors import SnapshotDamaged, SnapshotMissing
from indexer.snapshot import Snapshot
from indexer.store import SnapshotStore
from indexer.vector_cache import VectorCache
from kb_service.storage.database import Database, UnitOfWork
from kb_service.storage.records import Revision

Progress = Callable[[int, int], None]
_LOCK_SECONDS = 600.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: the version now current, the changes it took in, whether it started from nothing."""

    version: str
    changes: int
    rebuilt: bool


class SyncIndex:
    """The only writer of the index; a lock lets one process write at a time."""

    def __init__(
        self, database: Database, store: SnapshotStore, load_encoder: Callable[[], Encoder], cache_dir: Path
    ) -> None:
        self._database = database
        self._store = store
        self._load_encoder = load_encoder
        self._cache_dir = cache_dir
        self._loaded: Snapshot | None = None

    def warm_up(self) -> None:
        """Load the encoder before it is needed, so that the first publication does not wait for it."""
        self._load_encoder().encode(["warm up"])

    def behind(self) -> int:
        """How many changes the current snapshot has not seen; all of them where there is no usable snapshot."""
        with self._database.reading() as work:
            previous = self._previous(work)
            return len(work.content.changes_after(previous.manifest.highest_change if previous else 0))

    def is_needed(self) -> bool:
        """True where the index lacks a change, does not exist, or belongs to another knowledge base."""
        with self._database.reading() as work:
            previous = self._previous(work)
            return previous is None or work.content.highest_change() > previous.manifest.highest_change

    def sync(self, on_progress: Progress | None = None) -> SyncReport:
        """Take in what the change log has gained; EncoderMismatch where the snapshot has another encoder's vectors."""
        with self._store.lock(_LOCK_SECONDS):
            with self._database.reading() as work:
                previous = self._previous(work)
                source = work.knowledge_base_id()
                if previous is None:
                    return self._build(*_everything(work), source, on_progress)
                previous.require_encoder(self._load_encoder())
                changes = work.content.changes_after(previous.manifest.highest_change)
                if not changes:
                    return SyncReport(previous.version, 0, rebuilt=False)
                changed = {(change.kind, change.key) for change in changes}
                fresh = [document_of(revision) for revision in work.content.published(changed)]
            kept = [document for document in previous.documents if (document.kind, document.entry) not in changed]
            version = self._publish([*kept, *fresh], source, changes[-1].id, on_progress)
            return SyncReport(version, len(changes), rebuilt=False)

    def rebuild(self, on_progress: Progress | None = None) -> SyncReport:
        """Build the index anew from the database, embedding every text again."""
        with self._store.lock(_LOCK_SECONDS):
            self._cache().clear()
            with self._database.reading() as work:
                documents, highest = _everything(work)
                source = work.knowledge_base_id()
            return self._build(documents, highest, source, on_progress)

    def _build(self, documents: list[Document], highest: int, source: str, on_progress: Progress | None) -> SyncReport:
        return SyncReport(self._publish(documents, source, highest, on_progress), highest, rebuilt=True)

    def _publish(self, documents: list[Document], source: str, highest: int, on_progress: Progress | None) -> str:
        snapshot = Snapshot.build(
            documents,
            self._load_encoder(),
            self._cache(),
            source=source,
            highest_change=highest,
            on_progress=on_progress,
        )
        version = self._store.publish(snapshot)
        log.info("index switched", version=version, documents=len(documents), highest_change=highest)
        return version

    def _previous(self, work: UnitOfWork) -> Snapshot | None:
        """The snapshot to build on; None where there is none, or it is damaged or not from this database's history."""
        previous = self._current()
        if previous is None or previous.manifest.source != work.knowledge_base_id():
            return None
        return previous if previous.manifest.highest_change <= work.content.highest_change() else None

    def _current(self) -> Snapshot | None:
        """The current snapshot, read again only after a switch."""
        version = self._store.current_version()
        if self._loaded is None or self._loaded.version != version:
            try:
                self._loaded = self._store.load(version)
            except SnapshotMissing:
                self._loaded = None
            except SnapshotDamaged as error:
                log.warning("index damaged, building it anew", reason=str(error))
                self._loaded = None
        return self._loaded

    def _cache(self) -> VectorCache:
        encoder = self._load_encoder()
        return VectorCache(self._cache_dir, encoder.id, encoder.revision, encoder.dimension)


def _everything(work: UnitOfWork) -> tuple[list[Document], int]:
    """Every live revision, and a change that they are at least as new as: it is read first."""
    highest = work.content.highest_change()
    return [document_of(revision) for revision in work.content.published()], highest


def document_of(revision: Revision) -> Document:
    """The revision as the index wants it."""
    content = revision.content
    return Document(
        entry=revision.key,
        kind=revision.kind,
        locale=revision.locale,
        revision=revision.id,
        title=content.title,
        body=content.body,
        phrasings=content.variants,
        keywords=tuple(Keyword(keyword.term, keyword.weight) for keyword in content.keywords),
        product=content.product,
        channels=content.channels,
        tags=content.tags,
        shortcut=content.shortcut,
    )
