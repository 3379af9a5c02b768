"""The demo's devices and services: real servers on loopback that can be told to misbehave."""

from monitor.demo.peers.peer import WELL, Peer

__all__ = ["WELL", "Peer"]
