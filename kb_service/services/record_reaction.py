"""Store what a customer does with a reply: feedback, the choice of a suggestion, the wish for a person."""

from collections.abc import Callable
from uuid import UUID

from kb_service.errors import InvalidInput, NotFound
from kb_service.services.auto_reply import Reply, reply_of, suggested
from kb_service.services.customer_key import customer_key
from kb_service.services.redact import redact
from kb_service.services.sync_index import document_of
from kb_service.storage.database import Database, UnitOfWork
from kb_service.storage.records import Feedback, Interaction


class RecordReaction:
    """Every method is idempotent by `event_id`: it returns False (or the same reply) for a repeated event.

    Where a `customer_id` is given, another customer's interaction is NotFound, as one that does not exist.
    """

    def __init__(self, database: Database, secret: Callable[[], str]) -> None:
        self._database = database
        self._secret = secret

    def feedback(
        self,
        interaction_id: UUID,
        event_id: str,
        helpful: bool | None,
        score: int | None,
        comment: str | None,
        customer_id: str | None = None,
    ) -> bool:
        """Store whether the reply helped, a score from 1 to 5, a comment, or any of them together."""
        if helpful is None and score is None and not comment:
            raise InvalidInput("feedback needs at least one of helpful, score and comment")
        with self._database.writing() as work:
            self._known(work, interaction_id, customer_id)
            kept = redact(comment) if comment else None
            added = work.events.add_feedback(Feedback(interaction_id, event_id, helpful, score, kept))
            work.commit()
        return added

    def click(
        self, interaction_id: UUID, event_id: str, entry: str, customer_id: str | None = None
    ) -> tuple[bool, Reply]:
        """Store which suggestion was chosen and return its answer, as it stood when it was offered."""
        with self._database.writing() as work:
            interaction = self._known(work, interaction_id, customer_id)
            offered = {c["entry"]: c["revision"] for c in suggested(interaction)}
            if entry not in offered:
                raise InvalidInput(f"{entry[:200]!r} was not suggested in this interaction", "entry")
            added = work.events.add_click(interaction_id, event_id, entry)
            revision = work.content.revisions_by_id([offered[entry]])[offered[entry]]
            work.commit()
        return added, reply_of(document_of(revision))

    def escalation(self, interaction_id: UUID, event_id: str, customer_id: str | None = None) -> bool:
        """Store that the customer asked for a person."""
        with self._database.writing() as work:
            self._known(work, interaction_id, customer_id)
            added = work.events.add_escalation(interaction_id, event_id)
            work.commit()
        return added

    def _known(self, work: UnitOfWork, interaction_id: UUID, customer_id: str | None) -> Interaction:
        found = work.events.interaction(interaction_id)
        is_hers = customer_id is None or (
            found is not None and found.customer_key == customer_key(self._secret(), customer_id)
        )
        if found is None or not is_hers:
            raise NotFound(f"there is no interaction {interaction_id}")
        return found
