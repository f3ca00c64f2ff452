"""What the plugin does to a run of pytest, watched from outside."""

import os
import shutil
from pathlib import Path

PLAIN = """
    def test_one(doorward):
        assert doorward.token("alice@example.com")
"""


def test_workers_of_xdist_have_an_emulator_each(pytester, monkeypatch):
    pytester.makepyfile("""
        import os, pathlib, pytest

        @pytest.mark.parametrize("number", range(4))
        def test_of_its_own(doorward, number):
            mine = pathlib.Path(os.environ["WHERE"], os.environ["PYTEST_XDIST_WORKER"])
            with mine.open("a") as file:
                print(doorward.admin_url, file=file)
    """)
    monkeypatch.setenv("WHERE", str(pytester.mkdir("where")))
    pytester.runpytest_subprocess("-n2", "--dist=each").assert_outcomes(passed=8)
    seen = [set(path.read_text().split()) for path in (pytester.path / "where").iterdir()]
    assert len(seen) == 2 and all(len(addresses) == 1 for addresses in seen), "one for each worker, for all its tests"
    assert seen[0] != seen[1]


def test_the_log_of_a_failed_test_is_in_its_report_and_of_that_test_alone(pytester):
    pytester.makepyfile("""
        def test_good(doorward):
            doorward.rotate_keys()

        def test_bad(doorward):
            assert not doorward.rotate_keys(drop_previous=True) and False
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*doorward log (call)*", "*the signing key was rotated*"])
    assert result.stdout.str().count("the signing key was rotated") == 1


def test_without_the_fixture_nothing_is_started(pytester, monkeypatch):
    pytester.makepyfile("def test_nothing(): pass")
    monkeypatch.setenv("DOORWARD_BIN", "/nonexistent")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_binary_that_is_not_there_is_told_with_the_mend(pytester, monkeypatch):
    pytester.makepyfile(PLAIN)
    result = pytester.runpytest_subprocess("--doorward-bin", "/nonexistent/doorward")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*--doorward-bin names /nonexistent/doorward, which is no program*"])
    monkeypatch.delenv("DOORWARD_BIN")
    monkeypatch.setenv("PATH", "/nonexistent")
    result = pytester.runpytest_subprocess()
    result.stdout.fnmatch_lines(["*there is no doorward on the PATH: install it, or name it with --doorward-bin*"])


def test_the_binary_is_found_on_the_path(pytester, monkeypatch):
    folder = pytester.mkdir("bin")
    (folder / "doorward").symlink_to(Path(shutil.which(os.environ["DOORWARD_BIN"])).absolute())
    monkeypatch.delenv("DOORWARD_BIN")
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    pytester.makepyfile(PLAIN)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_settings_that_cannot_be_are_told_in_the_emulators_words(pytester):
    pytester.makeconftest("""
        import pytest
        from pytest_doorward import App, Settings

        @pytest.fixture(scope="session")
        def doorward_settings():
            return Settings(apps=[App("app.localhost", settings={"sesion_duration": "1h"})])
    """)
    pytester.makepyfile(PLAIN)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*doorward ended with 2 before it was ready*", "*sesion_duration*"])


def test_a_configuration_file_is_taken_over_but_for_its_ports(pytester):
    pytester.makefile(
        ".toml",
        access="""
            mode = "production"
            [listen]
            public = "127.0.0.1:1"
            admin = "127.0.0.1:2"
            [team]
            name = "acme"
            [[route]]
            hostname = "wiki.localhost"
            service = "demo"
            [[app]]
            name = "Wiki"
            domain = "wiki.localhost"
            policies = [{ name = "Staff", decision = "allow", include = [{ email_domain = { domain = "example.com" } }] }]
        """,
    )
    pytester.makeini("[pytest]\ndoorward_config = access.toml")
    pytester.makepyfile("""
        def test_it(doorward):
            assert doorward.team_url.startswith("http://acme.localhost:")
            assert [app.name for app in doorward.apps] == ["Wiki"]
            assert doorward.public_address[1] != 1
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


def test_who_wants_to_keep_the_state_between_tests_says_so(pytester):
    pytester.makeini("[pytest]\ndoorward_reset = false")
    pytester.makepyfile("""
        def test_one(doorward):
            doorward.user("dora@example.com")

        def test_two(doorward):
            assert "dora@example.com" in [person["email"] for person in doorward.control("GET", "users")]
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_nothing_is_left_running(pytester, monkeypatch):
    pytester.makepyfile("""
        import os, pathlib

        def test_it(doorward):
            pathlib.Path(os.environ["WHERE"]).write_text(str(doorward._process._child.pid))
            raise KeyboardInterrupt
    """)
    where = pytester.path / "pid"
    monkeypatch.setenv("WHERE", str(where))
    pytester.runpytest_subprocess()
    assert not Path("/proc", where.read_text()).exists()
