"""The application: the only package that wires probes, alerting and incidents together."""
