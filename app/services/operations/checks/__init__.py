"""Checks of an installation: each names its problems with their remedies, and changes nothing."""
