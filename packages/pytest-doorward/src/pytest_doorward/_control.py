"""The admin listener, in JSON."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from ._errors import DoorwardError

LIMIT = 20.0

# Whatever proxy the environment names, the emulator is on this machine.
_open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Control:
    """Calls of the control API and of Cloudflare's API."""

    def __init__(self, admin_url: str, token: str) -> None:
        self._admin_url = admin_url
        self._token = token

    def call(self, method: str, path: str, body: object = None) -> Any:
        """The answer's JSON; a call that is refused raises, with what the emulator says about it."""
        request = urllib.request.Request(f"{self._admin_url}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with _open(request, data, timeout=LIMIT) as answer:
                text = answer.read()
        except urllib.error.HTTPError as refusal:
            raise DoorwardError(f"{method} {path}: {refusal.code} {_reason(refusal.read())}") from None
        except OSError as error:
            raise DoorwardError(f"{method} {path}: the emulator does not answer ({error})") from error
        return json.loads(text) if text else None


def _reason(body: bytes) -> str:
    try:
        answer = json.loads(body)
        said = [answer.get("error"), answer.get("hint"), *(error["message"] for error in answer.get("errors", []))]
    except (ValueError, AttributeError, KeyError, TypeError):
        return body.decode("utf-8", "replace")
    return "; ".join(part for part in said if part)
