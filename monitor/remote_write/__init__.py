"""Sends what `/metrics` shows to Prometheus, from where it cannot come to scrape."""
