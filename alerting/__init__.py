"""When a reading matters, and who hears of it."""
