"""Repository of what happened: interactions, feedback, clicks, escalations and macro uses."""

from dataclasses import asdict
from uuid import UUID

from sqlalchemy import String, cast, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from kb_service.storage.records import Escalation, Feedback, Interaction, MacroUse, Verdict
from kb_service.storage.tables import (
    Base,
    EntryRow,
    EscalationRow,
    FeedbackRow,
    InteractionRow,
    MacroUseRow,
    RevisionRow,
    SuggestionClickRow,
)


class EventRepository:
    """Events within one unit of work. Adding one that is already stored changes nothing and returns False."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_interaction(self, interaction: Interaction) -> bool:
        """Store an interaction; False where this sender's `message_id` is stored already."""
        values = asdict(interaction) | {"candidates": list(interaction.candidates)}
        return self._add(InteractionRow(**values))

    def interaction(self, interaction_id: UUID) -> Interaction | None:
        """The interaction with this id."""
        row = self._session.get(InteractionRow, interaction_id)
        return _interaction(row) if row else None

    def interaction_by_message(self, sender: str, message_id: str) -> Interaction | None:
        """The interaction this sender's message led to."""
        row = self._session.scalar(
            select(InteractionRow).where(InteractionRow.sender == sender, InteractionRow.message_id == message_id)
        )
        return _interaction(row) if row else None

    def add_feedback(self, feedback: Feedback) -> bool:
        """Store feedback; False for a repeated event."""
        return self._add(FeedbackRow(**asdict(feedback)))

    def add_click(self, interaction_id: UUID, event_id: str, entry_key: str) -> bool:
        """Store the choice of a suggestion; False for a repeated event."""
        return self._add(SuggestionClickRow(interaction_id=interaction_id, event_id=event_id, entry_key=entry_key))

    def add_escalation(self, interaction_id: UUID, event_id: str) -> bool:
        """Store a wish for a person; False for a repeated event."""
        return self._add(EscalationRow(interaction_id=interaction_id, event_id=event_id))

    def add_macro_use(self, use: MacroUse) -> bool:
        """Store the use of a macro; False for a repeated event."""
        values = asdict(use)
        del values["key"]
        entry = select(RevisionRow.entry_id).where(RevisionRow.id == use.revision_id)
        return self._add(MacroUseRow(entry_id=self._session.scalars(entry).one(), **values))

    def feedback_of(self, interaction_id: UUID) -> list[Feedback]:
        """The feedback on one interaction, in the order in which it came."""
        rows = self._session.scalars(
            select(FeedbackRow).where(FeedbackRow.interaction_id == interaction_id).order_by(FeedbackRow.id)
        )
        return [Feedback(row.interaction_id, row.event_id, row.helpful, row.score, row.comment) for row in rows]

    def clicks_of(self, interaction_id: UUID) -> list[str]:
        """Keys of the suggestions that were chosen, in the order of the clicks."""
        return list(
            self._session.scalars(
                select(SuggestionClickRow.entry_key)
                .where(SuggestionClickRow.interaction_id == interaction_id)
                .order_by(SuggestionClickRow.id)
            )
        )

    def is_escalated(self, interaction_id: UUID) -> bool:
        """True once the customer asked for a person."""
        found = select(EscalationRow.id).where(EscalationRow.interaction_id == interaction_id).limit(1)
        return self._session.scalar(found) is not None

    def escalations(self, *, limit: int, before: int | None = None, id_ends_with: str = "") -> list[Escalation]:
        """Wishes for a person, newest first, each with its interaction.

        `before` is the id of the last one already seen, `id_ends_with` the last hexadecimal digits (at most twelve) of
        the interaction's id.
        """
        wanted = select(EscalationRow, InteractionRow).join(InteractionRow).order_by(EscalationRow.id.desc())
        if before is not None:
            wanted = wanted.where(EscalationRow.id < before)
        if id_ends_with:
            wanted = wanted.where(cast(InteractionRow.id, String).endswith(id_ends_with, autoescape=True))
        rows = self._session.execute(wanted.limit(limit))
        return [Escalation(wish.id, _interaction(interaction), wish.created_at) for wish, interaction in rows]

    def verdicts(self, limit: int) -> list[Verdict]:
        """What customers said of automatic replies and chose among suggestions, at most `limit` of each, newest first.

        Of an interaction's feedback, the last that says whether the reply helped.
        """
        asked = (InteractionRow.query, InteractionRow.locale)
        said = (
            select(InteractionRow.id, *asked, InteractionRow.entry_key, FeedbackRow.helpful)
            .join(FeedbackRow)
            .where(InteractionRow.decision == "answer", FeedbackRow.helpful.is_not(None))
            .order_by(FeedbackRow.id.desc())
            .limit(limit)
        )
        chosen = (
            select(*asked, SuggestionClickRow.entry_key)
            .join(InteractionRow)
            .order_by(SuggestionClickRow.id.desc())
            .limit(limit)
        )
        last: dict[UUID, Verdict] = {}
        for key, query, locale, entry, helpful in self._session.execute(said):
            last.setdefault(key, Verdict(query, locale, str(entry), bool(helpful)))
        return [*last.values(), *(Verdict(*choice, helped=True) for choice in self._session.execute(chosen))]

    def macro_uses(self, key: str) -> list[MacroUse]:
        """Uses of one macro, oldest first."""
        rows = self._session.scalars(
            select(MacroUseRow)
            .join(EntryRow, EntryRow.id == MacroUseRow.entry_id)
            .where(EntryRow.kind == "macro", EntryRow.key == key)
            .order_by(MacroUseRow.id)
        )
        return [_macro_use(key, row) for row in rows]

    def _add(self, row: Base) -> bool:
        """Insert within a savepoint, so that a repeat leaves the transaction usable."""
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError as error:
            if not _is_repeat(error):
                raise
            return False
        return True


def _is_repeat(error: IntegrityError) -> bool:
    """True where a unique constraint refused the row, rather than a foreign key or a check."""
    return getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint failed" in str(error.orig)


def _interaction(row: InteractionRow) -> Interaction:
    values = {column.name: getattr(row, column.name) for column in InteractionRow.__table__.columns}
    return Interaction(**values | {"candidates": tuple(row.candidates)})


def _macro_use(key: str, row: MacroUseRow) -> MacroUse:
    return MacroUse(
        row.sender, row.event_id, key, row.revision_id, row.locale, row.outcome, row.agent_id, row.ticket_id
    )
