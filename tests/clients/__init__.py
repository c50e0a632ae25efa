"""Clients that the field's generators make from the OpenAPI document, run against the API."""
