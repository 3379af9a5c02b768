"""Takes addresses apart that other programs write in one word."""

import re

from monitor.config.document import printable
from monitor.migrate.draft import Unportable

_LONGEST = 300
_ADDRESS = re.compile(r"\[([^\[\]]+)\](?::(\d{1,5}))?|([^:\[\]]+)(?::(\d{1,5}))?|([^\[\]]*:[^\[\]]*:[^\[\]]*)")


def host_and_port(text: str) -> tuple[str, int]:
    """The host and port of `host`, `host:53`, `[::1]:53` or `::1`; 0 where no port is given. Raises Unportable."""
    found = _ADDRESS.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None or "/" in text or "@" in text:
        raise Unportable(f"`{printable(text)}` is no host")
    return found[1] or found[3] or found[5], int(found[2] or found[4] or 0)


def with_scheme(text: str) -> str:
    """A URL; without a scheme it is http."""
    return text if "://" in text else f"http://{text}"
