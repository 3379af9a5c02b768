"""What can go wrong with a database, in words that name it and say what to do."""

from sqlalchemy.exc import DBAPIError, IntegrityError

_ACCESS = "give the account that runs Deskwatch write access to the file and its folder"
_BACKUP = "restore it from a backup, or move it away to start empty"
_SPACE = "free space on the database's disk; Deskwatch goes on by itself"
_BUSY = "find the program that keeps it locked, and end it"

_REMEDIES = (
    ("disk is full", _SPACE),
    ("no space left", _SPACE),
    ("not a database", _BACKUP),
    ("malformed", _BACKUP),
    ("locked", _BUSY),
    ("statement timeout", _BUSY),
    ("lock timeout", _BUSY),
    ("readonly", _ACCESS),
    ("read-only file system", _ACCESS),
    ("unable to open", _ACCESS),
    ("disk i/o error", "look for disk errors in the system's log"),
    ("not a directory", "correct the path in the storage URL"),
    ("is a directory", "correct the path in the storage URL"),
    ("file exists", "correct the path in the storage URL"),
    ("password", "correct the user and password in the storage URL"),
    ("authentication", "correct the user and password in the storage URL"),
    ("does not exist", "create the database and its user, or correct the storage URL"),
    ("permission denied for", "make the user of the storage URL the owner of the database"),
    ("permission denied", _ACCESS),
    ("read-only transaction", "connect to the primary server, and change rows only in a write transaction"),
    ("already exists", "use a database of Deskwatch's own; this one holds something else"),
)


class StoreError(Exception):
    """The database cannot be used. The message names the database, the trouble and the remedy."""


def explained(shown: str, error: Exception) -> StoreError:
    """What `error` means for the database that people know as `shown`."""
    words = _words(error)
    low = words.lower()
    for sign, remedy in _REMEDIES:
        if sign in low:
            return StoreError(f"{shown}: {words}; {remedy}")
    return StoreError(f"{shown}: {words}; make sure that it runs and can be reached, or correct the storage URL")


def is_busy(error: StoreError) -> bool:
    """Whether somebody else keeps locked what we wanted."""
    return str(error).endswith(_BUSY)


def is_trouble(error: Exception) -> bool:
    """Whether the database is to blame, not the rows that we wanted to write."""
    return not isinstance(error, IntegrityError)


def _words(error: Exception) -> str:
    """The first line of what the driver said, without statement and parameters, which may hold private text."""
    if isinstance(error, DBAPIError) and isinstance(error.orig, Exception):
        error = error.orig
    if isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
