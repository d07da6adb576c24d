"""Answer a customer's message: find the entry, decide, store the interaction, and say what to show."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from indexer.decision import Decision
from indexer.documents import Document
from indexer.ranking import Candidate
from kb_service.services.consider_question import MAX_SUGGESTIONS, Considered, ConsiderQuestion
from kb_service.services.customer_key import customer_key
from kb_service.services.render_answer import render_answer
from kb_service.services.sync_index import document_of
from kb_service.storage.database import Database
from kb_service.storage.records import Interaction, Outcome

KEPT_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Message:
    """A customer's message as a channel hands it over; `sender` names the integration that sent it.

    `likely_locale` is assumed where `locale` is not given and the text does not tell its language.
    """

    query: str
    channel: str
    customer_id: str
    sender: str
    locale: str | None = None
    conversation_id: str | None = None
    message_id: str | None = None
    likely_locale: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer ready to be shown; `revision` names the exact text, `locale` the language it is in."""

    entry: str
    revision: int
    locale: str
    title: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A choice to offer; `confidence` is the probability that it is the right one."""

    entry: str
    title: str
    confidence: float


@dataclass(frozen=True, slots=True)
class AutoReply:
    """What to do with one message. `reply` is there for `answer` only, `suggestions` for `suggest` only.

    `locale` is the language of what is shown, or the customer's where nothing is.
    """

    interaction_id: UUID
    decision: Outcome
    confidence: float
    locale: str
    reply: Reply | None
    suggestions: tuple[Suggestion, ...]
    index_version: str
    experiments: tuple[dict[str, str], ...] = field(default=())
    is_repeat: bool = False


class ReplyToMessage:
    """Decides on messages and keeps what was decided; a repeated `message_id` gets the first result again."""

    def __init__(self, database: Database, questions: ConsiderQuestion, secret: Callable[[], str]) -> None:
        self._database = database
        self._questions = questions
        self._secret = secret

    def reply(self, message: Message) -> AutoReply:
        """Decide on the message and store the interaction, in one transaction."""
        if message.message_id and (first := self._repeat(message.sender, message.message_id)):
            return first
        considered = self._questions.consider(message.query, message.locale, message.channel, message.likely_locale)
        interaction = _interaction(message, customer_key(self._secret(), message.customer_id), considered)
        with self._database.writing() as work:
            if work.events.add_interaction(interaction):
                work.commit()
                return result_of(interaction, {c.document.revision: c.document for c in considered.ranked})
        repeat = self._repeat(message.sender, message.message_id or "")
        if repeat is None:
            raise RuntimeError("an interaction was refused as a repeat, and its first is not there")
        return repeat

    def _repeat(self, sender: str, message_id: str) -> AutoReply | None:
        """The first result for this message, put together again from the revisions it named."""
        with self._database.reading() as work:
            first = work.events.interaction_by_message(sender, message_id)
            if first is None:
                return None
            revisions = work.content.revisions_by_id(candidate["revision"] for candidate in first.candidates)
        documents = {number: document_of(revision) for number, revision in revisions.items()}
        return replace(result_of(first, documents), is_repeat=True)


def reply_of(document: Document) -> Reply:
    """The document's answer, rendered."""
    rendered = render_answer(document.body)
    return Reply(document.entry, document.revision, document.locale, document.title, rendered.text, rendered.html)


def suggested(interaction: Interaction) -> list[dict[str, Any]]:
    """The stored candidates that were offered as choices, best first."""
    if interaction.decision != "suggest":
        return []
    # Interactions of before say nothing of offers: then those were offered that reached the threshold of then.
    threshold = interaction.thresholds["suggest"]
    return [c for c in interaction.candidates[:MAX_SUGGESTIONS] if c.get("offered", c["confidence"] >= threshold)]


def _interaction(message: Message, customer: str, considered: Considered) -> Interaction:
    """What is stored of a message: the decision and everything it rested on."""
    decision = considered.decision
    best = considered.ranked[0] if considered.ranked else None
    answer = best if decision.outcome == "answer" else None
    return Interaction(
        id=UUID(bytes=uuid7().bytes),
        sender=message.sender,
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        customer_key=customer,
        channel=message.channel,
        query=considered.query,
        asked_locale=message.locale,
        locale=best.locale if best and decision.outcome != "handoff" else considered.locale,
        decision=decision.outcome,
        confidence=decision.confidence,
        entry_key=answer.entry if answer else None,
        revision_id=answer.document.revision if answer else None,
        candidates=tuple(_candidate(candidate, decision) for candidate in considered.ranked[:KEPT_CANDIDATES]),
        thresholds=asdict(decision.thresholds),
        index_version=considered.index_version,
        created_at=datetime.now(UTC),
    )


def _candidate(candidate: Candidate, decision: Decision) -> dict[str, Any]:
    return {
        "entry": candidate.entry,
        "locale": candidate.locale,
        "revision": candidate.document.revision,
        "phrasing": candidate.phrasing,
        "confidence": candidate.confidence,
        "offered": decision.outcome == "suggest" and candidate in decision.candidates,
        "signals": asdict(candidate.signals),
    }


def result_of(interaction: Interaction, documents: dict[int, Document]) -> AutoReply:
    """What was decided, put together from the interaction and the documents it names by revision id."""
    reply = reply_of(documents[interaction.revision_id]) if interaction.revision_id is not None else None
    offered = _suggestions(suggested(interaction), documents)
    return AutoReply(
        interaction.id,
        interaction.decision,
        interaction.confidence,
        interaction.locale,
        reply,
        offered,
        interaction.index_version,
    )


def _suggestions(offered: Iterable[dict[str, Any]], documents: dict[int, Document]) -> tuple[Suggestion, ...]:
    return tuple(Suggestion(c["entry"], documents[c["revision"]].title, c["confidence"]) for c in offered)
