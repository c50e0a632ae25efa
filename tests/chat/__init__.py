"""Rooms, messages, search and export."""
