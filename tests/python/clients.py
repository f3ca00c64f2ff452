"""Unmodified clients of Access, each by its own configuration: clients.py CLIENT DOMAIN AUDIENCE.

Says its version, then reads a token a line. Answers each with a line: {"caller", "identity"} of what it believed, or {"refused"}.
The environment leads them to an emulator; nothing here names one.
"""

import importlib.metadata
import json
import os
import sys

client, domain, audience = sys.argv[1:]


def pyjwt():
    import jwt

    keys = jwt.PyJWKClient(f"https://{domain}/cdn-cgi/access/certs")

    def believes(token):
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=["RS256"], audience=audience, issuer=f"https://{domain}")
        return {"caller": claims.get("email", claims.get("common_name"))}

    return believes


def allowedflare():
    os.environ |= {"ALLOWEDFLARE_ACCESS_URL": f"https://{domain}", "ALLOWEDFLARE_AUDIENCE": audience}
    from allowedflare import authenticate

    def believes(token):
        caller, _, message, _ = authenticate({"CF_Authorization": token})
        return {"caller": caller} if caller else {"refused": message}

    return believes


def flask_cloudflare_login():
    os.environ |= {"CF_TEAM_DOMAIN": domain, "CF_POLICY_AUD": audience}
    from flask_cloudflare_login import access

    class Request:
        def __init__(self, token):
            self.cookies = {"CF_Authorization": token}

    def believes(token):
        claims = access.get_payload(access.get_token(Request(token)))
        if claims is None:
            return {"refused": "get_payload gives nothing"}
        if "email" not in claims:
            return {"caller": claims["common_name"]}
        # As they are: without a filter the package does not look into them.
        return {"caller": claims["email"], "identity": json.dumps(access.get_groups(token, None))}

    return believes


CLIENTS = {"PyJWT": pyjwt, "allowedflare": allowedflare, "flask-cloudflare-login": flask_cloudflare_login}
believes = CLIENTS[client]()
print(json.dumps({"version": importlib.metadata.version(client)}), flush=True)
for line in sys.stdin:
    try:
        answer = believes(line.strip())
    except Exception as error:
        answer = {"refused": repr(error)}
    print(json.dumps(answer), flush=True)
