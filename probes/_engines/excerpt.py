"""Makes what a stranger sent fit for a message."""


def excerpt(text: str, length: int = 120) -> str:
    """The text's first `length` characters on one line, quoted, with control characters escaped."""
    return repr(text[:length]) + ("…" if len(text) > length else "")
