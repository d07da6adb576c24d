"""Repository of entries, revisions, publications and the change log."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text, tuple_, update
from sqlalchemy.orm import Session, aliased, contains_eager

from kb_service.errors import NotFound
from kb_service.storage.records import Change, Content, Draft, EntrySummary, Keyword, Kind, LocaleState, Revision
from kb_service.storage.tables import ChangeRow, EntryRow, PublicationRow, RevisionRow
from kb_service.storage.types import utc_now

_CONTENT_LOCK = 0x6B62  # one advisory lock for all content and its change log
_BATCH = 500
T = TypeVar("T")


class ContentRepository:
    """Entries and their revisions within one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(self) -> None:
        """Be the only writer of content until the transaction ends: what is read from now on stays true.

        Every writing method begins with it. It makes the ids of the change log appear in the order of their commits:
        PostgreSQL hands out ids before the commit, so that without the lock a reader could see change 10, remember it,
        and never see change 9, which commits a moment later. SQLite has a single writer anyway.
        """
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _CONTENT_LOCK})

    def states(self, names: Collection[tuple[Kind, str]]) -> dict[tuple[Kind, str, str], LocaleState]:
        """The newest revision per (kind, key, locale) of the named entries, and which one is live."""
        found: dict[tuple[Kind, str, str], LocaleState] = {}
        for batch in _batches(sorted(names)):
            for entry, revision, live in self._session.execute(_states_of(batch)):
                found[(entry.kind, entry.key, revision.locale)] = LocaleState(
                    entry.id, revision.id, revision.number, revision.checksum, live
                )
        return found

    def add_revision(self, kind: Kind, key: str, locale: str, content: Content, author: str) -> Revision:
        """Store a new immutable revision, creating its entry where the key is new; it is not published by this."""
        return self.add_revisions([Draft(kind, key, locale, content)], author)[0]

    def add_revisions(self, drafts: Sequence[Draft], author: str) -> list[Revision]:
        """`add_revision` for many drafts, no two of them of the same entry and locale, in a few statements."""
        self.claim()
        entries = self._entries({(draft.kind, draft.key) for draft in drafts})
        numbers = self._newest_numbers([entry.id for entry in entries.values()])
        rows = []
        for draft in drafts:
            entry = entries[draft.kind, draft.key]
            number = numbers.get((entry.id, draft.locale), 0) + 1
            columns = _columns(draft.content)
            rows.append(RevisionRow(entry=entry, locale=draft.locale, number=number, author=author, **columns))
        self._session.add_all(rows)
        self._session.flush()
        return [_revision(row) for row in rows]

    def publish(self, revision_id: int, by: str) -> None:
        """Make the revision the live one of its entry and locale, and log the change; nothing happens if it is."""
        self.publish_all([revision_id], by)

    def publish_all(self, revision_ids: Sequence[int], by: str) -> None:
        """`publish` for many revisions, no two of them of the same entry and locale, in a few statements."""
        self.claim()
        for batch in _batches(revision_ids):
            chosen = select(RevisionRow).where(RevisionRow.id.in_(batch)).order_by(RevisionRow.id)
            rows = self._session.scalars(chosen).all()
            if len(rows) < len(batch):
                raise NotFound(f"there are no revisions {set(batch) - {row.id for row in rows}}")
            places = [(row.entry_id, row.locale) for row in rows]
            live = {(row.entry_id, row.locale): row for row in self._live(places)}
            new = [
                row for row in rows if not (old := live.get((row.entry_id, row.locale))) or old.revision_id != row.id
            ]
            self._end([live[row.entry_id, row.locale].id for row in new if (row.entry_id, row.locale) in live])
            self._session.add_all(
                PublicationRow(entry_id=row.entry_id, locale=row.locale, revision_id=row.id, published_by=by)
                for row in new
            )
            self._log_changes([(row.entry_id, row.locale) for row in new])

    def unpublish(self, kind: Kind, key: str, locale: str) -> bool:
        """Take the entry's live revision in this locale off; False where none was live."""
        self.claim()
        entry = self._session.scalar(select(EntryRow).where(EntryRow.kind == kind, EntryRow.key == key))
        live = self._live([(entry.id, locale)]) if entry else ()
        self._end([publication.id for publication in live])
        self._log_changes([(publication.entry_id, locale) for publication in live])
        return bool(live)

    def published(self, names: Collection[tuple[str, str]] | None = None) -> Iterator[Revision]:
        """Live revisions, of all entries or of the named (kind, key) ones, ordered by kind, key and locale."""
        if names is None:
            yield from self._revisions(_live_revisions())
            return
        for batch in _batches(sorted(names)):
            yield from self._revisions(_live_revisions().where(tuple_(EntryRow.kind, EntryRow.key).in_(batch)))

    def latest(self, kind: Kind | None = None) -> Iterator[Revision]:
        """The newest revision of every entry and locale, published or not, ordered by kind, key and locale."""
        statement = _newest_revisions()
        yield from self._revisions(statement if kind is None else statement.where(EntryRow.kind == kind))

    def revisions_of(self, kind: Kind, key: str) -> list[Revision]:
        """Every revision of one entry, newest first within each locale."""
        statement = (
            _revisions_with_entries()
            .where(EntryRow.kind == kind, EntryRow.key == key)
            .order_by(RevisionRow.locale, RevisionRow.number.desc())
        )
        return list(self._revisions(statement))

    def live_ids(self, kind: Kind, key: str) -> set[int]:
        """Ids of the revisions of this entry that are live."""
        statement = (
            select(PublicationRow.revision_id)
            .join(EntryRow, EntryRow.id == PublicationRow.entry_id)
            .where(EntryRow.kind == kind, EntryRow.key == key, PublicationRow.ended_at.is_(None))
        )
        return set(self._session.scalars(statement))

    def revisions_by_id(self, ids: Iterable[int]) -> dict[int, Revision]:
        """The revisions with these ids; an unknown id is left out."""
        statement = _revisions_with_entries().where(RevisionRow.id.in_(list(ids)))
        return {revision.id: revision for revision in self._revisions(statement)}

    def summaries(
        self,
        *,
        kind: Kind | None = None,
        locale: str | None = None,
        contains: str | None = None,
        after: tuple[str, str, str] | None = None,
        limit: int = 50,
    ) -> list[EntrySummary]:
        """One page of entries by (kind, key, locale), starting behind `after`; `contains` looks in key and title."""
        statement = _summaries().limit(limit)
        if kind:
            statement = statement.where(EntryRow.kind == kind)
        if locale:
            statement = statement.where(RevisionRow.locale == locale)
        if contains:
            statement = statement.where(
                or_(
                    RevisionRow.title.icontains(contains, autoescape=True),
                    EntryRow.key.icontains(contains, autoescape=True),
                )
            )
        if after:
            statement = statement.where(tuple_(EntryRow.kind, EntryRow.key, RevisionRow.locale) > after)
        return [_summary(*row) for row in self._session.execute(statement)]

    def count(self) -> dict[Kind, int]:
        """How many entries of each kind there are, published or not."""
        counted = self._session.execute(select(EntryRow.kind, func.count().label("number")).group_by(EntryRow.kind))
        return {row.kind: row.number for row in counted}

    def locales(self) -> list[str]:
        """Every locale that some revision is in, in alphabetical order."""
        return list(self._session.scalars(select(RevisionRow.locale).distinct().order_by(RevisionRow.locale)))

    def highest_change(self) -> int:
        """The id of the newest line of the change log; 0 where it is empty."""
        return self._session.scalar(select(func.max(ChangeRow.id))) or 0

    def oldest_change_after(self, change_id: int) -> datetime | None:
        """When the first change behind this one was logged; None where there is none."""
        oldest = select(ChangeRow.created_at).where(ChangeRow.id > change_id).order_by(ChangeRow.id).limit(1)
        return self._session.scalar(oldest)

    def changes_after(self, change_id: int) -> list[Change]:
        """The change log's lines behind this one, oldest first."""
        statement = select(ChangeRow, EntryRow).join(EntryRow).where(ChangeRow.id > change_id).order_by(ChangeRow.id)
        return [
            Change(change.id, entry.kind, entry.key, change.locale)
            for change, entry in self._session.execute(statement)
        ]

    def _entries(self, names: Collection[tuple[Kind, str]]) -> dict[tuple[str, str], EntryRow]:
        """The entries of these names; the missing ones are made."""
        found: dict[tuple[str, str], EntryRow] = {}
        for batch in _batches(sorted(names)):
            rows = self._session.scalars(select(EntryRow).where(tuple_(EntryRow.kind, EntryRow.key).in_(batch)))
            found |= {(row.kind, row.key): row for row in rows}
        made = [EntryRow(kind=kind, key=key) for kind, key in sorted(names) if (kind, key) not in found]
        self._session.add_all(made)
        self._session.flush()
        return found | {(row.kind, row.key): row for row in made}

    def _newest_numbers(self, entry_ids: Sequence[int]) -> dict[tuple[int, str], int]:
        """The highest revision number per entry and locale."""
        numbers: dict[tuple[int, str], int] = {}
        for batch in _batches(entry_ids):
            newest = select(RevisionRow.entry_id, RevisionRow.locale, func.max(RevisionRow.number))
            grouped = newest.where(RevisionRow.entry_id.in_(batch)).group_by(RevisionRow.entry_id, RevisionRow.locale)
            numbers |= {(entry_id, locale): number for entry_id, locale, number in self._session.execute(grouped)}
        return numbers

    def _live(self, places: Sequence[tuple[int, str]]) -> Sequence[PublicationRow]:
        """The live publications of these (entry id, locale) pairs."""
        here = tuple_(PublicationRow.entry_id, PublicationRow.locale).in_(places)
        return self._session.scalars(select(PublicationRow).where(here, PublicationRow.ended_at.is_(None))).all()

    def _end(self, publications: Sequence[int]) -> None:
        if publications:
            ended = update(PublicationRow).where(PublicationRow.id.in_(publications))
            self._session.execute(ended.values(ended_at=utc_now()))

    def _log_changes(self, places: Sequence[tuple[int, str]]) -> None:
        self._session.add_all(ChangeRow(entry_id=entry_id, locale=locale) for entry_id, locale in places)
        self._session.flush()

    def _revisions(self, statement: Select[RevisionRow]) -> Iterator[Revision]:
        for row in self._session.scalars(statement.execution_options(yield_per=_BATCH)):
            yield _revision(row)


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))


def _revisions_with_entries() -> Select[RevisionRow]:
    return select(RevisionRow).join(RevisionRow.entry).options(contains_eager(RevisionRow.entry))


def _live_revisions() -> Select[RevisionRow]:
    live = and_(PublicationRow.revision_id == RevisionRow.id, PublicationRow.ended_at.is_(None))
    return (
        _revisions_with_entries().join(PublicationRow, live).order_by(EntryRow.kind, EntryRow.key, RevisionRow.locale)
    )


def _newest_revisions() -> Select[RevisionRow]:
    return _revisions_with_entries().where(_is_newest()).order_by(EntryRow.kind, EntryRow.key, RevisionRow.locale)


def _is_newest() -> ColumnElement[bool]:
    later = aliased(RevisionRow)
    return ~exists().where(
        later.entry_id == RevisionRow.entry_id,
        later.locale == RevisionRow.locale,
        later.number > RevisionRow.number,
    )


def _states_of(names: Sequence[tuple[Kind, str]]) -> Select[EntryRow, RevisionRow, int | None]:
    return _with_publication(select(EntryRow, RevisionRow, PublicationRow.revision_id)).where(
        tuple_(EntryRow.kind, EntryRow.key).in_(names)
    )


def _summaries() -> Select[EntryRow, RevisionRow, int | None]:
    return _with_publication(select(EntryRow, RevisionRow, PublicationRow.revision_id)).order_by(
        EntryRow.kind, EntryRow.key, RevisionRow.locale
    )


def _with_publication(
    statement: Select[EntryRow, RevisionRow, int],
) -> Select[EntryRow, RevisionRow, int | None]:
    live = and_(
        PublicationRow.entry_id == RevisionRow.entry_id,
        PublicationRow.locale == RevisionRow.locale,
        PublicationRow.ended_at.is_(None),
    )
    return (
        statement.join(RevisionRow, RevisionRow.entry_id == EntryRow.id)
        .outerjoin(PublicationRow, live)
        .where(_is_newest())
    )


def _columns(content: Content) -> dict[str, object]:
    """The content as values of a revision's columns."""
    return {
        "title": content.title,
        "body": content.body,
        "variants": list(content.variants),
        "keywords": [asdict(keyword) for keyword in content.keywords],
        "product": content.product,
        "channels": list(content.channels),
        "tags": list(content.tags),
        "shortcut": content.shortcut,
        "checksum": content.checksum,
    }


def _revision(row: RevisionRow) -> Revision:
    content = Content(
        row.title,
        row.body,
        tuple(row.variants),
        tuple(Keyword(**keyword) for keyword in row.keywords),
        row.product,
        tuple(row.channels),
        tuple(row.tags),
        row.shortcut,
    )
    return Revision(row.id, row.entry.kind, row.entry.key, row.locale, row.number, content, row.author, row.created_at)


def _summary(entry: EntryRow, revision: RevisionRow, live: int | None) -> EntrySummary:
    return EntrySummary(
        entry.kind,
        entry.key,
        revision.locale,
        revision.title,
        revision.product,
        tuple(revision.tags),
        revision.number,
        live is not None,
        revision.created_at,
    )
