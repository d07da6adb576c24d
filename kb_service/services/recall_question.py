"""Show again what was decided on a customer's question, so that a page can be reloaded and gone back to."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from kb_service.errors import NotFound
from kb_service.services.auto_reply import AutoReply, Reply, reply_of, result_of, suggested
from kb_service.services.consider_question import ConsiderQuestion
from kb_service.services.customer_key import customer_key
from kb_service.services.sync_index import document_of
from kb_service.storage.database import Database
from kb_service.storage.records import Feedback


@dataclass(frozen=True, slots=True)
class RecalledQuestion:
    """A question (redacted), what was decided, and what the customer did since.

    `shown` is the answer, or the choice asked for; `locale` is the one the customer seems to write in, which the shown
    answer need not be in. `feedback` holds the events by their id.
    """

    query: str
    locale: str
    result: AutoReply
    shown: Reply | None
    feedback: dict[str, Feedback]
    is_escalated: bool


class RecallQuestion:
    """Reads one customer's interactions back."""

    def __init__(self, database: Database, questions: ConsiderQuestion, secret: Callable[[], str]) -> None:
        self._database = database
        self._questions = questions
        self._secret = secret

    def recall(
        self, interaction_id: UUID, customer_id: str, likely_locale: str, choice: str | None = None
    ) -> RecalledQuestion:
        """The interaction as it stands; NotFound where it is not this customer's or `choice` was not offered."""
        with self._database.reading() as work:
            interaction = work.events.interaction(interaction_id)
            if interaction is None or interaction.customer_key != customer_key(self._secret(), customer_id):
                raise NotFound(f"there is no interaction {interaction_id}")
            revisions = work.content.revisions_by_id(candidate["revision"] for candidate in interaction.candidates)
            feedback = work.events.feedback_of(interaction_id)
            is_escalated = work.events.is_escalated(interaction_id)
        documents = {number: document_of(revision) for number, revision in revisions.items()}
        result, shown = result_of(interaction, documents), None
        if choice is not None:
            offered = {candidate["entry"]: candidate["revision"] for candidate in suggested(interaction)}
            if choice not in offered:
                raise NotFound(f"{choice[:200]!r} was not suggested in this interaction")
            shown = reply_of(documents[offered[choice]])
        return RecalledQuestion(
            interaction.query,
            self._questions.locale_of(interaction.query, likely_locale),
            result,
            shown or result.reply,
            {event.event_id: event for event in feedback},
            is_escalated,
        )
