"""Promises of the sandbox, held against the real SDK and the bare wire."""
