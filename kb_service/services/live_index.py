"""The index a server process answers from, swapped for a newer one without dropping a request."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from indexer.encoders import Encoder
from indexer.errors import IndexerError
from indexer.ranking import Query
from indexer.snapshot import Snapshot
from indexer.store import SnapshotStore
from kb_service.errors import NotReady
from kb_service.storage.database import Database
from kb_service.storage.types import utc_now

POLL_SECONDS = 0.4
RETRY_SECONDS = 10.0  # before a version that could not be loaded is tried again
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Loaded:
    """A snapshot and the encoder that made its vectors: used together or not at all."""

    snapshot: Snapshot
    encoder: Encoder

    def query(self, text: str, locale: str | None, channel: str | None = None) -> Query:
        """The text as a query of this index."""
        return Query(text, self.encoder.encode([text], role="query")[0], locale, channel)


class LiveIndex:
    """Holds the newest good snapshot; a thread follows the store's current version."""

    def __init__(self, store: SnapshotStore, load_encoder: Callable[[], Encoder], database: Database) -> None:
        self._store = store
        self._load_encoder = load_encoder
        self._database = database
        self._loaded: Loaded | None = None
        self._problem: str | None = "the index is being loaded"
        self._seen: str | None = None
        self._retry_at = 0.0
        self._refreshing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def current(self) -> Loaded:
        """The index to answer from; NotReady, saying why, before the first good one."""
        loaded = self._loaded
        if loaded is None:
            raise NotReady(self._problem or "the index is not loaded")
        return loaded

    @property
    def loaded(self) -> Loaded | None:
        """The index in use, None before the first good one."""
        return self._loaded

    @property
    def problem(self) -> str | None:
        """What is wrong with the newest version, if anything; the index in use may still be an older, good one."""
        return self._problem

    def lag(self) -> timedelta:
        """For how long the oldest change that the index in use lacks has been waiting; zero where it lacks none."""
        with self._database.reading() as work:
            waiting = work.content.oldest_change_after(self.current().snapshot.manifest.highest_change)
        return max(timedelta(0), utc_now() - waiting) if waiting else timedelta(0)

    def refresh(self) -> None:
        """Load the store's current version if it is new. Errors are kept for `problem`, the old index stays in use."""
        version: str | None = None
        with self._refreshing:
            try:
                version = self._store.current_version()
                if version != self._seen or time.monotonic() >= self._retry_at:
                    self._report(self._load())
            except (IndexerError, NotReady, OSError) as error:
                self._report(str(error))
            self._seen = version

    def follow(self) -> None:
        """Start the thread that keeps the index current; repeating it does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._follow, name="live-index", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _follow(self) -> None:
        while not self._stop.is_set():
            self.refresh()
            self._stop.wait(POLL_SECONDS)

    def _load(self) -> str | None:
        """Use the newest good snapshot; what is wrong with a newer one, if there is one."""
        snapshot, damage = self._store.load_good()
        if self._loaded is None or snapshot.version != self._loaded.snapshot.version:
            encoder = self._load_encoder()
            snapshot.require_encoder(encoder)
            self._require_source(snapshot)
            encoder.encode(["warm up"], role="query")
            self._loaded = Loaded(snapshot, encoder)
            log.info("index loaded", version=snapshot.version)
        return str(damage) if damage else None

    def _require_source(self, snapshot: Snapshot) -> None:
        """Raise NotReady for an index of another database, or of a later state than a restored one's.

        Its revisions would not be there. Where the database does not answer, the snapshot is trusted: it has all it
        takes to answer.
        """
        try:
            with self._database.reading() as work:
                source, highest = work.knowledge_base_id(), work.content.highest_change()
        except NotReady:
            return
        if snapshot.manifest.source != source or snapshot.manifest.highest_change > highest:
            raise NotReady("the index was not built from this database; a worker or `kb index sync` builds it anew")

    def _report(self, problem: str | None) -> None:
        """Remember what is wrong, and when to look again: what was damaged or out of reach may come back."""
        self._retry_at = time.monotonic() + RETRY_SECONDS if problem else math.inf
        if problem and problem != self._problem:
            log.warning("index problem", problem=problem, serving=self._loaded and self._loaded.snapshot.version)
        self._problem = problem
