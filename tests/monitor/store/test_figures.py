"""Figures that others push are kept one for each name and day."""

from datetime import UTC, date, datetime

from monitor.store import Store, figures
from monitor.store.figures import Pushed

AT = datetime(2026, 7, 2, 9, 0, tzinfo=UTC)


def pushed(name: str, day: date, value: float, source: str = "Optix") -> Pushed:
    return Pushed(name, day, value, source, AT)


async def test_a_later_value_of_the_same_day_takes_the_place_of_the_earlier_one(store: Store) -> None:
    first, second = date(2026, 7, 1), date(2026, 7, 2)
    async with store.begin() as conn:
        await figures.save(conn, [pushed("adoption", second, 0.4), pushed("adoption", first, 0.3)])
        await figures.save(conn, [pushed("adoption", first, 0.5, "by hand"), pushed("revenue", first, -12.5)])
        await figures.save(conn, [])
    async with store.connect() as conn:
        assert await figures.between(conn, first, second) == (
            pushed("adoption", first, 0.5, "by hand"),
            pushed("adoption", second, 0.4),
            pushed("revenue", first, -12.5),
        )


async def test_both_ends_of_the_time_are_part_of_it(store: Store) -> None:
    some = [pushed("adoption", date(2026, month, day), day) for month, day in ((6, 30), (7, 1), (7, 31), (8, 1))]
    async with store.begin() as conn:
        await figures.save(conn, some)
        assert await figures.between(conn, date(2026, 7, 1), date(2026, 7, 31)) == tuple(some[1:3])
