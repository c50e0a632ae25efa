"""The command line for operators: `python -m app --help`."""

import sys

from app.cli.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
