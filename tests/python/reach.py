"""PyJWT, unmodified, led to an emulator by environment variables alone: reach.py TOKEN DOMAIN AUDIENCE."""

import json
import sys

import jwt

token, domain, audience = sys.argv[1:]
key = jwt.PyJWKClient(f"https://{domain}/cdn-cgi/access/certs").get_signing_key_from_jwt(token)
claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, issuer=f"https://{domain}")
json.dump({"claims": claims}, sys.stdout)
