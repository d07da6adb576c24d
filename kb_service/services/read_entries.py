"""Read entries: one page of a list, or one entry with its locales and history."""

import base64
import json
from dataclasses import dataclass

from kb_service.errors import InvalidInput, NotFound
from kb_service.services.native_format import storable
from kb_service.storage.database import Database
from kb_service.storage.records import EntrySummary, Kind, Revision

MAX_PAGE = 200


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What to list: everything by default; `contains` looks in keys and titles, ignoring case."""

    kind: Kind | None = None
    locale: str | None = None
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `after` is the cursor of the next one, None on the last."""

    entries: tuple[EntrySummary, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """An entry: its newest revision in every locale, and the revisions that are live now."""

    kind: Kind
    key: str
    newest: tuple[Revision, ...]
    live: tuple[Revision, ...]

    @property
    def etag(self) -> str:
        """Changes whenever anything shown of the entry changes."""
        return "-".join(str(revision.id) for revision in (*self.newest, *self.live))


class ReadEntries:
    """Reads content for the API and the pages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, wanted: EntryFilter, *, limit: int = 50, after: str | None = None) -> Page:
        """One page of entries by kind, key and locale; InvalidInput for a cursor that is not one of ours."""
        with self._database.reading() as work:
            found = work.content.summaries(
                kind=wanted.kind,
                locale=wanted.locale,
                contains=wanted.contains,
                after=_decode(after) if after else None,
                limit=min(limit, MAX_PAGE) + 1,
            )
        shown = tuple(found[: min(limit, MAX_PAGE)])
        return Page(shown, _encode(shown[-1]) if len(found) > len(shown) else None)

    def entry(self, kind: Kind, key: str) -> EntryDetail:
        """One entry; NotFound where there is none."""
        if "\0" in key:  # no entry has it, and PostgreSQL would refuse to look
            raise NotFound(f"there is no {kind} {key[:200]!r}")
        with self._database.reading() as work:
            revisions = work.content.revisions_of(kind, key)
            live = work.content.live_ids(kind, key)
        if not revisions:
            raise NotFound(f"there is no {kind} {key[:200]!r}")
        newest: dict[str, Revision] = {}
        for revision in revisions:
            newest.setdefault(revision.locale, revision)
        return EntryDetail(
            kind, key, tuple(newest.values()), tuple(revision for revision in revisions if revision.id in live)
        )

    def count(self) -> dict[Kind, int]:
        """How many entries of each kind there are."""
        with self._database.reading() as work:
            return work.content.count()

    def locales(self) -> list[str]:
        """Every locale that some entry is in."""
        with self._database.reading() as work:
            return work.content.locales()


def _encode(last: EntrySummary) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.kind, last.key, last.locale]).encode()).decode()


def _decode(cursor: str) -> tuple[str, str, str]:
    try:
        kind, key, locale = json.loads(base64.urlsafe_b64decode(cursor))
        return storable(kind), storable(key), storable(locale)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput("the cursor is not one that a list gave out", "after") from error
