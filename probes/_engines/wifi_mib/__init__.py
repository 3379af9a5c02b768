"""What the readers of each vendor's Wi-Fi tables are made of, and those readers."""
