"""What the storage layer hands out and takes in: frozen records, never rows."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

Kind = Literal["faq", "macro"]
Outcome = Literal["answer", "suggest", "handoff"]
UseOutcome = Literal["sent", "edited", "discarded"]
KeptAs = Literal["added", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Keyword:
    """A term that a curator attached to an entry; weight 0 mutes it, 1 is usual."""

    term: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Content:
    """What one revision says: `title` is a FAQ's question or a macro's title, `body` its answer or Liquid text."""

    title: str
    body: str
    variants: tuple[str, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    product: str | None = None
    channels: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    shortcut: str | None = None

    @property
    def checksum(self) -> str:
        """SHA-256 of the whole content: equal content has an equal checksum, whatever its author or date."""
        canonical = json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Draft:
    """Content that is to become the next revision of an entry in one locale."""

    kind: Kind
    key: str
    locale: str
    content: Content


@dataclass(frozen=True, slots=True)
class Revision:
    """An immutable version of an entry in one locale."""

    id: int
    kind: Kind
    key: str
    locale: str
    number: int
    content: Content
    author: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LocaleState:
    """The newest revision of an entry in one locale, and whether one is live."""

    entry_id: int
    latest_id: int
    latest_number: int
    latest_checksum: str
    live_id: int | None


@dataclass(frozen=True, slots=True)
class EntrySummary:
    """One row of an entry list: an entry in one locale."""

    kind: Kind
    key: str
    locale: str
    title: str
    product: str | None
    tags: tuple[str, ...]
    number: int
    published: bool
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the change log: this entry must be looked at again."""

    id: int
    kind: Kind
    key: str
    locale: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One customer message and what we decided; `candidates` is the ranked list, best first, as it stood then.

    `confidence` and the thresholds are probabilities in [0, 1]. `query` has its personal data redacted.
    """

    id: UUID
    sender: str
    message_id: str | None
    conversation_id: str | None
    customer_key: str
    channel: str
    query: str
    asked_locale: str | None
    locale: str
    decision: Outcome
    confidence: float
    entry_key: str | None
    revision_id: int | None
    candidates: tuple[dict[str, Any], ...]
    thresholds: dict[str, float]
    index_version: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a customer said of one reply; `score` runs from 1 (bad) to 5 (good)."""

    interaction_id: UUID
    event_id: str
    helpful: bool | None = None
    score: int | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """A customer's wish for a person after an interaction; ids rise with time."""

    id: int
    interaction: Interaction
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """A customer's word on whether an entry answered a question, which is redacted."""

    query: str
    locale: str
    entry_key: str
    helped: bool


@dataclass(frozen=True, slots=True)
class MacroUse:
    """One use of a macro by an agent."""

    sender: str
    event_id: str
    key: str
    revision_id: int
    locale: str
    outcome: UseOutcome
    agent_id: str | None = None
    ticket_id: str | None = None


@dataclass(frozen=True, slots=True)
class GoldenDraft:
    """A golden question to be kept: `expected` is the FAQ's key, None where nothing may answer.

    `wording` tells questions apart: the SHA-256 of the folded text, so that case, accents and punctuation do not.
    `query` has its personal data redacted.
    """

    query: str
    wording: str
    locale: str
    expected: str | None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question whose right answer is known; who said so, and when. One per wording and locale."""

    id: int
    query: str
    locale: str
    expected: str | None
    note: str | None
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """What a switch to an index version did to the golden questions; `worse` of `questions` got worse.

    `compared_with` is the version before, None where there was none to compare with. `report` has the measurements
    before and after and every question that got worse or better, in JSON types.
    """

    index_version: str
    compared_with: str | None
    questions: int
    worse: int
    report: dict[str, Any]
    checked_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """A person who signs in; `password` is its argon2 hash, `uniquifier` names her in sessions and never changes."""

    id: int
    email: str
    password: str
    active: bool
    uniquifier: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret."""

    id: int
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None = field(default=None)
