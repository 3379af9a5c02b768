"""Keeping text text: what a chat would read as bold, a list, a link or a call to everybody in somebody else's words."""

import re
from collections.abc import Callable, Collection
from functools import partial

_VERBATIM = {
    *("mailto", "mailtos", "mqtt", "mqtts", "irc", "ircs", "syslog"),
    *("json", "jsons", "xml", "xmls", "form", "forms"),
}
"""Services, by the schemes of their URLs, to which text is text."""
_ESCAPING = {
    *("discord", "fluxer", "fluxers", "guilded", "mmost", "mmosts", "nctalk", "nctalks", "revolt", "ryver", "twist"),
    *("workflow", "workflows", "hassio", "hassios", "github"),
}
"""Those that read Markdown in what is sent as text, where a backslash makes a mark text (CommonMark 2.4)."""
_WITHOUT_ESCAPE = {
    *("zulip", "gchat", "rocket", "rockets", "whatsapp", "whapi", "evolution", "evolutions", "gupshup"),
    *("cliq", "zcliq", "zohocliq", "misskey", "misskeys"),
}
"""Those that read marks in it, too, and document no way to write one as it is."""
_PLAIN_TITLES = {"zulip", "hassio", "hassios", "github", "twist"}
"""Those of them that show a title as it is."""

_CALLS = re.compile(r"<(?=[\w@!#&/])|\](?=\()|@(?=(?:everyone|here|channel|all)\b)")
"""After which a chat would read a tag, a link under another name, or a call to everybody."""
_ADDRESS = re.compile(r"(https?://[\w.:/?&=%+~-]+)", re.ASCII)
"""Chats make a link of it as it is; the token of a one-tap answer has underscores."""
_MARK = re.compile(r"[\\`*|~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|<(?=\?)")
"""A mark wherever it stands; an underscore within a word is none."""
_OPENING = re.compile(r"\*(?=\S)|(?<!\w)[_~](?=\S)")
"""A mark at which something could begin; before a space nothing does."""
_LINE_MARK = re.compile(r"^( *)([-+=#>\[])", re.MULTILINE)
"""What a line begins with that is a heading, a quotation or an item of a list; one with a number reads the same."""
_LISTED = re.compile(r"^(?= *[-+*#>])", re.MULTILINE)
"""Where such a line begins; the "*" of an item stands before a space and is no opening."""
_UNSEEN = "\u200b"
"""A space without width."""


def literal(title: str, body: str, schemes: Collection[str]) -> tuple[str, str]:
    """Title and body as the service of those URL schemes must be sent them for people to read what they say."""
    known = set(schemes)
    if known & _VERBATIM:
        return title, body
    title, body = (_CALLS.sub(r"\g<0> ", text) for text in (title, body))
    unmarked = _escaped if known & _ESCAPING else _set_apart if known & _WITHOUT_ESCAPE else str
    return title if known & _PLAIN_TITLES else unmarked(title), unmarked(body)


def _escaped(text: str) -> str:
    return _LINE_MARK.sub(r"\1\\\2", _outside_addresses(partial(_MARK.sub, r"\\\g<0>"), text))


def _set_apart(text: str) -> str:
    """Every mark parted from what it would begin. Backticks pair in spite of spaces, so they become apostrophes."""
    return _LISTED.sub(_UNSEEN, _outside_addresses(partial(_OPENING.sub, r"\g<0> "), text.replace("`", "'")))


def _outside_addresses(change: Callable[[str], str], text: str) -> str:
    parts = _ADDRESS.split(text)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))
