"""Health, metrics and purges of old rows."""
