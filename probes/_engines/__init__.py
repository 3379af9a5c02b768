"""What several kinds share: sockets and connections that are opened once for all targets."""

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes._engines.audits import Audits
    from probes._engines.door_sources import Sources
    from probes._engines.http.engine import HttpEngine
    from probes._engines.icmp.engine import IcmpEngine
    from probes._engines.latest import Latest
    from probes._engines.memory import Memory
    from probes._engines.mqtt import MqttEngine
    from probes._engines.neighbours import Neighbours
    from probes._engines.pings import Pings
    from probes._engines.signoffs import Signoffs
    from probes._engines.snmp.engine import SnmpEngine


class Engines:
    """The shared engines of one event loop, each made when a probe first needs it, all closed together."""

    @cached_property
    def icmp(self) -> "IcmpEngine":
        """Sends ICMP echoes for all targets over one socket per address family."""
        from probes._engines.icmp.engine import IcmpEngine

        return IcmpEngine()

    @cached_property
    def http(self) -> "HttpEngine":
        """Runs all HTTP transfers in one libcurl multi handle."""
        from probes._engines.http.engine import HttpEngine

        return HttpEngine()

    @cached_property
    def snmp(self) -> "SnmpEngine":
        """Asks SNMP agents, each one thing at a time."""
        from probes._engines.snmp.engine import SnmpEngine

        return SnmpEngine()

    @cached_property
    def mqtt(self) -> "MqttEngine":
        """Listens to MQTT brokers over one connection each."""
        from probes._engines.mqtt import MqttEngine

        return MqttEngine()

    @cached_property
    def pings(self) -> "Pings":
        """Keeps the signs of life that jobs send to us."""
        from probes._engines.pings import Pings

        return Pings()

    @cached_property
    def signoffs(self) -> "Signoffs":
        """Knows when people signed off last what checks ask them for."""
        from probes._engines.signoffs import Signoffs

        return Signoffs()

    @cached_property
    def latest(self) -> "Latest":
        """Keeps the newest reading of every check, for kinds that judge what others measured."""
        from probes._engines.latest import Latest

        return Latest()

    @cached_property
    def memory(self) -> "Memory":
        """Keeps what checks remember across restarts."""
        from probes._engines.memory import Memory

        return Memory()

    @cached_property
    def doors(self) -> "Sources":
        """Lets several checks share one look at an access system."""
        from probes._engines.door_sources import Sources

        return Sources()

    @cached_property
    def audits(self) -> "Audits":
        """Keeps the newest audit of who can enter."""
        from probes._engines.audits import Audits

        return Audits()

    @cached_property
    def neighbours(self) -> "Neighbours":
        """Knows the other probes that run."""
        from probes._engines.neighbours import Neighbours

        return Neighbours()

    def close(self) -> None:
        """Close what was opened. Running probes fail."""
        for engine in vars(self).values():
            engine.close()
