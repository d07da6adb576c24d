"""Read customers' requests for a person, newest first, and find one by the reference number she was given."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kb_service.services.auto_reply import suggested
from kb_service.storage.database import Database
from kb_service.storage.records import Interaction, Outcome

_REFERENCE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry that the customer was shown, as an answer or as a choice; `title` is that of the revision shown."""

    entry: str
    title: str
    locale: str


@dataclass(frozen=True, slots=True)
class PersonRequest:
    """A customer's wish for a person: her question (redacted), and what she had been shown by then."""

    reference: str
    requested_at: datetime
    query: str
    locale: str
    channel: str
    decision: Outcome
    shown: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class RequestsPage:
    """One page of requests; `before` is the cursor of the next one, None on the last."""

    requests: tuple[PersonRequest, ...]
    before: int | None


class ReadRequests:
    """Reads requests for a person."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, *, limit: int, before: int | None = None, reference: str = "") -> RequestsPage:
        """One page of requests; with a reference only those that carry it, however it is written."""
        digits = "".join(letter for letter in reference.lower() if letter in "0123456789abcdef")
        if reference and len(digits) != _REFERENCE_DIGITS:
            return RequestsPage((), None)
        with self._database.reading() as work:
            found = work.events.escalations(limit=limit + 1, before=before, id_ends_with=digits)
            named = {number for each in found for number in _revisions(each.interaction).values()}
            revisions = work.content.revisions_by_id(named)
        requests = tuple(
            PersonRequest(
                reference_of(each.interaction.id),
                each.created_at,
                each.interaction.query,
                each.interaction.locale,
                each.interaction.channel,
                each.interaction.decision,
                tuple(
                    Shown(entry, revisions[number].content.title, revisions[number].locale)
                    for entry, number in _revisions(each.interaction).items()
                ),
            )
            for each in found[:limit]
        )
        return RequestsPage(requests, found[limit - 1].id if len(found) > limit else None)


def reference_of(interaction_id: UUID) -> str:
    """The number a customer is given: the last eight digits of the interaction's id, which are random."""
    return interaction_id.hex[-_REFERENCE_DIGITS:].upper()


def _revisions(interaction: Interaction) -> dict[str, int]:
    """The revisions shown, by the key of their entry."""
    if interaction.entry_key is not None and interaction.revision_id is not None:
        return {interaction.entry_key: interaction.revision_id}
    return {choice["entry"]: choice["revision"] for choice in suggested(interaction)}
