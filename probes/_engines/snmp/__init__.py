"""Asks SNMP agents: two libraries behind one engine, and what their answers mean."""
