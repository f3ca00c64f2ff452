"""Alice gets through Access to the application, and nobody else does: smoke.py ADMIN_URL APP_URL."""

import json
import sys
import urllib.error
import urllib.request

admin, app = sys.argv[1:]


class Stay(urllib.request.HTTPRedirectHandler):
    """A redirect to the sign-in page is an answer."""

    def redirect_request(self, *_):
        return None


open_ = urllib.request.build_opener(urllib.request.ProxyHandler({}), Stay).open


def token(email):
    body = json.dumps({"app": "Notes", "email": email}).encode()
    headers = {"Authorization": "Bearer only-for-these-tests", "Content-Type": "application/json"}
    with open_(urllib.request.Request(f"{admin}/emulator/v1/tokens", body, headers)) as answer:
        return json.load(answer)["cookie"]


def visit(cookie=None):
    request = urllib.request.Request(f"{app}/me", headers={"Cookie": cookie} if cookie else {})
    try:
        with open_(request) as answer:
            return answer.status, json.load(answer)["email"]
    except urllib.error.HTTPError as refusal:
        return refusal.code, None


for what, found, expected in [
    ("alice", visit(token("alice@example.com")), (200, "alice@example.com")),
    ("a stranger", visit(), (302, None)),
    ("somebody of another company", visit(token("mallory@evil.test")), (403, None)),
]:
    print(f"{what}: {found}")
    assert found == expected, f"{what}: {found}, not {expected}"
