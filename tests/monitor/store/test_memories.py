"""What checks remember comes back as it was."""

from monitor.store import Store, memories


async def test_the_newest_memory_of_each_check_is_kept(store: Store) -> None:
    async with store.begin() as conn:
        assert await memories.everything(conn) == {}
        await memories.save(conn, {})
        await memories.save(conn, {"wifi/snmp": {"inventory": {"ap-1": [1.5, 2.5]}}, "fibre/egress": {"address": "ü"}})
        await memories.save(conn, {"fibre/egress": {"address": "198.51.100.2"}})
        assert await memories.everything(conn) == {
            "wifi/snmp": {"inventory": {"ap-1": [1.5, 2.5]}},
            "fibre/egress": {"address": "198.51.100.2"},
        }


async def test_checks_that_are_gone_are_forgotten(store: Store) -> None:
    async with store.begin() as conn:
        await memories.save(conn, {"one": {"a": 1}, "two": {"b": 2}})
        await memories.keep_only(conn, ["two", "three"])
        assert await memories.everything(conn) == {"two": {"b": 2}}
