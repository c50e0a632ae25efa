"""Plans, the daily quota and the limits of requests."""
