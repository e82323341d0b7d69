"""The tables as this vmtriage wants them; how older ones become so is told in migrations/."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    UniqueConstraint,
)

from vmtriage.store.types import AnyText, UtcTime

HEAD = "0002"  # the last revision in migrations/versions
VERSION_TABLE = "vmtriage_schema"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# "change" numbers changes, "token" claims; the row's update is what puts them in order
counters = Table(
    "counters", metadata,
    Column("name", String(16), primary_key=True),
    Column("value", BigInteger, nullable=False),
)  # fmt: skip

dumps = Table(
    "dumps", metadata,
    Column("id", String(64), primary_key=True),
    Column("build_id", AnyText),
    Column("release", AnyText),
    Column("crash_time", UtcTime),
    Column("nodename", AnyText),
    Column("size", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("stage", String(8)),
    Column("retry_at", UtcTime),
    Column("quarantined_at", UtcTime),
    Column("quarantine", AnyText),
    Column("became", String(64), ForeignKey("dumps.id")),
    Column("released_after", Integer),  # the last attempt before it left the quarantine
)  # fmt: skip

places = Table(
    "places", metadata,
    Column("share", AnyText, primary_key=True),
    Column("place", AnyText, primary_key=True),
    Column("dump", String(64), ForeignKey("dumps.id"), index=True),
    Column("stamp", AnyText, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("identified", AnyText),  # the stamp at which `dump` was told
    Column("kind", String(16), nullable=False),
    Column("layout", String(16), nullable=False),
    Column("host", AnyText),
    Column("gone", UtcTime),
)  # fmt: skip

claims = Table(
    "claims", metadata,
    Column("subject", AnyText, primary_key=True),
    Column("stage", String(32), primary_key=True),
    Column("token", BigInteger, nullable=False),
    Column("host", AnyText, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("boot_id", AnyText, nullable=False),
    Column("pid_namespace", AnyText, nullable=False),
    Column("taken", UtcTime, nullable=False),
    # seconds of the clock that judges it: the server's, or of a SQLite machine since its boot
    Column("lease_until", Float(53), nullable=False),
)  # fmt: skip

attempts = Table(
    "attempts", metadata,
    Column("id", Integer, primary_key=True),
    Column("dump", String(64), ForeignKey("dumps.id"), nullable=False, index=True),
    Column("stage", String(8), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("worker", AnyText, nullable=False),
    Column("began", UtcTime, nullable=False),
    Column("ended", UtcTime),
    Column("outcome", String(8)),
    Column("exit_code", Integer),
    Column("reason", AnyText, nullable=False),
    Column("seconds", Float(53)),
    sqlite_autoincrement=True,
)  # fmt: skip

recordings = Table(
    "recordings", metadata,
    Column("dump", String(64), ForeignKey("dumps.id"), primary_key=True),
    Column("signatures_revision", AnyText, nullable=False),
    Column("stored", UtcTime, nullable=False),
    Column("unpacked_size", BigInteger, nullable=False),
    Column("packed", LargeBinary, nullable=False),
)  # fmt: skip

reports = Table(
    "reports", metadata,
    Column("dump", String(64), ForeignKey("dumps.id"), primary_key=True),
    Column("stage", String(8), primary_key=True),
    Column("directory", AnyText, nullable=False),
    Column("files", AnyText, nullable=False),  # a JSON list
    Column("tool_version", AnyText, nullable=False),
    Column("signatures_revision", AnyText, nullable=False),
    Column("written", UtcTime, nullable=False),
)  # fmt: skip

problems = Table(
    "problems", metadata,
    Column("id", String(64), primary_key=True),
    Column("alias_of", String(64), ForeignKey("problems.id"), index=True),
    Column("follow", Boolean),  # of an alias: whether logs alone that fit it go there, too
    Column("state", AnyText, nullable=False),
)  # fmt: skip

occurrences = Table(
    "occurrences", metadata,
    Column("dump", String(64), ForeignKey("dumps.id"), primary_key=True),
    Column("problem", String(64), ForeignKey("problems.id"), nullable=False),
    Column("stage", String(8), nullable=False),
    Column("host", AnyText, nullable=False),
    Column("happened", UtcTime, nullable=False, index=True),
    Column("first_seen", UtcTime, nullable=False),
    Column("crash_class", String(32), nullable=False),
    Column("title", AnyText, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("gravity", SmallInteger, nullable=False),  # 0 the gravest
    Column("release", AnyText),
    Column("hardware", AnyText),
    Column("firmware", AnyText),
    Column("function", AnyText),
    Column("module", AnyText),
    Column("culprit", AnyText),
    Column("document", AnyText, nullable=False),
    Index(None, "problem", "happened"),
    Index(None, "host", "happened"),
    Index(None, "culprit", "happened"),
)  # fmt: skip

changes = Table(
    "changes", metadata,
    Column("kind", String(16), primary_key=True),
    Column("id", AnyText, primary_key=True),
    Column("revision", BigInteger, nullable=False, index=True),
)  # fmt: skip

sites = Table(
    "sites", metadata,
    Column("site", AnyText, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)  # fmt: skip

tickets = Table(
    "tickets", metadata,
    Column("problem", String(64), primary_key=True),
    Column("notifier", AnyText, primary_key=True),
    Column("remote_id", AnyText, nullable=False),
    Column("url", AnyText),
    Column("state", String(16), nullable=False),
    Column("commented", UtcTime),
)  # fmt: skip

notifications = Table(
    "notifications", metadata,
    Column("id", Integer, primary_key=True),
    Column("notifier", AnyText, nullable=False),
    Column("problem", String(64), nullable=False),
    Column("event", AnyText, nullable=False),
    Column("dump", String(64)),
    Column("payload", AnyText, nullable=False),
    Column("delivery", String(16), nullable=False, index=True),
    Column("tries", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("retry_at", UtcTime),
    Column("remote_id", AnyText),
    Column("url", AnyText),
    Column("reason", AnyText, nullable=False),
    UniqueConstraint("problem", "notifier", "event"),
    sqlite_autoincrement=True,
)  # fmt: skip
