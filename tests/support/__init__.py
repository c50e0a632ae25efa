"""What the tests stand on: a running stack, people who use it, and a look behind it."""
