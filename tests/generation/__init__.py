"""Replies and the workers that write them."""
