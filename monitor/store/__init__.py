"""Where state is kept: SQLite or PostgreSQL, one module per aggregate. The only SQL in the project."""

from monitor.store.database import Store
from monitor.store.errors import StoreError

__all__ = ["Store", "StoreError"]
