"""The queue of wake-ups: their types, publishers and transport."""
