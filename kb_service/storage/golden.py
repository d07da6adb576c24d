"""Repository of golden questions, and of what index versions did to them."""

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import func, select, text, tuple_
from sqlalchemy.orm import Session

from kb_service.storage.records import GoldenCheck, GoldenDraft, GoldenQuestion, KeptAs
from kb_service.storage.tables import GoldenCheckRow, GoldenQuestionRow
from kb_service.storage.types import utc_now

_GOLDEN_LOCK = 0x6B63
_BATCH = 500


class GoldenRepository:
    """Golden questions within one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, drafts: Sequence[GoldenDraft], by: str) -> list[tuple[GoldenQuestion, KeptAs]]:
        """Store these questions, no two of them alike, and say what became of each.

        A wording and locale that are kept already take the draft's expectation, and its note if it has one.
        """
        self._claim()
        known = self._known(drafts)
        kept: list[tuple[GoldenQuestionRow, KeptAs]] = []
        for draft in drafts:
            row = known.get((draft.wording, draft.locale))
            if row is None:
                values = asdict(draft)
                row = GoldenQuestionRow(entry_key=values.pop("expected"), added_by=by, **values)
                self._session.add(row)
                kept.append((row, "added"))
            elif row.entry_key == draft.expected and draft.note in (None, row.note):
                kept.append((row, "unchanged"))
            else:
                row.entry_key, row.note = draft.expected, draft.note or row.note
                row.added_by, row.added_at = by, utc_now()
                kept.append((row, "changed"))
        self._session.flush()
        return [(_record(row), what) for row, what in kept]

    def remove(self, question_id: int) -> GoldenQuestion | None:
        """Forget a question and return it; None where there is none with this id."""
        row = self._session.get(GoldenQuestionRow, question_id, with_for_update=True)  # two may want it at once
        if row is None:
            return None
        self._session.delete(row)
        self._session.flush()
        return _record(row)

    def find(
        self, entry: str | None = None, after: int | None = None, limit: int | None = None
    ) -> list[GoldenQuestion]:
        """Questions, newest first: of this entry or of all, those behind the id `after`, at most `limit`."""
        wanted = select(GoldenQuestionRow).order_by(GoldenQuestionRow.id.desc())
        if entry is not None:
            wanted = wanted.where(GoldenQuestionRow.entry_key == entry)
        if after is not None:
            wanted = wanted.where(GoldenQuestionRow.id < after)
        return [_record(row) for row in self._session.scalars(wanted.limit(limit))]

    def count(self, entry: str | None = None) -> int:
        """How many questions there are, of this entry or of all."""
        counted = select(func.count()).select_from(GoldenQuestionRow)
        if entry is not None:
            counted = counted.where(GoldenQuestionRow.entry_key == entry)
        return self._session.scalar(counted) or 0

    def add_check(self, check: GoldenCheck) -> None:
        """Store what a switch did."""
        self._session.add(GoldenCheckRow(**asdict(check)))

    def last_check(self) -> GoldenCheck | None:
        """What the newest switch that was checked did."""
        row = self._session.scalar(select(GoldenCheckRow).order_by(GoldenCheckRow.id.desc()).limit(1))
        if row is None:
            return None
        return GoldenCheck(row.index_version, row.compared_with, row.questions, row.worse, row.report, row.checked_at)

    def _claim(self) -> None:
        """Be the only one who adds questions until the transaction ends. SQLite has a single writer anyway."""
        if self._session.get_bind().dialect.name == "postgresql":
            self._session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _GOLDEN_LOCK})

    def _known(self, drafts: Sequence[GoldenDraft]) -> dict[tuple[str, str], GoldenQuestionRow]:
        """The stored questions that these drafts repeat, by wording and locale."""
        known: dict[tuple[str, str], GoldenQuestionRow] = {}
        place = tuple_(GoldenQuestionRow.wording, GoldenQuestionRow.locale)
        for start in range(0, len(drafts), _BATCH):
            names = [(draft.wording, draft.locale) for draft in drafts[start : start + _BATCH]]
            rows = self._session.scalars(select(GoldenQuestionRow).where(place.in_(names)))
            known |= {(row.wording, row.locale): row for row in rows}
        return known


def _record(row: GoldenQuestionRow) -> GoldenQuestion:
    return GoldenQuestion(row.id, row.query, row.locale, row.entry_key, row.note, row.added_by, row.added_at)
