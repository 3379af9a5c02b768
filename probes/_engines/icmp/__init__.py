"""Sends echoes and hears what comes back, for all targets over one socket per address family."""
