"""Bring the index up to the change log: read what changed, embed what is new, write a snapshot, switch to it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import structlog

from indexer.confidence import Goal
from indexer.documents import Document, Keyword
from indexer.encoders import Encoder
from indexer.errors import EncoderMismatch, SnapshotDamaged, SnapshotMissing
from indexer.fitting import Parameters
from indexer.lexical import FieldWeights
from indexer.snapshot import Snapshot
from indexer.store import SnapshotStore
from indexer.vector_cache import VectorCache
from kb_service.errors import NotReady
from kb_service.services.check_golden_questions import CheckGoldenQuestions, GoldenComparison
from kb_service.services.judged_questions import judged_questions
from kb_service.storage.database import Database, UnitOfWork
from kb_service.storage.records import Content, Kind, Revision

Progress = Callable[[int, int], None]
_LOCK_SECONDS = 600.0
# Parameters are fitted anew when the number of judged questions has changed by more than these.
_FEW_JUDGED, _SHARE_OF_JUDGED = 10, 0.2
log = structlog.get_logger()


class _ContentChanged(Exception):
    """Ends a fit to content that is no longer current."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync did: the version now current, the changes it took in, whether it started from nothing.

    `golden` is what became of the golden questions; None where there are none, or nothing was switched.
    """

    version: str
    changes: int
    rebuilt: bool
    golden: GoldenComparison | None = None


class SyncIndex:
    """The only writer of the index; a lock lets one process write at a time.

    Content that changes is served with the parameters there are, and these are fitted anew when there is time: fitting
    takes seconds, on a large base minutes.

    It follows what is published, whatever that does to the golden questions (ADR 7): with `golden` it says what it did,
    without (None) nobody asked.
    """

    def __init__(
        self,
        database: Database,
        store: SnapshotStore,
        load_encoder: Callable[[], Encoder],
        cache_dir: Path,
        goal: Goal = Goal(),
        fields: FieldWeights = FieldWeights(),
        golden: CheckGoldenQuestions | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._load_encoder = load_encoder
        self._cache_dir = cache_dir
        self._goal, self._fields = goal, fields
        self._golden = golden
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

    def is_fit_due(self) -> bool:
        """True where the parameters were fitted to older content, for another goal, or before many people judged."""
        with self._database.reading() as work:
            previous = self._previous(work)
            return previous is not None and self._is_fit_due(previous, len(judged_questions(work)))

    def fit(self, on_progress: Progress | None = None) -> SyncReport | None:
        """Fit the parameters to the current content and switch to an index with them.

        None where that is not due, or no longer, because content was published meanwhile: that goes first.
        `on_progress` counts copies of the base.
        """
        with self._store.lock(_LOCK_SECONDS):
            with self._database.reading() as work:
                previous = self._previous(work)
                judged = judged_questions(work)
            if previous is None or not self._is_fit_due(previous, len(judged)):
                return None
            previous.require_encoder(self._load_encoder())
            try:
                report = partial(self._go_on, on_progress)
                snapshot = self.with_parameters(previous, previous.parameters)
                fitted = snapshot.fitted(self._load_encoder(), self.cache(), self._goal, judged, report)
            except _ContentChanged:
                return None
            version, golden = self._switch(previous, fitted)
            return SyncReport(version, 0, rebuilt=False, golden=golden)

    def sync(self, on_progress: Progress | None = None) -> SyncReport:
        """Take in what the change log has gained; EncoderMismatch where the snapshot has another encoder's vectors."""
        with self._store.lock(_LOCK_SECONDS):
            with self._database.reading() as work:
                previous = self._previous(work)
                source = work.knowledge_base_id()
                if previous is None:
                    documents, highest = _everything(work)
                    version, golden = self._publish(None, documents, highest, source, on_progress)
                    return SyncReport(version, highest, rebuilt=True, golden=golden)
                previous.require_encoder(self._load_encoder())
                changes = work.content.changes_after(previous.manifest.highest_change)
                if not changes:
                    return SyncReport(previous.version, 0, rebuilt=False)
                changed = {(change.kind, change.key) for change in changes}
                fresh = [document_of(revision) for revision in work.content.published(changed)]
            kept = [document for document in previous.documents if (document.kind, document.entry) not in changed]
            version, golden = self._publish(previous, [*kept, *fresh], changes[-1].id, source, on_progress)
            return SyncReport(version, len(changes), rebuilt=False, golden=golden)

    def rebuild(self, on_progress: Progress | None = None) -> SyncReport:
        """Build the index anew from the database, embedding every text again.

        What was tuned is kept where the encoder is still the same; what was fitted is in force until the fit that this
        makes due.
        """
        with self._store.lock(_LOCK_SECONDS):
            self.cache().clear()
            with self._database.reading() as work:
                previous = self._previous(work)
                documents, highest = _everything(work)
                source = work.knowledge_base_id()
            version, golden = self._publish(previous, documents, highest, source, on_progress, fit_anew=True)
            return SyncReport(version, highest, rebuilt=True, golden=golden)

    def candidate(
        self, going_live: Sequence[Document], on_progress: Progress | None = None
    ) -> tuple[Snapshot, Snapshot]:
        """The index of what is published, brought up to date first, and the one there would be with these as well.

        The second is built once and in memory; of it only the vectors of new texts are kept, for when they are needed.
        """
        current = self.up_to_date(on_progress)
        replaced = {(document.kind, document.entry, document.locale) for document in going_live}
        kept = [d for d in current.documents if (d.kind, d.entry, d.locale) not in replaced]
        return current, self._like(current, [*kept, *going_live], current.parameters, on_progress)

    def up_to_date(self, on_progress: Progress | None = None) -> Snapshot:
        """The index of what is published, brought up to date first if it has to be."""
        if self.is_needed():
            self.sync(on_progress)
        current = self._current()
        if current is None:
            raise NotReady("the index went away while it was looked at; try again")
        current.require_encoder(self._load_encoder())
        return current

    def with_parameters(self, snapshot: Snapshot, parameters: Parameters) -> Snapshot:
        """The same content with these parameters, in memory."""
        return self._like(snapshot, snapshot.documents, parameters, None)

    def adopt(self, parameters: Parameters) -> SyncReport:
        """Switch to the index of the current content with these parameters."""
        with self._store.lock(_LOCK_SECONDS):
            current = self.up_to_date()
            version, golden = self._switch(current, self.with_parameters(current, parameters))
            return SyncReport(version, 0, rebuilt=False, golden=golden)

    def _publish(
        self,
        previous: Snapshot | None,
        documents: list[Document],
        highest: int,
        source: str,
        on_progress: Progress | None,
        *,
        fit_anew: bool = False,
    ) -> tuple[str, GoldenComparison | None]:
        """Build with the parameters there are for this encoder, and switch."""
        parameters = previous.parameters if previous and self._is_by_this_encoder(previous) else Parameters()
        if fit_anew:
            parameters = replace(parameters, fitted_to=Parameters().fitted_to)
        return self._switch(previous, self._snapshot(documents, highest, source, parameters, on_progress))

    def _switch(self, previous: Snapshot | None, snapshot: Snapshot) -> tuple[str, GoldenComparison | None]:
        """Switch; then, and not before, so that nothing waits for it, see what the golden questions get."""
        version = self._store.publish(snapshot)
        manifest = snapshot.manifest
        log.info(
            "index switched",
            version=version,
            documents=manifest.documents,
            highest_change=manifest.highest_change,
            fitted_to=snapshot.parameters.fitted_to,
        )
        if self._golden is None:
            return version, None
        return version, self._golden.after_switch(previous, snapshot, version, self._store.load)

    def _go_on(self, on_progress: Progress | None, done: int, total: int) -> None:
        if self.is_needed():
            raise _ContentChanged
        if on_progress:
            on_progress(done, total)

    def _is_fit_due(self, snapshot: Snapshot, judged: int) -> bool:
        used = snapshot.parameters
        wanted = (snapshot.manifest.highest_change, self._goal, self._fields)
        many_more = abs(judged - used.labelled) > max(_FEW_JUDGED, _SHARE_OF_JUDGED * used.labelled)
        return (used.fitted_to, used.confidence.goal, used.fields) != wanted or many_more

    def _is_by_this_encoder(self, snapshot: Snapshot) -> bool:
        try:
            snapshot.require_encoder(self._load_encoder())
        except EncoderMismatch:
            return False
        return True

    def _like(
        self,
        snapshot: Snapshot,
        documents: Sequence[Document],
        parameters: Parameters,
        on_progress: Progress | None,
    ) -> Snapshot:
        """Other documents or parameters as of the same change of the same knowledge base."""
        manifest = snapshot.manifest
        return self._snapshot(documents, manifest.highest_change, manifest.source, parameters, on_progress)

    def _snapshot(
        self,
        documents: Sequence[Document],
        highest: int,
        source: str,
        parameters: Parameters,
        on_progress: Progress | None,
    ) -> Snapshot:
        if parameters.fields != self._fields:
            parameters = replace(parameters, fields=self._fields, fitted_to=Parameters().fitted_to)
        return Snapshot.build(
            documents,
            self._load_encoder(),
            self.cache(),
            source=source,
            highest_change=highest,
            parameters=parameters,
            on_progress=on_progress,
        )

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

    def cache(self) -> VectorCache:
        """The vectors this encoder has made."""
        encoder = self._load_encoder()
        return VectorCache(self._cache_dir, encoder.id, encoder.revision, encoder.dimension)


def _everything(work: UnitOfWork) -> tuple[list[Document], int]:
    """Every live revision, and a change that they are at least as new as: it is read first."""
    highest = work.content.highest_change()
    return [document_of(revision) for revision in work.content.published()], highest


def document_of(revision: Revision) -> Document:
    """The revision as the index wants it."""
    return document_from(revision.kind, revision.key, revision.locale, revision.content, revision.id)


def document_from(kind: Kind, key: str, locale: str, content: Content, revision: int) -> Document:
    """This content as the index wants it; `revision` is the id it is stored under."""
    return Document(
        entry=key,
        kind=kind,
        locale=locale,
        revision=revision,
        title=content.title,
        body=content.body,
        phrasings=content.variants,
        keywords=tuple(Keyword(keyword.term, keyword.weight) for keyword in content.keywords),
        product=content.product,
        channels=content.channels,
        tags=content.tags,
        shortcut=content.shortcut,
    )
