"""The forms of a log line; imports the standard library only, for processes that need nothing else."""
