"""What the two databases say differently: insert or update, and one of many values."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Dialect, Table, Text, TypeDecorator, any_, literal
from sqlalchemy.ext.asyncio import AsyncConnection


def upsert(conn: AsyncConnection, table: Table, *, keep: tuple[str, ...] = ()) -> Any:
    """Insert rows; where a row of that primary key exists, its other columns take the new values, but for `keep`."""
    return _upsert(conn.dialect.name, table, keep)


@cache  # to put it together costs as much as to run it
def _upsert(dialect: str, table: Table, keep: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key]
    change = {
        column.name: statement.excluded[column.name]
        for column in table.columns
        if column.name not in keys and column.name not in keep
    }
    return statement.on_conflict_do_update(index_elements=keys, set_=change)


async def upsert_many(conn: AsyncConnection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """`upsert` for one or more rows, each with the values of all columns in order.

    They go straight to the driver: what SQLAlchemy does for each row of a statement costs several times as much.
    """
    dialect = conn.dialect
    converted = (
        _converted(column, values, dialect)
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=True)
    )
    statement = upsert(conn, table).compile(dialect=dialect)
    await conn.exec_driver_sql(str(statement), list(zip(*converted, strict=True)))


def _converted(column: Column[Any], values: Sequence[Any], dialect: Dialect) -> Sequence[Any]:
    """A column's values as the driver takes them."""
    if not isinstance(column.type, TypeDecorator):
        return values
    convert = column.type.process_bind_param
    return [convert(value, dialect) for value in values]


def insert(conn: AsyncConnection, table: Table) -> Any:
    """An insert that knows `on_conflict_…`; the import of the database that is not in use is spared."""
    return _insert(conn.dialect.name, table)


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def one_of(conn: AsyncConnection, column: Column[str], values: Collection[str]) -> ColumnElement[bool]:
    """Whether a column has one of the values; PostgreSQL looks a long list up quickly only if it is one array."""
    if conn.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return column == any_(literal(list(values), postgresql.ARRAY(Text)))
    return column.in_(values)
