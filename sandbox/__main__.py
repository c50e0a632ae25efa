"""Start the sandbox: `python -m sandbox --host 127.0.0.1 --port 8100`."""

import argparse
import os
from collections.abc import Sequence

import uvicorn

from sandbox.app import create_app
from sandbox.connection import DroppableProtocol
from sandbox.gemini.plan import Pace

KEEP_ALIVE_SECONDS = 75  # longer than any client keeps an idle connection, so no request meets a closing one


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options; those for the pace default to the environment."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free port; the log names it")
    parser.add_argument(
        "--first-piece-ms",
        type=float,
        default=os.environ.get("SANDBOX_FIRST_PIECE_MS") or "150",
        help="milliseconds before the first piece of an answer (SANDBOX_FIRST_PIECE_MS, else 150)",
    )
    parser.add_argument(
        "--piece-ms",
        type=float,
        default=os.environ.get("SANDBOX_PIECE_MS") or "25",
        help="milliseconds between two pieces (SANDBOX_PIECE_MS, else 25)",
    )
    parser.add_argument("--access-log", action="store_true", help="log every request")
    return parser.parse_args(arguments)


def main() -> None:
    """Serve until told to stop; open streams are cut one second after that."""
    options = parse_options()
    pace = Pace(first=options.first_piece_ms / 1000, piece=options.piece_ms / 1000)
    uvicorn.run(
        create_app(pace),
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=DroppableProtocol,
        ws="none",
        lifespan="off",
        access_log=options.access_log,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
