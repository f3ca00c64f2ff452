"""Cloudflare Access in a test suite: Doorward's emulator, started by pytest.

The fixtures are in `pytest_doorward.plugin`, which pytest finds by itself. What
is exported here is for annotations and for `doorward_settings`.
"""

from ._emulator import Application, Clock, Doorward, Token, User
from ._errors import DoorwardError
from ._settings import App, Person, Settings

__all__ = ["App", "Application", "Clock", "Doorward", "DoorwardError", "Person", "Settings", "Token", "User"]
