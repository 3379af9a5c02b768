"""The pages: what people read and do in a browser, and what Prometheus scrapes."""
