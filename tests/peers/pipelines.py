"""The pipeline with its desk, as the application puts them together."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from monitor.desk import Desk
from monitor.metrics import Vitals
from monitor.pipeline import Pipeline
from monitor.store import Store


def pipeline_over(store: Store, vitals: Vitals | None = None, turned: Callable[[], None] = lambda: None) -> Pipeline:
    """One that has adopted nothing yet."""
    counted = vitals or Vitals(CollectorRegistry())
    return Pipeline(Desk(store, counted, turned, lambda: None), store, counted)
