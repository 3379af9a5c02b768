"""What is going on, since when, who has it, and why it happened."""
