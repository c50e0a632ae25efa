"""The Celery application of the commands `celery -A app.celery_app …`."""

import sys

from celery.signals import setup_logging

from app.config import Settings, get_flower_settings, get_settings
from app.log import configure_logging
from app.queue import broker
from app.queue.application import create_celery


def _settings() -> Settings:
    """Read the settings of this process; celery's subcommand `flower` gets no secret of the service."""
    return get_flower_settings() if "flower" in sys.argv[1:] else get_settings()


@setup_logging.connect
def _keep_logging(**_: object) -> None:
    """Keep Celery from configuring its own: the one below is in place before Celery has anything to say."""


configure_logging(_settings())


broker.register()
celery = create_celery(_settings())
