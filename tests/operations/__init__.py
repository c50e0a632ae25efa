"""Settings, start, servers, health and periodic work."""
