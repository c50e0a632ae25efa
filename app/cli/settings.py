"""The settings of a command, refused with the same problems as by the other processes."""

from app.cli.failures import SettingsRefusedError
from app.config import Settings, SettingsInvalidError, load_settings


def command_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        SettingsRefusedError: with every problem.
    """
    try:
        return load_settings()
    except SettingsInvalidError as error:
        raise SettingsRefusedError(str(error), code="settings_refused") from None
