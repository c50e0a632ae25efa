"""Outside services on the wire, for development and tests without keys; a process of its own."""
