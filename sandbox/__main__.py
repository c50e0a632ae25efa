"""Start the sandbox: `python -m sandbox --host 127.0.0.1 --port 8100`."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from sandbox.app import create_app
from sandbox.connection import DroppableProtocol
from sandbox.gemini.plan import Pace
from sandbox.logs import configure_logging
from sandbox.stripe.account import Options

KEEP_ALIVE_SECONDS = 75  # longer than any client keeps an idle connection, so no request meets a closing one


def parse_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options; most default to the environment."""
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
    parser.add_argument(
        "--stripe-webhook-url",
        default=os.environ.get("SANDBOX_STRIPE_WEBHOOK_URL") or None,
        help="where Stripe's events are sent (SANDBOX_STRIPE_WEBHOOK_URL, else nowhere)",
    )
    parser.add_argument(
        "--stripe-webhook-secret",
        default=os.environ.get("SANDBOX_STRIPE_WEBHOOK_SECRET") or "whsec_sandbox",
        help="what they are signed with (SANDBOX_STRIPE_WEBHOOK_SECRET, else whsec_sandbox)",
    )
    parser.add_argument(
        "--public-url",
        default=os.environ.get("SANDBOX_PUBLIC_URL") or None,
        help="where browsers reach the pages (SANDBOX_PUBLIC_URL, else as API requests reach the sandbox)",
    )
    parser.add_argument(
        "--state-file",
        type=Path,
        default=os.environ.get("SANDBOX_STATE_FILE") or None,
        help="keeps Stripe's objects over restarts (SANDBOX_STATE_FILE, else they are kept in memory only)",
    )
    parser.add_argument("--access-log", action="store_true", help="log every request")
    return parser.parse_args(arguments)


def main() -> None:
    """Serve until a signal to stop; open streams are cut one second after that."""
    options = parse_options()
    configure_logging()
    pace = Pace(first=options.first_piece_ms / 1000, piece=options.piece_ms / 1000)
    stripe = Options(
        webhook_url=options.stripe_webhook_url,
        webhook_secret=options.stripe_webhook_secret,
        public_url=options.public_url and options.public_url.rstrip("/"),
        state_file=options.state_file,
    )
    uvicorn.run(
        create_app(pace, stripe),
        host=options.host,
        port=options.port,
        loop="uvloop",
        http=DroppableProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=options.access_log,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )


if __name__ == "__main__":
    main()
