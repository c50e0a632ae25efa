"""A user's profile, export and deletion."""
