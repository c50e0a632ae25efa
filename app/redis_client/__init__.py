"""Everything kept in Redis; each module owns its keys and their lifetimes."""
