"""initial tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kb_service.storage.types import BigId, Json, UtcDateTime

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("hash", name="uq_api_key_hash"),
    )
    op.create_table(
        "entry",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("kind IN ('faq', 'macro')", name="ck_entry_kind"),
        sa.PrimaryKeyConstraint("id", name="pk_entry"),
        sa.UniqueConstraint("kind", "key", name="uq_entry_kind_key"),
    )
    op.create_table(
        "role",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=True),
        sa.Column("permissions", Json, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_role"),
        sa.UniqueConstraint("name", name="uq_role_name"),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_setting"),
    )
    op.create_table(
        "user",
        sa.Column("id", BigId, nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user"),
        sa.UniqueConstraint("email", name="uq_user_email"),
        sa.UniqueConstraint("fs_uniquifier", name="uq_user_fs_uniquifier"),
    )
    op.create_table(
        "change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_change_entry_id_entry"),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "revision",
        sa.Column("id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("variants", Json, nullable=False),
        sa.Column("keywords", Json, nullable=False),
        sa.Column("product", sa.String(length=100), nullable=True),
        sa.Column("channels", Json, nullable=False),
        sa.Column("tags", Json, nullable=False),
        sa.Column("shortcut", sa.String(length=100), nullable=True),
        sa.Column("checksum", sa.String(length=64), nullable=False),
        sa.Column("author", sa.String(length=320), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_revision_entry_id_entry"),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.UniqueConstraint("entry_id", "locale", "number", name="uq_revision_entry_id_locale_number"),
    )
    op.create_table(
        "user_role",
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("role_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_user_role_role_id_role"),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_user_role_user_id_user"),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_user_role"),
    )
    op.create_table(
        "interaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sender", sa.String(length=100), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("conversation_id", sa.String(length=200), nullable=True),
        sa.Column("customer_key", sa.String(length=64), nullable=False),
        sa.Column("channel", sa.String(length=50), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("asked_locale", sa.String(length=35), nullable=True),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=True),
        sa.Column("revision_id", BigId, nullable=True),
        sa.Column("candidates", Json, nullable=False),
        sa.Column("thresholds", Json, nullable=False),
        sa.Column("index_version", sa.String(length=60), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("decision IN ('answer', 'suggest', 'handoff')", name="ck_interaction_decision"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_interaction_revision_id_revision"),
        sa.PrimaryKeyConstraint("id", name="pk_interaction"),
        sa.UniqueConstraint("sender", "message_id", name="uq_interaction_sender_message_id"),
    )
    op.create_index("ix_interaction_conversation_id", "interaction", ["conversation_id"], unique=False)
    op.create_index("ix_interaction_created_at", "interaction", ["created_at"], unique=False)
    op.create_index(
        "ix_interaction_customer_key_created_at", "interaction", ["customer_key", "created_at"], unique=False
    )
    op.create_index("ix_interaction_entry_key", "interaction", ["entry_key"], unique=False)

    op.create_table(
        "macro_use",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sender", sa.String(length=100), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("revision_id", BigId, nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("agent_id", sa.String(length=200), nullable=True),
        sa.Column("ticket_id", sa.String(length=200), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("outcome IN ('sent', 'edited', 'discarded')", name="ck_macro_use_outcome"),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_macro_use_entry_id_entry"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_macro_use_revision_id_revision"),
        sa.PrimaryKeyConstraint("id", name="pk_macro_use"),
        sa.UniqueConstraint("sender", "event_id", name="uq_macro_use_sender_event_id"),
    )
    op.create_index("ix_macro_use_agent_id", "macro_use", ["agent_id"], unique=False)
    op.create_index("ix_macro_use_created_at", "macro_use", ["created_at"], unique=False)
    op.create_index("ix_macro_use_entry_id", "macro_use", ["entry_id"], unique=False)
    op.create_index("ix_macro_use_ticket_id", "macro_use", ["ticket_id"], unique=False)

    op.create_table(
        "publication",
        sa.Column("id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("revision_id", BigId, nullable=False),
        sa.Column("published_by", sa.String(length=320), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["entry_id"], ["entry.id"], name="fk_publication_entry_id_entry"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_publication_revision_id_revision"),
        sa.PrimaryKeyConstraint("id", name="pk_publication"),
    )
    op.create_index("ix_publication_revision_id", "publication", ["revision_id"], unique=False)
    op.create_index(
        "uq_publication_live",
        "publication",
        ["entry_id", "locale"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )

    op.create_table(
        "escalation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name="fk_escalation_interaction_id_interaction"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_escalation"),
        sa.UniqueConstraint("interaction_id", "event_id", name="uq_escalation_interaction_id_event_id"),
    )
    op.create_index("ix_escalation_created_at", "escalation", ["created_at"], unique=False)

    op.create_table(
        "feedback",
        sa.Column("id", BigId, nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name="ck_feedback_score"),
        sa.ForeignKeyConstraint(["interaction_id"], ["interaction.id"], name="fk_feedback_interaction_id_interaction"),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
        sa.UniqueConstraint("interaction_id", "event_id", name="uq_feedback_interaction_id_event_id"),
    )
    op.create_index("ix_feedback_created_at", "feedback", ["created_at"], unique=False)

    op.create_table(
        "suggestion_click",
        sa.Column("id", BigId, nullable=False),
        sa.Column("interaction_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["interaction_id"], ["interaction.id"], name="fk_suggestion_click_interaction_id_interaction"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_suggestion_click"),
        sa.UniqueConstraint("interaction_id", "event_id", name="uq_suggestion_click_interaction_id_event_id"),
    )
    op.create_index("ix_suggestion_click_created_at", "suggestion_click", ["created_at"], unique=False)


def downgrade() -> None:

    op.drop_table("suggestion_click")

    op.drop_table("feedback")

    op.drop_table("escalation")

    op.drop_table("publication")

    op.drop_table("macro_use")

    op.drop_table("interaction")
    op.drop_table("user_role")
    op.drop_table("revision")
    op.drop_table("change")
    op.drop_table("user")
    op.drop_table("setting")
    op.drop_table("role")
    op.drop_table("entry")
    op.drop_table("api_key")
