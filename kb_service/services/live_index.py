"""The index a server process answers from, swapped for a newer one without dropping a request."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from indexer.encoders import Encoder
from indexer.errors import IndexerError
from indexer.ranking import Query
from indexer.snapshot import Snapshot
from indexer.store import SnapshotStore
from kb_service.errors import NotReady

POLL_SECONDS = 0.4
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

    def __init__(self, store: SnapshotStore, load_encoder: Callable[[], Encoder]) -> None:
        self._store = store
        self._load_encoder = load_encoder
        self._loaded: Loaded | None = None
        self._problem: str | None = "the index is being loaded"
        self._seen: str | None = None
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

    def refresh(self) -> None:
        """Load the store's current version if it is new. Errors are kept for `problem`, the old index stays in use."""
        with self._refreshing:
            try:
                version = self._store.current_version()
                if self._loaded is None or version != self._seen:
                    self._load(version)
            except (IndexerError, OSError) as error:
                self._report(str(error))

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

    def _load(self, version: str | None) -> None:
        snapshot, damage = self._store.load_good()
        if self._loaded is None or snapshot.version != self._loaded.snapshot.version:
            encoder = self._load_encoder()
            snapshot.require_encoder(encoder)
            encoder.encode(["warm up"], role="query")
            self._loaded = Loaded(snapshot, encoder)
            log.info("index loaded", version=snapshot.version)
        self._seen = version
        self._report(str(damage) if damage else None)

    def _report(self, problem: str | None) -> None:
        if problem and problem != self._problem:
            log.warning("index problem", problem=problem, serving=self._loaded and self._loaded.snapshot.version)
        self._problem = problem
