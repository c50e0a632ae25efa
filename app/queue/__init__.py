"""The queue of wake-ups: what is published, how, and over which transport."""
