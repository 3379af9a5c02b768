"""What can be wrong with a demo, in words."""


class DemoError(Exception):
    """Names what is wrong and the remedy."""
