"""A simulated coworking site with real protocol peers on loopback, in which things break."""

from monitor.demo.errors import DemoError
from monitor.demo.faults import FAULTS, Fault
from monitor.demo.harbour import Demo, running, trigger

__all__ = ["FAULTS", "Demo", "DemoError", "Fault", "running", "trigger"]
