"""What every route has in common, and the documents that describe it."""
