"""The HTTP interface: each route parses, calls one use case, returns."""
