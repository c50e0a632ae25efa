"""Every SQL statement of the product; each names the owner when it serves a person."""
