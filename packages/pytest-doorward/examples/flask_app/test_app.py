"""The code that verifies tokens runs in these tests exactly as in production: nothing is bypassed, nothing is mocked."""

import pytest
from flask.testing import FlaskClient
from pytest_doorward import Doorward, User


def test_somebody_is_known_by_their_token(client: FlaskClient, doorward_user: User) -> None:
    assert client.get("/me", headers=doorward_user.headers()).json == {"email": "alice@example.com"}


@pytest.mark.doorward_user("bob@example.com")
def test_another_one_too(client: FlaskClient, doorward_user: User) -> None:
    assert client.get("/me", headers=doorward_user.headers()).json == {"email": "bob@example.com"}


def test_nobody_is_refused(client: FlaskClient) -> None:
    assert client.get("/me").status_code == 403
    assert client.get("/me", headers={"Cf-Access-Authenticated-User-Email": "alice@example.com"}).status_code == 403


@pytest.mark.parametrize(
    "defect",
    ["token-expired", "token-wrong-aud", "token-wrong-iss", "token-alg-none", "token-hs256", "token-unknown-kid"],
)
def test_a_bad_token_is_refused(client: FlaskClient, doorward: Doorward, defect: str) -> None:
    token = doorward.token("alice@example.com", defect=defect)
    assert client.get("/me", headers=token.headers).status_code == 403


def test_a_key_that_is_new_is_fetched(client: FlaskClient, doorward: Doorward, doorward_user: User) -> None:
    assert client.get("/me", headers=doorward_user.headers()).status_code == 200
    doorward.rotate_keys(drop_previous=True)
    assert client.get("/me", headers=doorward_user.headers()).status_code == 200


def test_an_outage_of_the_keys_is_not_a_refusal(client: FlaskClient, doorward: Doorward, doorward_user: User) -> None:
    with doorward.fault("jwks-500"):
        assert client.get("/me", headers=doorward_user.headers()).status_code == 503


def test_keys_are_fetched_once(client: FlaskClient, doorward: Doorward, doorward_user: User) -> None:
    for _ in range(3):
        client.get("/me", headers=doorward_user.headers())
    assert doorward.counters()["certs_fetches"] == 1
