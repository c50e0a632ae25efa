"""A self-hosted backend for AI chat apps."""

__version__ = "0.2.0"
