"""Grafana dashboards and what Prometheus needs: dashboards are generated from what kinds and the service declare."""
