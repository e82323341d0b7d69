"""Tickets and notifications."""

import sqlalchemy as sa
from alembic import op

from vmtriage.store.types import AnyText, UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Runs inside the transaction of migrate.py."""
    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notifier", AnyText(), nullable=False),
        sa.Column("problem", sa.String(64), nullable=False),
        sa.Column("event", AnyText(), nullable=False),
        sa.Column("dump", sa.String(64), nullable=True),
        sa.Column("payload", AnyText(), nullable=False),
        sa.Column("delivery", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("created", UtcTime(), nullable=False),
        sa.Column("updated", UtcTime(), nullable=False),
        sa.Column("retry_at", UtcTime(), nullable=True),
        sa.Column("remote_id", AnyText(), nullable=True),
        sa.Column("url", AnyText(), nullable=True),
        sa.Column("reason", AnyText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint(
            "problem", "notifier", "event", name=op.f("uq_notifications_problem_notifier_event")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_notifications_delivery"), "notifications", ["delivery"], unique=False)
    op.create_table(
        "tickets",
        sa.Column("problem", sa.String(64), nullable=False),
        sa.Column("notifier", AnyText(), nullable=False),
        sa.Column("remote_id", AnyText(), nullable=False),
        sa.Column("url", AnyText(), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("commented", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("problem", "notifier", name=op.f("pk_tickets")),
    )
