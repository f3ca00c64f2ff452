"""The GitHub action: its file is one that GitHub takes, and its steps do here what they would do there."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
ACTION = YAML(typ="safe").load(ROOT / "action.yml")


def steps():
    return {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def runner(tmp_path):
    """A runner of one job: what it runs, and what is left in its files."""
    for name in ("env", "output"):
        (tmp_path / name).touch()

    def run(step, **given):
        inputs = {name: given.get(name.replace("-", "_"), about["default"]) for name, about in ACTION["inputs"].items()}
        said = lambda value: re.sub(r"\$\{\{ inputs\.([\w-]+) }}", lambda match: inputs[match[1]], value)  # noqa: E731
        environment = {
            **os.environ,
            **{name: said(value) for name, value in step.get("env", {}).items()},
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_ENV": str(tmp_path / "env"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "RUNNER_TEMP": str(tmp_path),
            "XDG_RUNTIME_DIR": str(tmp_path),
            "XDG_DATA_HOME": str(tmp_path),
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
        }
        return subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, capture_output=True, text=True, timeout=90)

    run.folder = tmp_path
    run.left = lambda name: dict(line.split("=", 1) for line in (tmp_path / name).read_text().splitlines())
    yield run
    if "DOORWARD_PID" in run.left("env"):
        os.kill(int(run.left("env")["DOORWARD_PID"]), signal.SIGTERM)


def test_the_file_is_one_that_github_takes():
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"]
    assert subprocess.run(check).returncode == 0
    assert not any("${{" in step.get("run", "") for step in steps().values()), "no script is put together from inputs"


def test_later_steps_find_an_emulator(runner):
    binary = os.environ["DOORWARD_BIN"]
    apps = "notes=http://127.0.0.1:3000\n\nwiki=http://127.0.0.1:3001\n"
    started = runner(steps()["Start doorward"], binary=binary, apps=apps, seed="s", lead_clients="true")
    assert started.returncode == 0, started.stdout + started.stderr
    assert "http://notes.localhost:" in started.stdout
    outputs, variables = runner.left("output"), runner.left("env")
    named = {re.search(r"steps\.start\.outputs\.([\w-]+)", about["value"])[1] for about in ACTION["outputs"].values()}
    assert named == outputs.keys(), "every output is told"
    ready = json.loads(Path(outputs["ready-file"]).read_text())
    assert (outputs["team-url"], variables["DOORWARD_TEAM_URL"]) == (ready["team"]["url"],) * 2
    assert (outputs["aud"], variables["HTTPS_PROXY"]) == ("", ready["proxy"]), "of two applications none is the one"
    assert "NODE_OPTIONS" not in variables, "GitHub refuses it"
    where = ["--admin", variables["DOORWARD_ADMIN_URL"], "--token", variables["DOORWARD_API_TOKEN"]]
    token = [variables["DOORWARD_BIN"], "token", "--app", "wiki.localhost", "--user", "alice@example.com", *where]
    assert subprocess.run(token, capture_output=True, text=True, check=True).stdout.count(".") == 2


def test_a_configuration_file_is_taken_instead(runner, tmp_path):
    file = tmp_path / "access.toml"
    file.write_text("""
        mode = "emulator"
        listen = { public = "127.0.0.1:0", admin = "127.0.0.1:0" }
        team = { name = "acme" }
        route = [{ hostname = "wiki.localhost", service = "demo" }]
        app = [{ name = "Wiki", domain = "wiki.localhost", policies = [{ name = "All", decision = "allow", include = [{ everyone = {} }] }] }]
    """)
    started = runner(steps()["Start doorward"], binary=os.environ["DOORWARD_BIN"], config=str(file))
    assert started.returncode == 0, started.stdout + started.stderr
    assert re.fullmatch("[0-9a-f]{64}", runner.left("output")["aud"])


@pytest.mark.parametrize(
    ("given", "why"),
    [({"apps": "no url"}, "doorward ended before it was ready"), ({"binary": "/nonexistent"}, "there is no program at")],
)
def test_what_cannot_start_fails_the_job_and_says_why(runner, given, why):
    started = runner(steps()["Start doorward"], **{"binary": os.environ["DOORWARD_BIN"], **given})
    assert started.returncode == 1
    assert started.stdout.startswith("::error title=Doorward::") and why in started.stdout
    assert started.stdout.count("\n") == 1, "an annotation is one line"


def test_without_a_binary_it_is_built_from_the_actions_own_source(runner):
    cargo = runner.folder / "cargo"
    cargo.write_text('#!/bin/sh\nmkdir -p "$RUNNER_TEMP/doorward/bin"\nln -s "$DOORWARD_BIN" "$RUNNER_TEMP/doorward/bin/doorward"\necho "$@"\n')
    cargo.chmod(0o755)
    built = runner(steps()["Build doorward"])
    assert built.stdout.split() == ["install", "--locked", "--path", f"{ROOT}/crates/server", "--root", f"{runner.folder}/doorward"]
    assert (ROOT / "crates/server/Cargo.toml").is_file()
    assert runner(steps()["Start doorward"]).returncode == 0
