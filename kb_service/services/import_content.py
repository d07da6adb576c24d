"""Import content: preview what a file would change, then apply all of it in one transaction, or nothing."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kb_service.errors import InvalidInput
from kb_service.services.native_format import parse_line
from kb_service.storage.database import Database
from kb_service.storage.records import Draft, Kind, LocaleState

Action = Literal["created", "updated", "unchanged"]
States = dict[tuple[Kind, str, str], LocaleState]


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What one line of the file does to one entry in one locale."""

    line: int
    draft: Draft
    action: Action
    publishes: bool


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A line that cannot be used, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do; with any rejected line it cannot be applied."""

    rows: tuple[PlannedRow, ...]
    rejected: tuple[RejectedRow, ...]

    def counts(self) -> dict[str, int]:
        """How many lines are created, updated, unchanged, rejected, and how many of them go live."""
        actions = Counter(row.action for row in self.rows)
        return {
            "created": actions["created"],
            "updated": actions["updated"],
            "unchanged": actions["unchanged"],
            "published": sum(row.publishes for row in self.rows),
            "rejected": len(self.rejected),
        }


class ImportContent:
    """Reads files in the native format into the database."""

    def __init__(self, database: Database, max_bytes: int, max_rows: int) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._max_rows = max_rows

    def preview(self, path: Path, *, publish: bool, default_locale: str | None = None) -> ImportPlan:
        """Compare the file with what is stored; nothing is written. InvalidInput where it cannot be read at all."""
        drafts, rejected = self._parse(path, default_locale)
        with self._database.reading() as work:
            states = work.content.states({(draft.kind, draft.key) for draft in drafts.values()})
        rows = (_plan(number, draft, states, publish) for number, draft in drafts.items())
        return ImportPlan(tuple(rows), tuple(rejected))

    def apply(self, plan: ImportPlan, author: str) -> dict[str, int]:
        """Write the whole plan in one transaction and return its counts; InvalidInput if a line was rejected."""
        if plan.rejected:
            raise InvalidInput(f"{len(plan.rejected)} lines were rejected; nothing was imported")
        with self._database.writing() as work:
            work.content.claim()
            states = work.content.states({(row.draft.kind, row.draft.key) for row in plan.rows})
            ids = {name: state.latest_id for name, state in states.items()}
            fresh = [row.draft for row in plan.rows if _differs(row.draft, states)]
            for revision in work.content.add_revisions(fresh, author):
                ids[revision.kind, revision.key, revision.locale] = revision.id
            going_live = (row.draft for row in plan.rows if row.publishes)
            work.content.publish_all([ids[draft.kind, draft.key, draft.locale] for draft in going_live], author)
            work.commit()
        return plan.counts()

    def _parse(self, path: Path, default_locale: str | None) -> tuple[dict[int, Draft], list[RejectedRow]]:
        """The drafts by line number, and the rejected ones; a name given twice rejects its later line."""
        good: dict[int, Draft] = {}
        rejected: list[RejectedRow] = []
        first: dict[tuple[str, str, str], int] = {}
        for number, text in self._lines(path):
            try:
                draft = parse_line(text, default_locale).draft()
                earlier = first.setdefault((draft.kind, draft.key, draft.locale), number)
                if earlier != number:
                    raise InvalidInput(f"{draft.kind} {draft.key!r} in {draft.locale} is already on line {earlier}")
                good[number] = draft
            except InvalidInput as error:
                rejected.append(RejectedRow(number, str(error)))
        return good, rejected

    def _lines(self, path: Path) -> Iterator[tuple[int, str]]:
        """Numbered lines that are not blank."""
        lines = read_text(path, self._max_bytes).split("\n")
        filled = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
        if not filled:
            raise InvalidInput(f"{path} is empty")
        if len(filled) > self._max_rows:
            raise InvalidInput(f"{path} has {len(filled)} rows; KB_MAX_IMPORT_ROWS allows {self._max_rows}")
        yield from filled


def read_text(path: Path, max_bytes: int) -> str:
    """The file as text, without a byte order mark; InvalidInput names the position of a byte that is not UTF-8.

    No more than `max_bytes` + 1 bytes are read, so that a pipe or a device without an end is refused as well.
    """
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise InvalidInput(f"{path} has more bytes than KB_MAX_IMPORT_BYTES allows, {max_bytes}")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidInput(f"{path} is not UTF-8: byte {error.start}, on line {line}: {error.reason}") from error
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror}") from error


def _plan(number: int, draft: Draft, states: States, publish: bool) -> PlannedRow:
    state = states.get((draft.kind, draft.key, draft.locale))
    action: Action = "created"
    if state:
        action = "updated" if _differs(draft, states) else "unchanged"
    is_live = action == "unchanged" and state is not None and state.live_id == state.latest_id
    return PlannedRow(number, draft, action, publish and not is_live)


def _differs(draft: Draft, states: States) -> bool:
    """True where the draft is not what the newest revision says already."""
    state = states.get((draft.kind, draft.key, draft.locale))
    return state is None or state.latest_checksum != draft.content.checksum
