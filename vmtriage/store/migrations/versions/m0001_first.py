"""What the first stores had."""

import sqlalchemy as sa
from alembic import op

from vmtriage.store.types import AnyText, UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Runs inside the transaction of migrate.py."""
    op.create_table(
        "changes",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("id", AnyText(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "id", name=op.f("pk_changes")),
    )
    op.create_index(op.f("ix_changes_revision"), "changes", ["revision"], unique=False)
    op.create_table(
        "claims",
        sa.Column("subject", AnyText(), nullable=False),
        sa.Column("stage", sa.String(32), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("host", AnyText(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", AnyText(), nullable=False),
        sa.Column("pid_namespace", AnyText(), nullable=False),
        sa.Column("taken", UtcTime(), nullable=False),
        sa.Column("lease_until", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("subject", "stage", name=op.f("pk_claims")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "dumps",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("build_id", AnyText(), nullable=True),
        sa.Column("release", AnyText(), nullable=True),
        sa.Column("crash_time", UtcTime(), nullable=True),
        sa.Column("nodename", AnyText(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.Column("stage", sa.String(8), nullable=True),
        sa.Column("retry_at", UtcTime(), nullable=True),
        sa.Column("quarantined_at", UtcTime(), nullable=True),
        sa.Column("quarantine", AnyText(), nullable=True),
        sa.Column("became", sa.String(64), nullable=True),
        sa.Column("released_after", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["became"], ["dumps.id"], name=op.f("fk_dumps_became")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dumps")),
    )
    op.create_table(
        "problems",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("alias_of", sa.String(64), nullable=True),
        sa.Column("follow", sa.Boolean(), nullable=True),
        sa.Column("state", AnyText(), nullable=False),
        sa.ForeignKeyConstraint(["alias_of"], ["problems.id"], name=op.f("fk_problems_alias_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_problems")),
    )
    op.create_index(op.f("ix_problems_alias_of"), "problems", ["alias_of"], unique=False)
    op.create_table(
        "sites",
        sa.Column("site", AnyText(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_sites")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dump", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("worker", AnyText(), nullable=False),
        sa.Column("began", UtcTime(), nullable=False),
        sa.Column("ended", UtcTime(), nullable=True),
        sa.Column("outcome", sa.String(8), nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("reason", AnyText(), nullable=False),
        sa.Column("seconds", sa.Float(precision=53), nullable=True),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name=op.f("fk_attempts_dump")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_dump"), "attempts", ["dump"], unique=False)
    op.create_table(
        "occurrences",
        sa.Column("dump", sa.String(64), nullable=False),
        sa.Column("problem", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("host", AnyText(), nullable=False),
        sa.Column("happened", UtcTime(), nullable=False),
        sa.Column("first_seen", UtcTime(), nullable=False),
        sa.Column("crash_class", sa.String(32), nullable=False),
        sa.Column("title", AnyText(), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("gravity", sa.SmallInteger(), nullable=False),
        sa.Column("release", AnyText(), nullable=True),
        sa.Column("hardware", AnyText(), nullable=True),
        sa.Column("firmware", AnyText(), nullable=True),
        sa.Column("function", AnyText(), nullable=True),
        sa.Column("module", AnyText(), nullable=True),
        sa.Column("culprit", AnyText(), nullable=True),
        sa.Column("document", AnyText(), nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name=op.f("fk_occurrences_dump")),
        sa.ForeignKeyConstraint(["problem"], ["problems.id"], name=op.f("fk_occurrences_problem")),
        sa.PrimaryKeyConstraint("dump", name=op.f("pk_occurrences")),
    )
    op.create_index(
        op.f("ix_occurrences_culprit_happened"),
        "occurrences",
        ["culprit", "happened"],
        unique=False,
    )
    op.create_index(op.f("ix_occurrences_happened"), "occurrences", ["happened"], unique=False)
    op.create_index(
        op.f("ix_occurrences_host_happened"), "occurrences", ["host", "happened"], unique=False
    )
    op.create_index(
        op.f("ix_occurrences_problem_happened"),
        "occurrences",
        ["problem", "happened"],
        unique=False,
    )
    op.create_table(
        "places",
        sa.Column("share", AnyText(), nullable=False),
        sa.Column("place", AnyText(), nullable=False),
        sa.Column("dump", sa.String(64), nullable=True),
        sa.Column("stamp", AnyText(), nullable=False),
        sa.Column("since", UtcTime(), nullable=False),
        sa.Column("identified", AnyText(), nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("layout", sa.String(16), nullable=False),
        sa.Column("host", AnyText(), nullable=True),
        sa.Column("gone", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name=op.f("fk_places_dump")),
        sa.PrimaryKeyConstraint("share", "place", name=op.f("pk_places")),
    )
    op.create_index(op.f("ix_places_dump"), "places", ["dump"], unique=False)
    op.create_table(
        "recordings",
        sa.Column("dump", sa.String(64), nullable=False),
        sa.Column("signatures_revision", AnyText(), nullable=False),
        sa.Column("stored", UtcTime(), nullable=False),
        sa.Column("unpacked_size", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name=op.f("fk_recordings_dump")),
        sa.PrimaryKeyConstraint("dump", name=op.f("pk_recordings")),
    )
    op.create_table(
        "reports",
        sa.Column("dump", sa.String(64), nullable=False),
        sa.Column("stage", sa.String(8), nullable=False),
        sa.Column("directory", AnyText(), nullable=False),
        sa.Column("files", AnyText(), nullable=False),
        sa.Column("tool_version", AnyText(), nullable=False),
        sa.Column("signatures_revision", AnyText(), nullable=False),
        sa.Column("written", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["dump"], ["dumps.id"], name=op.f("fk_reports_dump")),
        sa.PrimaryKeyConstraint("dump", "stage", name=op.f("pk_reports")),
    )
    counters = sa.table("counters", sa.column("name"), sa.column("value"))
    op.bulk_insert(counters, [{"name": name, "value": 0} for name in ("change", "token")])
