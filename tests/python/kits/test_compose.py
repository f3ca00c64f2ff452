"""The compose example: a file that compose takes, and the emulator, the application and the tests in it, without containers."""

import runpy
import socket
import subprocess
import sys
import threading
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from pytest_doorward._process import Process, find_binary
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/compose"
COMPOSE = YAML(typ="safe").load(EXAMPLE / "compose.yaml")


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def test_the_file_is_one_that_compose_takes():
    schema = ["--builtin-schema", "vendor.compose-spec"]
    check = [sys.executable, "-m", "check_jsonschema", *schema, EXAMPLE / "compose.yaml", ROOT / "docker-compose.yml"]
    assert subprocess.run(check).returncode == 0
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            assert (EXAMPLE / volume.split(":")[0]).exists(), volume


@pytest.fixture
def names(monkeypatch):
    """The aliases of the network are this machine."""
    resolve = socket.getaddrinfo
    ours = COMPOSE["services"]["access"]["networks"]["default"]["aliases"]

    def resolve_here(host, *rest, **more):
        return resolve("127.0.0.1" if host in ours else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_here)


def test_its_parts_fit_together(tmp_path, names, monkeypatch, capsys):
    monkeypatch.syspath_prepend(ROOT / "packages/pytest-doorward/examples/flask_app")
    from app import create_app

    variables = COMPOSE["services"]["notes"]["environment"]
    # The emulator has to know where the application is, and the application where the keys are.
    late = []
    with make_server("127.0.0.1", 0, lambda *call: late[0](*call), handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        text = (EXAMPLE / "doorward.toml").read_text()
        for inside, here in [
            ("0.0.0.0:8080", "127.0.0.1:0"),
            ("0.0.0.0:8081", "127.0.0.1:0"),
            ("http://notes:3000", f"http://127.0.0.1:{server.server_port}"),
        ]:
            assert inside in text
            text = text.replace(inside, here)
        access = Process(find_binary(None), text, tmp_path)
        try:
            certs = f"{access.ready['public']}/cdn-cgi/access/certs"
            late.append(create_app(variables["TEAM_DOMAIN"], variables["POLICY_AUD"], certs))
            port = access.ready["public"].rpartition(":")[2]
            monkeypatch.setattr(sys, "argv", ["smoke.py", access.ready["admin"], f"http://notes.access.test:{port}"])
            runpy.run_path(str(EXAMPLE / "smoke.py"), run_name="__main__")
        finally:
            access.stop()
            server.shutdown()
    assert "alice: (200, 'alice@example.com')" in capsys.readouterr().out
    (notes,) = access.ready["apps"]
    assert (notes["aud"], access.ready["team"]["url"]) == (variables["POLICY_AUD"], variables["TEAM_DOMAIN"])
