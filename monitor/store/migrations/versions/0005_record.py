"""What an incident cost, why it happened and what follows from it; reports, and the figures that others push."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_WORDS = (
    "reporter",
    "category",
    "trigger",
    "factors",
    "detection",
    "missing_check",
    "went_well",
    "went_wrong",
    "no_action",
)


def upgrade() -> None:
    """Add columns and tables for it."""
    _widen()
    _detail()
    _follow_up()
    _report()


def _widen() -> None:
    op.add_column("signoffs", sa.Column("link", sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("incidents") as batch:
        batch.add_column(sa.Column("origin", sa.Text(), server_default="watched", nullable=False))
        for name in _WORDS:
            batch.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False))
        batch.add_column(sa.Column("merged_into", sa.Text(), nullable=True))
        batch.add_column(sa.Column("reopened", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("cost", sa.JSON(), nullable=True))
        batch.add_column(sa.Column("corrected", sa.JSON(), nullable=True))
    op.create_index("incidents_opened", "incidents", ["opened"])
    with op.batch_alter_table("timeline") as batch:
        batch.add_column(sa.Column("kind", sa.Text(), server_default="note", nullable=False))
        batch.add_column(sa.Column("noted", sa.BigInteger(), nullable=True))


def _detail() -> None:
    """Orders of all kinds: what was said in a review that waits is kept."""
    op.add_column("orders", sa.Column("details", sa.JSON(), server_default="{}", nullable=False))
    orders = sa.table(
        "orders", sa.column("id"), sa.column("resolution"), sa.column("root_cause"), sa.column("details", sa.JSON())
    )
    conn = op.get_bind()
    for id, resolution, root_cause in conn.execute(sa.select(orders.c.id, orders.c.resolution, orders.c.root_cause)):
        details = {"resolution": resolution, "root_cause": root_cause}
        conn.execute(sa.update(orders).where(orders.c.id == id).values(details=details))
    with op.batch_alter_table("orders") as batch:
        batch.drop_column("resolution")
        batch.drop_column("root_cause")


def _follow_up() -> None:
    op.create_table(
        "actions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("due", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=True),
        sa.Column("done_by", sa.Text(), server_default="", nullable=False),
        sa.Column("reminded", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("actions_incident", "actions", ["incident"])
    op.create_index("actions_due", "actions", ["done", "due"])
    op.create_table(
        "attachments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("incident", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["incident"], ["incidents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attachments_incident", "attachments", ["incident"])


def _report() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("end", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reports_made", "reports", ["kind", "made"])
    op.create_table(
        "marks",
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["report"], ["reports.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("report", "item"),
    )
    op.create_table(
        "figures",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "day"),
    )
