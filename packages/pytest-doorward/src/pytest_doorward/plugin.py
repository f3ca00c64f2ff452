"""The fixtures, and what pytest is told about them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from ._emulator import Clock, Doorward, User
from ._settings import Settings

_RUNNING = pytest.StashKey[Doorward]()
_LOG_START = pytest.StashKey[int]()

MARKER = "doorward_user(email, name=…, groups=…, claims=…): who the fixture doorward_user is in this test"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("doorward", "Cloudflare Access in tests")
    group.addoption("--doorward-bin", metavar="PATH", help="The doorward to run, instead of DOORWARD_BIN or the PATH's")
    parser.addini("doorward_config", "A configuration file of Doorward to start from, beside the ini file", "string", "")
    parser.addini("doorward_reset", "Whether the emulator is set back to its start state after each test", "bool", True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)


@pytest.fixture(scope="session")
def doorward_settings(pytestconfig: pytest.Config) -> Settings:
    """What the emulator is to be. Override it in `conftest.py`."""
    named = str(pytestconfig.getini("doorward_config"))
    if not named:
        return Settings()
    beside = pytestconfig.inipath.parent if pytestconfig.inipath else pytestconfig.rootpath
    return Settings.from_file(beside / named)


@pytest.fixture(scope="session")
def doorward(
    doorward_settings: Settings, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Doorward]:
    """A running emulator: one for each pytest process, and so for each worker of pytest-xdist."""
    folder: Path = tmp_path_factory.mktemp("doorward")
    with Doorward.start(doorward_settings, folder, pytestconfig.getoption("--doorward-bin")) as running:
        pytestconfig.stash[_RUNNING] = running
        try:
            yield running
        finally:
            del pytestconfig.stash[_RUNNING]


@pytest.fixture
def doorward_clock(doorward: Doorward) -> Clock:
    """The emulator's clock. After the test it shows the machine's time again."""
    return doorward.clock


@pytest.fixture
def doorward_user(doorward: Doorward, request: pytest.FixtureRequest) -> User:
    """Somebody who may sign in: alice@example.com, or whom the marker `doorward_user` names."""
    marker = request.node.get_closest_marker("doorward_user")
    if marker is None:
        return User("alice@example.com", doorward)
    return doorward.user(*marker.args, **marker.kwargs)


@pytest.fixture(autouse=True)
def _doorward_isolation(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test finds the emulator as it was at the start, whatever the one before did."""
    yield
    running = request.config.stash.get(_RUNNING, None)
    if running is not None and request.config.getini("doorward_reset") and _uses_doorward(request):
        running.reset()


def _uses_doorward(request: pytest.FixtureRequest) -> bool:
    return any(name.startswith("doorward") for name in request.fixturenames)


def pytest_runtest_setup(item: pytest.Item) -> None:
    running = item.config.stash.get(_RUNNING, None)
    item.stash[_LOG_START] = running.log_length() if running is not None else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What the emulator wrote during a test that failed stands in its report."""
    report = yield
    running = item.config.stash.get(_RUNNING, None)
    if report.failed and running is not None:
        log = running.log(item.stash.get(_LOG_START, 0))
        if log:
            report.sections.append((f"doorward log ({report.when})", log))
    return report
