"""The tools behind ./dev: embedded servers, the supervisor of a development run, and the checks."""
