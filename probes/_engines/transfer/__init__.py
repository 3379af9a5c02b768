"""Measures how much a line carries: transfers, the servers for them, and what is made of it."""
