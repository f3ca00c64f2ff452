"""What the emulator is to be: applications, people, and whatever else a configuration file can say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import _toml

EVERYONE: Mapping[str, object] = {"name": "Everyone who signs in", "decision": "allow", "include": [{"everyone": {}}]}


@dataclass(frozen=True)
class App:
    """An application behind Access.

    `policies` and `settings` use the field names of Cloudflare's API. Without policies, everybody who signs in may
    enter. Without an origin, Doorward's demo application answers, which shows what it was told.
    """

    host: str
    origin: str = "demo"
    policies: Sequence[Mapping[str, object]] = (EVERYONE,)
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """Somebody to sign in as."""

    email: str
    name: str | None = None
    groups: Sequence[str] = ()
    claims: Mapping[str, object] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """As the configuration and the control API take it."""
        named = {} if self.name is None else {"name": self.name}
        return {"email": self.email, **named, "groups": list(self.groups), "claims": dict(self.claims)}


def _alice_and_bob() -> Sequence[Person]:
    return (
        Person("alice@example.com", "Alice Ng", ["admins", "staff"]),
        Person("bob@example.com", "Bob Osei", ["staff"]),
    )


@dataclass(frozen=True)
class Settings:
    """The emulator of one pytest process."""

    apps: Sequence[App] = (App("app.localhost"),)
    people: Sequence[Person] = field(default_factory=_alice_and_bob)
    team: str = "test"
    #: Makes keys and audience tags the same in every run.
    seed: str | None = None
    #: Opens the proxy that leads unmodified clients here: see `Doorward.environment`.
    proxy: bool = False
    #: More tables of the configuration file, such as `{"service_token": [{"name": "ci", "client_secret": "…"}]}`.
    more: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def from_file(cls, path: str | Path, *, proxy: bool = False) -> Settings:
        """What a configuration file of Doorward says, ports, store and mode aside."""
        more = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        team = more.pop("team", {})
        seed = more.pop("emulator", {}).get("seed")
        for replaced in ("mode", "listen", "store"):
            more.pop(replaced, None)
        return cls(apps=(), people=(), team=team.get("name", "test"), seed=seed, proxy=proxy, more=more)

    def text(self) -> str:
        """The configuration file: an emulator on free ports of this machine."""
        listen = {"public": "127.0.0.1:0", "admin": "127.0.0.1:0"} | ({"proxy": "127.0.0.1:0"} if self.proxy else {})
        document: dict[str, object] = {"mode": "emulator", "listen": listen, "team": {"name": self.team}}
        if self.seed is not None:
            document["emulator"] = {"seed": self.seed}
        tables: dict[str, list[object]] = {
            "route": [{"hostname": app.host, "service": app.origin} for app in self.apps],
            "app": [
                {"name": app.host, "domain": app.host, "policies": list(app.policies), **app.settings}
                for app in self.apps
            ],
            "user": [person.document() for person in self.people],
        }
        for name, value in self.more.items():
            ours = tables.get(name)
            document[name] = [*ours, *value] if ours and isinstance(value, list) else value
        return _toml.dumps({name: rows for name, rows in tables.items() if rows} | document)
