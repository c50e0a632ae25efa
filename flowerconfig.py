"""Set the options of `celery -A app.celery_app flower`, which reads this file from the folder it starts in.

An option on the command line, as `--address=0.0.0.0`, wins over this file, and this file over the `FLOWER_…`
variables: so it has to read those that it sets. Each name here that is also an option's sets that option.
"""

import os

from dotenv import dotenv_values
from tornado.options import options

from app.config import Environment, get_flower_settings, refuse_to_start

_NAME = "FLOWER_BASIC_AUTH"
_written = (os.environ.get(_NAME) or dotenv_values(".env").get(_NAME) or "").strip()
_logins: list[str] = (
    _written.split(",") if _written else [login for login in options.basic_auth or () if login]
)
if not all(user and password for user, _, password in (login.partition(":") for login in _logins)):
    refuse_to_start(f"{_NAME} has to be user:password, or several of these with commas")
    raise SystemExit(1)
_settings = get_flower_settings()
if _settings.environment is Environment.PRODUCTION and not (_logins or options.auth):
    refuse_to_start(f"{_NAME} is missing: with ENVIRONMENT=production Flower starts with a login only")
    raise SystemExit(1)

address = os.environ.get("FLOWER_ADDRESS") or "127.0.0.1"
basic_auth = _logins
logging = _settings.log_level  # Tornado sets the root logger to it
