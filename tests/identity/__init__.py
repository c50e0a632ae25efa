"""Sign-up, codes, passwords, sessions and tokens."""
