"""Rooms, messages, search, and the export and deletion of rooms."""
