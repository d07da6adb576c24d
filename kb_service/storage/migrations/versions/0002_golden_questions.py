"""golden questions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from kb_service.storage.types import BigId, Json, UtcDateTime

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "golden_question",
        sa.Column("id", BigId, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("wording", sa.String(length=64), nullable=False),
        sa.Column("locale", sa.String(length=35), nullable=False),
        sa.Column("entry_key", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("added_by", sa.String(length=320), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_golden_question"),
        sa.UniqueConstraint("wording", "locale", name="uq_golden_question_wording_locale"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_golden_question_entry_key", "golden_question", ["entry_key"], unique=False)
    op.create_table(
        "golden_check",
        sa.Column("id", BigId, nullable=False),
        sa.Column("index_version", sa.String(length=60), nullable=False),
        sa.Column("compared_with", sa.String(length=60), nullable=True),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("worse", sa.Integer(), nullable=False),
        sa.Column("report", Json, nullable=False),
        sa.Column("checked_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_golden_check"),
    )


def downgrade() -> None:
    op.drop_table("golden_check")
    op.drop_index("ix_golden_question_entry_key", table_name="golden_question")
    op.drop_table("golden_question")
