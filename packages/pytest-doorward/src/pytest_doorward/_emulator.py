"""The emulator as tests see it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from ._control import Control
from ._errors import DoorwardError
from ._process import Process, find_binary
from ._settings import Person, Settings

COOKIE = "CF_Authorization"
HEADER = "Cf-Access-Jwt-Assertion"


class Token(str):
    """A signed token, which is its text, and the forms in which clients carry it."""

    #: The value of a `Cookie` header.
    cookie: str
    #: A signed-in browser, as Playwright loads it.
    storage_state: dict[str, Any]
    #: By the emulator's clock.
    expires_at: datetime

    @classmethod
    def _of(cls, answer: Mapping[str, Any]) -> Token:
        token = cls(answer["token"])
        token.cookie = answer["cookie"]
        token.storage_state = answer["storage_state"]
        token.expires_at = _moment(answer["expires_at"])
        return token

    @property
    def headers(self) -> dict[str, str]:
        """What an origin receives: use it where the application is called without the gateway."""
        return {HEADER: str(self)}


@dataclass(frozen=True)
class Application:
    """Where an application is, and its audience tag."""

    id: str
    name: str
    hostname: str
    url: str
    aud: str


class Clock:
    """The emulator's time. TLS and the machine's own clock stay as they are."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def now(self) -> datetime:
        return _moment(self._control.call("GET", "/emulator/v1/clock")["now"])

    def advance(self, by: timedelta | str) -> datetime:
        """Moves it forward, by a `timedelta` or a text such as "25h" or "1h30m"."""
        text = by if isinstance(by, str) else f"{round(by / timedelta(milliseconds=1))}ms"
        return self._change(advance=text)

    def set(self, moment: datetime) -> datetime:
        """Sets it. A moment without a time zone is refused: it would be another one on another machine."""
        if moment.tzinfo is None:
            raise DoorwardError("the clock needs a moment with a time zone: datetime(…, tzinfo=timezone.utc)")
        # An RFC 3339 text in UTC, whatever the zone was.
        return self._change(set=moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def freeze(self) -> datetime:
        """Lets it stand until `thaw` or the test's end."""
        return self._change(freeze=True)

    def thaw(self) -> datetime:
        return self._change(freeze=False)

    def _change(self, **change: object) -> datetime:
        return _moment(self._control.call("PUT", "/emulator/v1/clock", change)["now"])


@dataclass(frozen=True)
class User:
    """Somebody whom the emulator knows."""

    email: str
    _doorward: Doorward

    def token(self, app: str | None = None, **wanted: Any) -> Token:
        """A token as if they had signed in: see `Doorward.token`."""
        return self._doorward.token(self.email, app, **wanted)

    def headers(self, app: str | None = None) -> dict[str, str]:
        """What an origin receives from them."""
        return self.token(app).headers

    def cookie(self, app: str | None = None) -> str:
        """The `Cookie` header of a browser in which they are signed in."""
        return self.token(app).cookie

    def storage_state(self, app: str | None = None) -> dict[str, Any]:
        """A browser in which they are signed in, for Playwright's `storage_state`."""
        return self.token(app).storage_state

    def revoke(self) -> None:
        """Ends every session and token they have."""
        self._doorward.revoke(email=self.email)


class Doorward:
    """A running emulator. `start` one yourself where the fixture is not enough; it is a context manager."""

    def __init__(self, process: Process) -> None:
        self._process = process
        ready = process.ready
        self._control = Control(ready["admin"], ready["api_token"])
        self.apps = tuple(Application(**app) for app in ready["apps"])
        self.clock = Clock(self._control)
        self._faults: list[dict[str, object]] = []

    @classmethod
    def start(cls, settings: Settings, folder: Path, binary: str | None = None) -> Doorward:
        """Starts one whose files are in this folder. When this returns, it serves."""
        return cls(Process(find_binary(binary), settings.text(), folder))

    def stop(self) -> None:
        self._process.stop()

    def __enter__(self) -> Doorward:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # Where things are

    @property
    def ready(self) -> dict[str, Any]:
        """All that it told when it was ready."""
        return self._process.ready

    @property
    def team_url(self) -> str:
        """The issuer of its tokens: what applications are configured with as their team domain."""
        return str(self.ready["team"]["url"])

    @property
    def certs_url(self) -> str:
        """Where validators fetch the public keys. It names an address, as not every resolver knows `.localhost`."""
        return f"{self.ready['public']}/cdn-cgi/access/certs"

    @property
    def admin_url(self) -> str:
        """Cloudflare's API is below it at `/client/v4`, the control API at `/emulator/v1`."""
        return str(self.ready["admin"])

    @property
    def api_token(self) -> str:
        return str(self.ready["api_token"])

    @property
    def account_id(self) -> str:
        return str(self.ready["account_id"])

    @property
    def public_address(self) -> tuple[str, int]:
        """Host and port of the listener behind which the applications are."""
        host, _, port = str(self.ready["public"]).rpartition("/")[2].partition(":")
        return host, int(port)

    def app(self, name: str | None = None) -> Application:
        """The application of this host or name; without one, the only one there is."""
        found = [app for app in self.apps if name in (None, app.hostname, app.name)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(app.hostname for app in self.apps) or "none"
        raise DoorwardError(f"say which application: there are {known}" if name is None else f"no {name} among {known}")

    def aud(self, app: str | None = None) -> str:
        """The audience tag of an application."""
        return self.app(app).aud

    def url(self, app: str | None = None) -> str:
        """Where an application is reached through the gateway, without a slash at the end."""
        return self.app(app).url.rstrip("/")

    # Who is there

    def user(
        self,
        email: str,
        *,
        name: str | None = None,
        groups: Sequence[str] = (),
        claims: Mapping[str, object] | None = None,
    ) -> User:
        """Makes somebody, or makes them another one: their next token says what is said here."""
        document = Person(email, name, groups, claims or {}).document()
        self._control.call("PUT", f"/emulator/v1/users/{quote(email)}", document)
        return User(email, self)

    def token(
        self,
        email: str | None = None,
        app: str | None = None,
        *,
        kind: Literal["app", "service", "org"] | None = None,
        service_token: str | None = None,
        ttl: timedelta | str | None = None,
        claims: Mapping[str, object] | None = None,
        aud_shape: Literal["array", "string"] | None = None,
        issuer: str | None = None,
        defect: str | None = None,
    ) -> Token:
        """A token without a browser, for the application of this host or name (where there is one, that).

        `claims` lay over the usual ones. `defect` makes it wrong in one way, such as "token-expired" or
        "token-wrong-aud": an application must refuse it. `service_token` names the token of a machine.
        """
        order: dict[str, object] = {
            "app": None if kind == "org" else self.app(app).hostname,
            "email": email,
            "kind": kind,
            "service_token": service_token,
            "ttl": f"{round(ttl.total_seconds())}s" if isinstance(ttl, timedelta) else ttl,
            "claims": claims,
            "aud_shape": aud_shape,
            "issuer": issuer,
            "defect": defect,
        }
        order = {key: value for key, value in order.items() if value is not None}
        return Token._of(self._control.call("POST", "/emulator/v1/tokens", order))

    def revoke(self, *, email: str | None = None, app: str | None = None) -> None:
        """Ends whatever somebody holds, or everybody at one application."""
        whose = {"email": email} if app is None else {"app": app}
        self._control.call("POST", "/emulator/v1/revocations", whose)

    # What happens to them

    def rotate_keys(self, *, drop_previous: bool = False) -> None:
        """Signs with another key from now on; with `drop_previous`, no older token verifies any more."""
        self._control.call("POST", "/emulator/v1/keys/rotate", {"drop_previous": drop_previous})

    @contextmanager
    def fault(self, name: str, **options: object) -> Iterator[None]:
        """Breaks something on purpose for as long as the block lasts: `with doorward.fault("jwks-500"): …`

        Options are those of the control API: `app`, `path`, `share`, `once`, `delay`, `status`.
        """
        fault: dict[str, object] = {"fault": name, **options}
        self._put_faults([*self._faults, fault])
        try:
            yield
        finally:
            self._put_faults([other for other in self._faults if other is not fault])

    def _put_faults(self, faults: list[dict[str, object]]) -> None:
        self._control.call("PUT", "/emulator/v1/faults", faults)
        self._faults = faults

    def requests(self, app: str | None = None) -> list[dict[str, Any]]:
        """Every decision at the gateway since the test began, the oldest first."""
        query = "" if app is None else f"?app={quote(self.app(app).hostname)}"
        answer = self._control.call("GET", f"/emulator/v1/requests{query}")
        return list(answer["requests"])

    def counters(self) -> dict[str, int]:
        """How many decisions, fetches of keys (`certs_fetches`) and identity calls there were."""
        return dict(self._control.call("GET", "/emulator/v1/requests")["counters"])

    def reset(self) -> None:
        """Back to the start: people, sign-ins, revocations, the clock, faults and the recorder. Keys stay."""
        self._control.call("POST", "/emulator/v1/reset", {})
        self._faults = []

    def snapshot(self) -> str:
        """Keeps the state, and names it for `restore`."""
        return str(self._control.call("GET", "/emulator/v1/snapshot")["id"])

    def restore(self, snapshot: str) -> None:
        self._control.call("POST", "/emulator/v1/snapshot", {"id": snapshot})

    # Beside it

    def api(self, method: str, path: str, body: object = None) -> Any:
        """Cloudflare's API of the account: `doorward.api("GET", "access/apps")`; its `result`."""
        return self._control.call(method, f"/client/v4/accounts/{self.account_id}/{path}", body)["result"]

    def control(self, method: str, path: str, body: object = None) -> Any:
        """Any call of the control API: `doorward.control("GET", "faults")`."""
        return self._control.call(method, f"/emulator/v1/{path}", body)

    def environment(self) -> dict[str, str]:
        """The variables that lead clients here which know Access by its real names alone.

        It needs `Settings(proxy=True)`.
        """
        if self.ready["proxy"] is None:
            raise DoorwardError("there is no proxy to lead clients to: set Settings(proxy=True) in doorward_settings")
        command = [str(self._process.binary), "env", "--shell", "dotenv", "--admin", self.admin_url]
        told = subprocess.run(command, env=self._process.environment, capture_output=True, text=True, check=False)
        if told.returncode != 0:
            raise DoorwardError(f"doorward env: {told.stderr.strip()}")
        return dict(line.split("=", 1) for line in told.stdout.splitlines() if "=" in line)

    def log(self, start: int = 0) -> str:
        """What the emulator wrote to its log, from this byte on."""
        return self._process.log(start)

    def log_length(self) -> int:
        return self._process.log_length()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
