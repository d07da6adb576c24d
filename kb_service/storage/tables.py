"""The database's tables. Only `storage` sees these rows; records (frozen dataclasses) leave it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from kb_service.storage.records import Kind, Outcome, UseOutcome
from kb_service.storage.types import BigId, Json, UtcDateTime, utc_now

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Declarative base; the naming convention lets migrations drop a constraint by its name."""

    metadata = MetaData(naming_convention=NAMING)


class SettingRow(Base):
    """A value the service keeps for itself, such as the knowledge base's own id."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class EntryRow(Base):
    """One piece of content, a FAQ or a macro; what it says is in its revisions."""

    __tablename__ = "entry"
    __table_args__ = (UniqueConstraint("kind", "key"), CheckConstraint("kind IN ('faq', 'macro')", name="kind"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[Kind] = mapped_column(String(10))
    key: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class RevisionRow(Base):
    """An immutable version of an entry in one locale; `number` counts from 1 within entry and locale."""

    __tablename__ = "revision"
    __table_args__ = (UniqueConstraint("entry_id", "locale", "number"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"))
    locale: Mapped[str] = mapped_column(String(35))
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    variants: Mapped[list[str]] = mapped_column(Json)
    keywords: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    product: Mapped[str | None] = mapped_column(String(100))
    channels: Mapped[list[str]] = mapped_column(Json)
    tags: Mapped[list[str]] = mapped_column(Json)
    shortcut: Mapped[str | None] = mapped_column(String(100))
    checksum: Mapped[str] = mapped_column(String(64))
    author: Mapped[str] = mapped_column(String(320))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    entry: Mapped[EntryRow] = relationship()


class PublicationRow(Base):
    """Which revision is, or was, live: the one whose `ended_at` is empty is served now."""

    __tablename__ = "publication"
    __table_args__ = (
        Index(
            "uq_publication_live",
            "entry_id",
            "locale",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"))
    locale: Mapped[str] = mapped_column(String(35))
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    published_by: Mapped[str] = mapped_column(String(320))
    published_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    revision: Mapped[RevisionRow] = relationship()


class ChangeRow(Base):
    """The change log: what the index must look at again, in the order in which it was committed."""

    __tablename__ = "change"
    __table_args__ = ({"sqlite_autoincrement": True},)  # an id is never given twice, so "after id n" stays true

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"))
    locale: Mapped[str] = mapped_column(String(35))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class InteractionRow(Base):
    """One customer message (personal data redacted) and what was decided, with all that it rested on."""

    __tablename__ = "interaction"
    __table_args__ = (
        UniqueConstraint("sender", "message_id"),
        CheckConstraint("decision IN ('answer', 'suggest', 'handoff')", name="decision"),
        Index("ix_interaction_customer_key_created_at", "customer_key", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    sender: Mapped[str] = mapped_column(String(100))
    message_id: Mapped[str | None] = mapped_column(String(200))
    conversation_id: Mapped[str | None] = mapped_column(String(200), index=True)
    customer_key: Mapped[str] = mapped_column(String(64))
    channel: Mapped[str] = mapped_column(String(50))
    query: Mapped[str] = mapped_column(Text)
    asked_locale: Mapped[str | None] = mapped_column(String(35))
    locale: Mapped[str] = mapped_column(String(35))
    decision: Mapped[Outcome] = mapped_column(String(10))
    confidence: Mapped[float] = mapped_column(Float)
    entry_key: Mapped[str | None] = mapped_column(String(200), index=True)
    revision_id: Mapped[int | None] = mapped_column(ForeignKey("revision.id"))
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    thresholds: Mapped[dict[str, float]] = mapped_column(Json)
    index_version: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class FeedbackRow(Base):
    """What a customer said of one reply; a repeated `event_id` is stored once."""

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("interaction_id", "event_id"),
        CheckConstraint("score BETWEEN 1 AND 5", name="score"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    interaction_id: Mapped[UUID] = mapped_column(ForeignKey("interaction.id"))
    event_id: Mapped[str] = mapped_column(String(200))
    helpful: Mapped[bool | None] = mapped_column(Boolean)
    score: Mapped[int | None] = mapped_column(Integer)
    comment: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class SuggestionClickRow(Base):
    """A customer chose one of the suggestions of an interaction."""

    __tablename__ = "suggestion_click"
    __table_args__ = (UniqueConstraint("interaction_id", "event_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    interaction_id: Mapped[UUID] = mapped_column(ForeignKey("interaction.id"))
    event_id: Mapped[str] = mapped_column(String(200))
    entry_key: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class EscalationRow(Base):
    """A customer asked for a person after an interaction."""

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("interaction_id", "event_id"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    interaction_id: Mapped[UUID] = mapped_column(ForeignKey("interaction.id"))
    event_id: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class MacroUseRow(Base):
    """An agent used a macro: sent it as it was, edited it, or discarded it."""

    __tablename__ = "macro_use"
    __table_args__ = (
        UniqueConstraint("sender", "event_id"),
        CheckConstraint("outcome IN ('sent', 'edited', 'discarded')", name="outcome"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sender: Mapped[str] = mapped_column(String(100))
    event_id: Mapped[str] = mapped_column(String(200))
    entry_id: Mapped[int] = mapped_column(ForeignKey("entry.id"), index=True)
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    locale: Mapped[str] = mapped_column(String(35))
    outcome: Mapped[UseOutcome] = mapped_column(String(10))
    agent_id: Mapped[str | None] = mapped_column(String(200), index=True)
    ticket_id: Mapped[str | None] = mapped_column(String(200), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now, index=True)


class GoldenQuestionRow(Base):
    """A question (personal data redacted) and the FAQ that must answer it; `entry_key` is empty where none may."""

    __tablename__ = "golden_question"
    # An id is never given twice, so that a repeated removal removes nothing else. The wording is a hash: an index of
    # PostgreSQL holds no long text.
    __table_args__ = (UniqueConstraint("wording", "locale"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    query: Mapped[str] = mapped_column(Text)
    wording: Mapped[str] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(35))
    entry_key: Mapped[str | None] = mapped_column(String(200), index=True)
    note: Mapped[str | None] = mapped_column(Text)
    added_by: Mapped[str] = mapped_column(String(320))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class GoldenCheckRow(Base):
    """What the switch to an index version did to the golden questions."""

    __tablename__ = "golden_check"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    index_version: Mapped[str] = mapped_column(String(60))
    compared_with: Mapped[str | None] = mapped_column(String(60))
    questions: Mapped[int] = mapped_column(Integer)
    worse: Mapped[int] = mapped_column(Integer)
    report: Mapped[dict[str, Any]] = mapped_column(Json)
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)


class ApiKeyRow(Base):
    """An API key: only its SHA-256 is kept, with a prefix a person can recognise it by."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(20))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


user_role = Table(
    "user_role",
    Base.metadata,
    Column("user_id", ForeignKey("user.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


class RoleRow(Base):
    """What a signed-in person may do."""

    __tablename__ = "role"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))
    permissions: Mapped[list[str] | None] = mapped_column(Json)


class UserRow(Base):
    """A person who signs in; the columns are those that Flask-Security asks for."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(320), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now)

    roles: Mapped[list[RoleRow]] = relationship(secondary=user_role, lazy="selectin")
