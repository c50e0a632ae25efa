"""Pure logic: no servers, no processes."""
