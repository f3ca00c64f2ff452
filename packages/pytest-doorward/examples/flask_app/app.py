"""An application behind Access: it believes nobody but a token that it verified itself.

Run it behind an emulator of your own:

    doorward dev --app notes=http://127.0.0.1:5000
    flask --app app run
"""

import os
from typing import Any

import jwt
from flask import Flask, abort, g, jsonify, request
from flask.typing import ResponseReturnValue


def create_app(team_domain: str, policy_aud: str, certs_url: str | None = None) -> Flask:
    """The application. `certs_url` is for machines whose resolver does not know `.localhost`."""
    app = Flask(__name__)
    keys = jwt.PyJWKClient(certs_url or f"{team_domain}/cdn-cgi/access/certs", lifespan=600)

    @app.before_request
    def verify() -> None:
        token = request.headers.get("Cf-Access-Jwt-Assertion", "")
        try:
            key = keys.get_signing_key_from_jwt(token).key
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=["RS256"], issuer=team_domain, audience=policy_aud
            )
        except jwt.PyJWKClientConnectionError:
            abort(503, "the keys cannot be fetched")
        except jwt.PyJWTError:
            abort(403, "no valid Access token")
        g.email = claims["email"]

    @app.get("/me")
    def me() -> ResponseReturnValue:
        return jsonify(email=g.email)

    return app


def app() -> Flask:
    """What `flask --app app run` starts."""
    return create_app(os.environ["TEAM_DOMAIN"], os.environ["POLICY_AUD"], os.environ.get("CERTS_URL"))
