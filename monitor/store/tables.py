"""The tables, the same in SQLite and PostgreSQL."""

from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from alerting.channels import NoticeKind, Outcome
from alerting.gates import Gate
from alerting.rules import Lack, Phase, Severity, Why
from alerting.verdicts import Verdict
from incidents.incident import EntryKind, Origin
from incidents.lifecycle import Stage
from incidents.review import Category, Detection
from monitor.people.roles import Role
from monitor.store.columns import Instant, Word, Words
from probes import Status


class MessageState(StrEnum):
    """How far a message is. ACCEPTED, MERGED, DEAD and CANCELLED are final; LEASED is being sent right now.

    MERGED: another message says what it would have said.
    """

    QUEUED = "queued"
    LEASED = "leased"
    RETRY = "retry"
    ACCEPTED = "accepted"
    MERGED = "merged"
    DEAD = "dead"
    CANCELLED = "cancelled"


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
    Column("joined", JSON, nullable=False, server_default="[]"),
    Column("acknowledged", Instant),
    Column("acknowledged_by", Words, nullable=False),
    Column("acknowledged_until", Instant),
    Column("settles", Instant),
    Column("rechecked", Instant),
    Column("resolved", Instant),
    Column("member_minutes", Float),
    Column("impact", Words, nullable=False),
    Column("resolution", Words, nullable=False),
    Column("root_cause", Words, nullable=False),
    Column("origin", Word(Origin), nullable=False, server_default=Origin.WATCHED.value),
    Column("reporter", Words, nullable=False, server_default=""),
    Column("merged_into", Text),
    Column("reopened", Integer, nullable=False, server_default="0"),
    Column("cost", JSON(none_as_null=True)),
    Column("corrected", JSON(none_as_null=True)),
    Column("category", Word(Category), nullable=False, server_default=""),
    Column("trigger", Words, nullable=False, server_default=""),
    Column("factors", Words, nullable=False, server_default=""),
    Column("detection", Word(Detection), nullable=False, server_default=""),
    Column("missing_check", Words, nullable=False, server_default=""),
    Column("went_well", Words, nullable=False, server_default=""),
    Column("went_wrong", Words, nullable=False, server_default=""),
    Column("no_action", Words, nullable=False, server_default=""),
    Index("incidents_stage", "stage"),
    Index("incidents_opened", "opened"),
)

timeline = Table(
    "timeline",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("text", Words, nullable=False),
    Column("kind", Word(EntryKind), nullable=False, server_default=EntryKind.NOTE.value),
    Column("noted", Instant),
)

# What is to be done so that it does not happen again. `due` is a date of the site's calendar.
actions = Table(
    "actions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("text", Words, nullable=False),
    Column("owner", Words, nullable=False),
    Column("due", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("author", Words, nullable=False),
    Column("done", Instant),
    Column("done_by", Words, nullable=False, server_default=""),
    Column("reminded", Instant),
    Index("actions_incident", "incident"),
    Index("actions_due", "done", "due"),
)

# Files that people add to an incident: pictures, mails, logs.
attachments = Table(
    "attachments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("type", Text, nullable=False),
    Column("size", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("attachments_incident", "incident"),
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
    Column("route", Text, nullable=False, server_default=""),
)

# Who wants to hear of an incident and has not yet, because a gate holds the message back.
waiting = Table(
    "waiting",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("route", Text, primary_key=True),
    Column("episode", Text, nullable=False),
    Column("since", Instant, nullable=False),
    Column("gate", Word(Gate), nullable=False),
    Column("by", Text, nullable=False),
    Column("until", Instant),
    Column("words", Words, nullable=False),
)

# How far up each route's steps an incident has come.
ladders = Table(
    "ladders",
    metadata,
    Column("incident", Text, ForeignKey("incidents.id", ondelete="CASCADE"), primary_key=True),
    Column("route", Text, primary_key=True),
    Column("episode", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("next_at", Instant),
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
    Column("turns", Integer, nullable=False, server_default="0"),
    Column("lack", Word(Lack), nullable=False, server_default=""),
    Column("lack_since", Instant),
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
    Column("turns", Text, nullable=False, server_default=""),
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
    Column("merged_into", BigInteger),
    UniqueConstraint("episode", "destination", "kind", "sequence", name="messages_key"),
    Index("messages_unfinished", "destination", "id", sqlite_where=_unfinished),
    Index("messages_leased", "destination", unique=True, sqlite_where=_leased),
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

# Who is signed in, on which device. Without a `user` it is whoever has opened the sign-in link.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("who", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Column("seen", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("user", Text),
    Column("address", Text, nullable=False, server_default=""),
    Column("agent", Words, nullable=False, server_default=""),
    Index("sessions_expires", "expires"),
    Index("sessions_user", "user"),
)

# Who may sign in. `password` is a hash, "" for those whom only somebody else vouches for: `subject` says who that is.
users = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("subject", Words, nullable=False),
    Column("totp", Text, nullable=False),
    Column("totp_step", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
)

# What they may do, by site; the site "*" is all of them.
grants = Table(
    "grants",
    metadata,
    Column("user", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("site", Text, primary_key=True),
    Column("role", Word(Role), nullable=False),
)

# Digests of what signs in once without the authenticator app.
recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("user", Text, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
)

# What programs come with, and people who are no browser; one with a `user` may at most what that user may.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Words, nullable=False),
    Column("user", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("site", Text, nullable=False),
    Column("role", Word(Role), nullable=False),
    Column("author", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("seen", Instant),
    Index("tokens_user", "user"),
)

# Who did what. Rows are added, and deleted only when they are older than the retention.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("address", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("target", Words, nullable=False),
    Index("audit_log_at", "at"),
)

silences = Table(
    "silences",
    metadata,
    Column("id", Text, primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("author", Words, nullable=False),
    Column("comment", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Column("reminded", Instant),
    Index("silences_ends", "ends"),
)

# Who takes over a schedule for a while.
overrides = Table(
    "overrides",
    metadata,
    Column("id", Text, primary_key=True),
    Column("schedule", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("starts", Instant, nullable=False),
    Column("ends", Instant, nullable=False),
    Column("author", Words, nullable=False),
    Column("created", Instant, nullable=False),
    Index("overrides_ends", "ends"),
)

# Why somebody was told, and why not.
decisions = Table(
    "decisions",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("check", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("episode", Text, nullable=False),
    Column("incident", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("verdict", Word(Verdict), nullable=False),
    Column("words", Words, nullable=False),
    Column("until", Instant),
    Index("decisions_check", "check", "at"),
    Index("decisions_episode", "episode"),
    Index("decisions_incident", "incident"),
    Index("decisions_at", "at"),
)

# What people want done to incidents who are not at the pages: the running service does it and takes the row away.
orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("incident", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("who", Words, nullable=False),
    Column("details", JSON, nullable=False, server_default="{}"),
)

# What signs the links in messages.
keys = Table(
    "keys",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("created", Instant, nullable=False),
)

# Links that have been used, and by whom; a link works once for each of its actions.
link_uses = Table(
    "link_uses",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("action", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("destination", Text, nullable=False),
    Index("link_uses_destination", "destination", "at"),
)

# Links to a destination that were made before this are void.
revocations = Table(
    "revocations",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("before", Instant, nullable=False),
)

# The newest signs of life of jobs, by the digest of their key.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("ended", Instant),
    Column("failed", Boolean, nullable=False),
    Column("code", Integer),
    Column("took", Float),
    Column("started", Instant),
)

# What checks remember across restarts.
memories = Table(
    "memories",
    metadata,
    Column("check", Text, primary_key=True),
    Column("what", JSON, nullable=False),
)

# What checks measured: a row every few minutes, later one for each check and hour.
recordings = Table(
    "recordings",
    metadata,
    Column("check", Text, primary_key=True),
    Column("start", Instant, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Index("recordings_start", "start"),
    sqlite_with_rowid=False,
)

# Who has looked through an audit or done a review, when, and how it stood then: figures, and no person of it; `link` is
# where its evidence is. Kept for ever.
signoffs = Table(
    "signoffs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("check", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
    Column("note", Words, nullable=False),
    Column("audited", Instant, nullable=False),
    Column("figures", JSON, nullable=False),
    Column("link", Words, server_default="", nullable=False),
    Index("signoffs_at", "at"),
)

# Morning checks and memos as they were sent. `document` is what every rendering is made from.
reports = Table(
    "reports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("start", Instant, nullable=False),
    Column("end", Instant, nullable=False),
    Column("made", Instant, nullable=False),
    Column("document", JSON, nullable=False),
    Index("reports_made", "kind", "made"),
)

# Items of a report that somebody has taken on.
marks = Table(
    "marks",
    metadata,
    Column("report", Text, ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True),
    Column("item", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("who", Words, nullable=False),
)

# Figures that others push: app adoption, automation rate, revenue. `day` is a date, the first of a month for a month.
figures = Table(
    "figures",
    metadata,
    Column("name", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("value", Float, nullable=False),
    Column("source", Words, nullable=False),
    Column("at", Instant, nullable=False),
)

# Answers of the API that are given again to the same request, for a day; `asked` is a digest of it.
repeats = Table(
    "repeats",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("asked", LargeBinary, nullable=False),
    Column("status", Integer, nullable=False),
    Column("text", Words, nullable=False),
    Column("location", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Index("repeats_at", "at"),
)

# One row, written to find out whether anything can be.
pulse = Table("pulse", metadata, Column("id", Integer, primary_key=True), Column("at", Instant, nullable=False))


def for_postgresql() -> None:
    """Say in PostgreSQL's words, too, what is partial: not before it is used, for that imports all of its dialect."""
    for index in messages.indexes:
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
