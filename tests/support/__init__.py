"""Helpers of the tests: a running stack, its users, and access to its database and servers."""
