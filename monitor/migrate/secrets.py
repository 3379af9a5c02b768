"""Keeps secrets out of what a migration makes: what may be one becomes a reference, or is not carried at all."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from monitor.config.document import printable
from monitor.migrate.draft import Draft, Unportable

_PLAIN_HEADERS = frozenset(
    {
        *(
            "accept",
            "accept-charset",
            "accept-encoding",
            "accept-language",
            "cache-control",
            "connection",
            "content-type",
        ),
        *("dnt", "host", "origin", "pragma", "range", "referer", "user-agent", "x-forwarded-proto", "x-requested-with"),
    }
)
"""Header lines in which nobody puts a secret."""

_SUSPICIOUS = re.compile(
    r"pass(word|wd|phrase)?\b|\bpw\b|secret|token|api[_-]?key|auth\b|authori[sz]ation|credential|signature"
    r"|\bsig\b|session|cookie|\bkey\b|\blogin\b",
    re.IGNORECASE,
)
"""Words beside which a secret may stand."""


def is_plain(header: str) -> bool:
    """Whether nobody puts a secret into the header line of that name."""
    return header.lower() in _PLAIN_HEADERS


def headers(draft: Draft, what: str, given: Mapping[str, str]) -> dict[str, Any]:
    """The settings `headers` and `secret_headers` for header lines; only harmless ones are written out."""
    plain = {name: value for name, value in given.items() if is_plain(name)}
    private = {
        name: draft.secret(f"the header {printable(name)} of {what}", what, name) for name in given if name not in plain
    }
    return {key: value for key, value in (("headers", plain), ("secret_headers", private)) if value}


def basic(draft: Draft, what: str, user: str) -> dict[str, Any]:
    """The settings for a user name whose password is given elsewhere."""
    return {
        "username": user,
        "password": draft.secret(f"the password of {printable(user)} for {what}", what, "password"),
    }


def address(draft: Draft, what: str, url: str) -> dict[str, Any]:
    """The settings for a URL; user and password in it become settings of their own. Raises Unportable."""
    try:
        parts = urlsplit(url)
        names = [name for name, _ in parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)]
    except ValueError:
        raise Unportable("its address is no URL") from None
    for name in names:
        if _SUSPICIOUS.search(re.sub(r"[_-]", " ", name)) or _SUSPICIOUS.search(name):
            raise Unportable(f"the part `{printable(name)}` of its address may be a secret; send it as a header")
    if parts.username is None:
        return {"url": url}
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return {"url": bare, **basic(draft, what, parts.username)}


def plain(text: str, setting: str) -> str:
    """The text itself. Raises Unportable when it may hold a secret, which the setting cannot refer to."""
    if _SUSPICIOUS.search(text):
        raise Unportable(f"its {setting} may hold a secret, which would have to be written out; add it by hand")
    return text
