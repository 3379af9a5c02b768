"""What Gatus takes from its environment: ${NAME} and $NAME, while $$ is a dollar."""

import re
from collections.abc import Mapping
from typing import Any

from monitor.migrate.draft import Draft, Unportable
from monitor.migrate.secrets import headers, is_plain

_VARIABLE = re.compile(r"\$\$|\$\{([A-Za-z_]\w*)\}|\$([A-Za-z_]\w*)")
_SCHEMES = re.compile(r"(bearer|basic|token)? ?", re.IGNORECASE)


def expanded(text: str, setting: str) -> str:
    """The text with $$ as a dollar. Raises Unportable when a part of it stands in Gatus' environment."""
    for found in _VARIABLE.finditer(text):
        if name := found[1] or found[2]:
            raise Unportable(f"its {setting} has ${name} in it, from Gatus' environment; write it out")
    return text.replace("$$", "$")


def private_headers(draft: Draft, what: str, lines: Mapping[str, str]) -> dict[str, Any]:
    """The settings for header lines. What came from Gatus' environment comes from ours, by the same name."""
    referred = {name: reference for name, line in lines.items() if (reference := _reference(draft, what, line))}
    rest = {
        name: expanded(line, f"header {name}") if is_plain(name) else line
        for name, line in lines.items()
        if name not in referred
    }
    found = headers(draft, what, rest)
    return found | ({"secret_headers": found.get("secret_headers", {}) | referred} if referred else {})


def _reference(draft: Draft, what: str, line: str) -> str:
    """The line with references of ours, "" if there is anything in it beside them that may be a secret."""
    names = [found[1] or found[2] for found in _VARIABLE.finditer(line)]
    if not names or not all(names) or not _SCHEMES.fullmatch(_VARIABLE.sub("", line)):
        return ""
    for name in names:
        draft.need(name, f"as in the environment of Gatus, for {what}")
    return _VARIABLE.sub(lambda found: f"${{env:{found[1] or found[2]}}}", line)
