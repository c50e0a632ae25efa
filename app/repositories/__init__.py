"""All SQL statements; each names the owner when it serves a user."""
