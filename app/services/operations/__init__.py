"""Health, metrics and purges."""
