"""Measures what Deskwatch costs beside public tools: `python -m bench`, or `python -m bench icmp` for one part."""
