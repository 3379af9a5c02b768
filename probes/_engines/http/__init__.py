"""Fetches by HTTP for all probes in one libcurl multi handle."""
