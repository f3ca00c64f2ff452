"""The emulator's process: found, started, awaited and ended."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ._errors import DoorwardError

#: A debug build makes its signing keys in a second or two on a busy machine.
START_LIMIT = 60.0
#: Requests in flight are let finish; then the process is killed.
STOP_LIMIT = 10.0


def find_binary(option: str | None) -> Path:
    """The `doorward` to run: `--doorward-bin`, else `DOORWARD_BIN`, else the one on the PATH."""
    for source, named in (("--doorward-bin", option), ("DOORWARD_BIN", os.environ.get("DOORWARD_BIN"))):
        if named:
            found = shutil.which(named)
            if found is None:
                raise DoorwardError(f"{source} names {named}, which is no program that can be run")
            return Path(found).absolute()
    found = shutil.which("doorward")
    if found is None:
        raise DoorwardError(
            "there is no doorward on the PATH: install it, or name it with --doorward-bin or the variable DOORWARD_BIN"
        )
    return Path(found).absolute()


class Process:
    """A running `doorward serve`, whose files are in one folder."""

    def __init__(self, binary: Path, config: str, folder: Path) -> None:
        self.binary = binary
        self.folder = folder
        self.log_path = folder / "doorward.log"
        self._config = folder / "doorward.toml"
        self._config.write_text(config, encoding="utf-8")
        # What it would leave in the user's own folders belongs to this run alone.
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "XDG_DATA_HOME": str(folder)}
        self.environment.setdefault("RUST_LOG", "info")
        with self.log_path.open("wb") as log:
            self._child = subprocess.Popen(
                [binary, "serve", "--config", self._config, "--ready-json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self.environment,
                # An interrupt at the terminal is pytest's to handle, which then ends this process.
                start_new_session=True,
            )
        try:
            self.ready = self._ready()
        except BaseException:
            self.stop()
            raise

    def log(self, start: int = 0) -> str:
        """What it wrote to its log, from this byte on."""
        with self.log_path.open("rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")

    def log_length(self) -> int:
        """How many bytes the log has now."""
        return self.log_path.stat().st_size

    def stop(self) -> None:
        """Ends it; when this returns, it is gone."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()

    def _ready(self) -> dict[str, Any]:
        """The object that it prints when all its listeners accept."""
        assert self._child.stdout is not None
        output, line, deadline = self._child.stdout.fileno(), b"", time.monotonic() + START_LIMIT
        while not line.endswith(b"\n"):
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise DoorwardError(f"doorward was not ready after {START_LIMIT:.0f} s; it said\n{self.log()}")
            part = os.read(output, 65536)
            if not part:
                code = self._child.wait()
                raise DoorwardError(f"doorward ended with {code} before it was ready; it said\n{self.log()}")
            line += part
        ready: dict[str, Any] = json.loads(line)
        return ready
