"""Run a command's work on the services, and translate its failures."""

import asyncio
import getpass
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from app.bootstrap.operator import OperatorServices, operator_services
from app.bootstrap.refusal import StartRefusedError
from app.cli.failures import CommandFailedError
from app.cli.logs import configure_logging
from app.cli.output import current_output
from app.cli.settings import command_settings
from app.config import Settings
from app.errors import ServiceUnavailable
from app.models import Actor
from app.stripe_client import StripeUnavailableError

T = TypeVar("T")
Work = Callable[[OperatorServices], Awaitable[T]]


def operate(work: Work[T]) -> T:
    """Run `work` with the services of this installation, and return its result.

    Raises:
        CommandFailedError: a server is unavailable, the database is not of this version, or the settings are
            refused.
        AppError: the operation is refused.
    """
    configure_logging(is_verbose=current_output().is_verbose)
    try:
        return asyncio.run(_operate(command_settings(), work))
    except StartRefusedError as refused:
        raise CommandFailedError(str(refused), code="database_unusable") from None
    except StripeUnavailableError as error:
        raise CommandFailedError(f"Stripe cannot be used: {error}.", code="stripe_unavailable") from None
    except ServiceUnavailable as error:
        raise CommandFailedError("The database is unavailable; -v shows why.", code=error.code) from None
    except TimeoutError:
        raise CommandFailedError("The command took too long, and was ended.", code="timeout") from None


def current_actor() -> Actor:
    """Return the operator of this command: the user who is logged in on this machine."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without an entry in /etc/passwd
        name = f"uid-{os.getuid()}"
    return replace(Actor.of_command_line(name), request_id=f"cli-{secrets.token_hex(8)}")


async def _operate(settings: Settings, work: Work[T]) -> T:
    async with operator_services(settings) as services:
        return await work(services)
