"""Promises of the product, told as tests through its API."""
