"""Gates, escalation, decisions, signed links and recordings."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what alerting remembers."""
    _widen()
    _create_calls()
    _create_gates()
    _create_links()
    _create_history()


def _widen() -> None:
    """More about what there is already."""
    op.add_column("incidents", sa.Column("joined", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("incidents", sa.Column("acknowledged_until", sa.BigInteger(), nullable=True))
    op.add_column("incidents", sa.Column("settles", sa.BigInteger(), nullable=True))
    op.add_column("incidents", sa.Column("rechecked", sa.BigInteger(), nullable=True))
    op.add_column("told", sa.Column("route", sa.Text(), nullable=False, server_default=""))
    op.drop_index("told_repeat_at", table_name="told")
    op.add_column("episodes", sa.Column("turns", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("episodes", sa.Column("lack", sa.Text(), nullable=False, server_default=""))
    op.add_column("episodes", sa.Column("lack_since", sa.BigInteger(), nullable=True))
    op.add_column("states", sa.Column("turns", sa.Text(), nullable=False, server_default=""))
    op.add_column("messages", sa.Column("merged_into", sa.BigInteger(), nullable=True))


def _create_calls() -> None:
    """Who waits to be told, and how far each route has been climbed."""
    op.create_table(
        "waiting",
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("episode", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("incident", "route"),
    )
    op.create_table(
        "ladders",
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("episode", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("incident", "route"),
    )


def _create_gates() -> None:
    """Silences, who stands in for whom, and why messages were sent and not sent."""
    op.create_table(
        "silences",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("reminded", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("silences_ends", "silences", ["ends"], unique=False)
    op.create_table(
        "overrides",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("starts", sa.BigInteger(), nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("overrides_ends", "overrides", ["ends"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Text(), nullable=False),
        sa.Column("root_cause", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("episode", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("decisions_check", "decisions", ["check", "at"], unique=False)
    for column in ("episode", "incident", "at"):
        op.create_index(f"decisions_{column}", "decisions", [column], unique=False)


def _create_links() -> None:
    """What signs links, and which are used or void."""
    op.create_table(
        "keys",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "link_uses",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest", "action"),
    )
    op.create_index("link_uses_destination", "link_uses", ["destination", "at"], unique=False)
    op.create_table(
        "revocations",
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("destination"),
    )


def _create_history() -> None:
    """What checks measured, and what jobs told."""
    op.create_table(
        "heartbeats",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("took", sa.Float(), nullable=True),
        sa.Column("started", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "recordings",
        sa.Column("check", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("check", "start"),
        sqlite_with_rowid=False,
    )
    op.create_index("recordings_start", "recordings", ["start"], unique=False)
