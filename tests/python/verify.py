"""Verifies a token with PyJWT: verify.py TOKEN CERTS_URL ISSUER AUDIENCE. Prints header and claims."""

import json
import socket
import sys

import jwt

# Names below localhost are this machine (RFC 6761), which not every resolver knows.
resolve = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1", *rest, **more)

token, certs, issuer, audience = sys.argv[1:]
key = jwt.PyJWKClient(certs).get_signing_key_from_jwt(token)
required = {"require": ["exp", "iat", "iss", "aud"]}
claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=audience, issuer=issuer, options=required)
json.dump({"header": jwt.get_unverified_header(token), "claims": claims}, sys.stdout)
