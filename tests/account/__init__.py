"""Profile, export and deletion of an account."""
