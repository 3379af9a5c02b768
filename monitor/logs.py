"""Logs on standard error: one line per event, the values behind the message as key=value."""

import logging
import sys

from monitor.escaping import visible

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        values = [f"{key}={value!r}" for key, value in vars(record).items() if key not in _STANDARD]
        return " ".join([super().formatMessage(record).replace("\n", "\\n"), *values])

    def format(self, record: logging.LogRecord) -> str:
        """The line; what an exception or a library quotes of a peer's words is made visible in it."""
        return visible(super().format(record))


def log_to_stderr() -> None:
    """Log from `info` on to standard error; libraries only from `warning` on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("monitor").setLevel(logging.INFO)
