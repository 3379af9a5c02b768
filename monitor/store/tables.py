"""The tables, the same in SQLite and PostgreSQL, and how Python values are written into them."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from alerting.channels import NoticeKind, Outcome
from alerting.rules import Phase, Severity, Why
from incidents.lifecycle import Stage
from probes import Status

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

E = TypeVar("E", bound=StrEnum)


class MessageState(StrEnum):
    """How far a message is. ACCEPTED, DEAD and CANCELLED are final; LEASED is being sent right now."""

    QUEUED = "queued"
    LEASED = "leased"
    RETRY = "retry"
    ACCEPTED = "accepted"
    DEAD = "dead"
    CANCELLED = "cancelled"


class Instant(TypeDecorator[datetime]):
    """An aware time as integer microseconds since 1970 UTC: exact and in the same order in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Raises ValueError for a time without a zone, which could mean any of 38 instants."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no zone; only aware times are stored")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """The time in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text that may come from a peer: what a database refuses (NUL, half surrogates) becomes U+FFFD."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as every database takes it."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


class Word(TypeDecorator[E], Generic[E]):
    """A member of an enumeration, stored as its word."""

    impl = Text
    cache_ok = True

    def __init__(self, words: type[E]) -> None:
        super().__init__()
        self.words = words

    def process_bind_param(self, value: E | None, dialect: Dialect) -> str | None:
        """The member's word."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> E | None:
        """The member; raises ValueError for a word that this version does not know."""
        return None if value is None else self.words(value)


metadata = MetaData()

incidents = Table(
    "incidents",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asset", Text, nullable=False),
    Column("title", Words, nullable=False),
    Column("severity", Word(Severity), nullable=False),
    Column("opened", Instant, nullable=False),
    Column("stage", Word(Stage), nullable=False),
    Column("firing", JSON, nullable=False),
    Column("acknowledged", Instant),
    Column("acknowledged_by", Words, nullable=False),
    Column("resolved", Instant),
    Column("member_minutes", Float),
    Column("impact", Words, nullable=False),
    Column("resolution", Words, nullable=False),
    Column("root_cause", Words, nullable=False),
    Index("incidents_stage", "stage"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("text", Words, nullable=False),
)

told = Table(
    "told",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("destination", Text, nullable=False),
    Column("episode", Text, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("repeat", Float, nullable=False),
    Column("repeat_at", Instant),
    Index("told_repeat_at", "repeat_at"),
)

# The incident of an episode may be written after it in the same transaction, hence deferred.
episodes = Table(
    "episodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("check", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("severity", Word(Severity), nullable=False),
    Column("phase", Word(Phase), nullable=False),
    Column("opened", Instant, nullable=False),
    Column("last_true", Instant, nullable=False),
    Column("deadline", Instant),
    Column("fired", Instant),
    Column("closed", Instant),
    Column("why", Word(Why)),
    Column("value", Float),
    Column("reason", Words, nullable=False),
    Column("detail", Words, nullable=False),
    Column("incident", Text, ForeignKey("incidents.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED")),
    Index("episodes_check", "check", "opened"),
    Index("episodes_incident", "incident"),
    Index("episodes_closed", "closed"),
)

states = Table(
    "states",
    metadata,
    Column("check", Text, primary_key=True),
    Column("rule", Text, primary_key=True),
    Column("recent", Text, nullable=False),
    Column("episode", Text, ForeignKey("episodes.id")),
)

_unfinished = text("finished IS NULL")
_leased = text("state = 'leased'")

# A message to a destination waits for the one before it, so a destination has one lease; the index makes sure.
messages = Table(
    "messages",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("episode", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("kind", Word(NoticeKind), nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("severity", Word(Severity), nullable=False),
    Column("title", Words, nullable=False),
    Column("body", Words, nullable=False),
    Column("incident", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("state", Word(MessageState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Instant, nullable=False),
    Column("leased_until", Instant),
    Column("words", Words, nullable=False),
    Column("finished", Instant),
    Column("repeated", Boolean, nullable=False),
    UniqueConstraint("episode", "destination", "kind", "sequence", name="messages_key"),
    Index("messages_unfinished", "destination", "id", sqlite_where=_unfinished, postgresql_where=_unfinished),
    Index("messages_leased", "destination", unique=True, sqlite_where=_leased, postgresql_where=_leased),
    Index("messages_incident", "incident"),
    Index("messages_finished", "finished"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("message", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Word(Outcome), nullable=False),
    Column("words", Words, nullable=False),
    Index("deliveries_message", "message"),
)

spans = Table(
    "spans",
    metadata,
    Column("check", Text, primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("end", Instant, nullable=False),
    Column("status", Word(Status), nullable=False),
    Column("reason", Words, nullable=False),
    Index("spans_end", "end"),
    sqlite_with_rowid=False,
)

rollups = Table(
    "rollups",
    metadata,
    Column("check", Text, primary_key=True),
    Column("step", Integer, primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("total", Float, nullable=False),
    Column("least", Float, nullable=False),
    Column("most", Float, nullable=False),
    Column("buckets", Text, nullable=False),
    Index("rollups_start", "step", "start"),
    sqlite_with_rowid=False,
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("who", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Index("sessions_expires", "expires"),
)

# One row, written to find out whether anything can be.
pulse = Table("pulse", metadata, Column("id", Integer, primary_key=True), Column("at", Instant, nullable=False))
