"""Words that look like secrets: planted where an answer or a setting holds one, and never to be seen again."""


def canary(name: str) -> str:
    """The secret of that name."""
    return f"canary-{name}-9f31c7"
