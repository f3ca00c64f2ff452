"""What the fixtures give, used as a project would use them."""

import json
import socket
import urllib.request
from datetime import datetime, timedelta, timezone

import jwt
import pytest
from pytest_doorward import App, Doorward, DoorwardError, Settings

ALICE = "alice@example.com"
AN_HOUR = timedelta(hours=1)


@pytest.fixture(scope="session")
def doorward_settings() -> Settings:
    people_of_example = {"name": "Staff", "decision": "allow", "include": [{"email_domain": {"domain": "example.com"}}]}
    robots = {"name": "CI", "decision": "non_identity", "include": [{"any_valid_service_token": {}}]}
    return Settings(
        apps=[App("app.localhost", policies=[people_of_example]), App("api.localhost", policies=[robots])],
        more={"service_token": [{"name": "ci", "client_secret": "not-a-secret-not-a-secret-not-a-secret"}]},
        proxy=True,
    )


def verify(doorward, token, app="app.localhost"):
    key = jwt.PyJWKClient(doorward.certs_url).get_signing_key_from_jwt(token).key
    # The machine's time is the verifier's; the emulator's is moved in these tests.
    return jwt.decode(token, key, algorithms=["RS256"], issuer=doorward.team_url, audience=doorward.aud(app))


def visit(doorward, token=None, app="app.localhost"):
    """The status at the gateway. Not every resolver knows names below localhost, so the address is said."""
    with socket.create_connection(doorward.public_address) as connection:
        cookie = f"Cookie: {token.cookie}\r\n" if token else ""
        head = f"GET / HTTP/1.1\r\nHost: {app}:{doorward.public_address[1]}\r\nConnection: close\r\n{cookie}\r\n"
        connection.sendall(head.encode())
        return int(connection.makefile("rb").readline().split()[1])


def test_a_token_is_what_an_application_verifies(doorward, doorward_user):
    claims = verify(doorward, doorward_user.token("app.localhost"))
    assert (claims["email"], claims["type"]) == (ALICE, "app")


def test_a_token_opens_the_gateway_and_its_absence_does_not(doorward, doorward_user):
    assert visit(doorward) == 302
    assert visit(doorward, doorward_user.token("app.localhost")) == 200


def test_a_token_of_somebody_whom_the_policies_refuse_opens_nothing(doorward):
    assert visit(doorward, doorward.token("mallory@evil.test", "app.localhost")) == 403


@pytest.mark.doorward_user("dora@example.com", groups=["staff"], claims={"department": "sales"})
def test_the_marker_says_who_the_user_is(doorward_user):
    claims = jwt.decode(doorward_user.token("app.localhost"), options={"verify_signature": False})
    assert claims["email"] == "dora@example.com"


def test_the_user_is_another_one_without_the_marker(doorward, doorward_user):
    assert doorward_user.email == ALICE
    known = [person["email"] for person in doorward.control("GET", "users")]
    assert known == [ALICE, "bob@example.com"], "the marker of the test before was for that test"


def test_a_machine_has_a_token_too(doorward):
    claims = verify(doorward, doorward.token(app="api.localhost", service_token="ci"), "api.localhost")
    assert (claims["sub"], claims["aud"]) == ("", doorward.aud("api.localhost"))


def test_claims_lifetime_and_audience_are_as_wanted(doorward):
    token = doorward.token(ALICE, "app.localhost", ttl=AN_HOUR, claims={"custom": {"team": "blue"}}, aud_shape="string")
    claims = verify(doorward, token)
    assert claims["exp"] - claims["iat"] == 3600
    assert (claims["custom"], claims["aud"]) == ({"team": "blue"}, doorward.aud("app.localhost"))
    assert abs(token.expires_at - datetime.now(timezone.utc) - AN_HOUR) < timedelta(minutes=1)


@pytest.mark.parametrize("defect", ["token-expired", "token-wrong-aud", "token-tampered", "token-alg-none"])
def test_a_token_with_a_defect_is_refused(doorward, defect):
    with pytest.raises(jwt.PyJWTError):
        verify(doorward, doorward.token(ALICE, "app.localhost", defect=defect))


def test_time_ends_a_token(doorward, doorward_user, doorward_clock):
    token = doorward_user.token("app.localhost")
    before = doorward_clock.now
    assert doorward_clock.advance("25h") - before >= timedelta(hours=25)
    assert visit(doorward, token) == 302


def test_the_clock_of_the_test_before_does_not_matter(doorward_clock):
    assert abs(doorward_clock.now - datetime.now(timezone.utc)) < timedelta(minutes=1)


def test_the_clock_stands_where_it_is_set(doorward_clock):
    summer = datetime(2030, 6, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    doorward_clock.set(summer)
    doorward_clock.freeze()
    assert doorward_clock.now == doorward_clock.now
    assert timedelta() <= doorward_clock.now - summer < timedelta(minutes=1)
    doorward_clock.thaw()
    with pytest.raises(DoorwardError, match="time zone"):
        doorward_clock.set(datetime(2030, 6, 1))


def test_storage_state_is_a_browser_that_is_signed_in(doorward, doorward_user):
    (cookie,) = doorward_user.storage_state("app.localhost")["cookies"]
    assert (cookie["name"], cookie["domain"], cookie["secure"]) == ("CF_Authorization", "app.localhost", True)
    assert verify(doorward, cookie["value"])["email"] == ALICE


def test_a_rotation_leaves_older_tokens_valid_unless_their_key_is_dropped(doorward, doorward_user):
    token = doorward_user.token("app.localhost")
    doorward.rotate_keys()
    verify(doorward, token)
    doorward.rotate_keys(drop_previous=True)
    with pytest.raises(jwt.PyJWKClientError):
        verify(doorward, token)


def test_a_revocation_ends_a_token_at_once(doorward, doorward_user):
    token = doorward_user.token("app.localhost")
    doorward_user.revoke()
    assert visit(doorward, token) == 302


def test_a_fault_lasts_as_long_as_its_block(doorward):
    with doorward.fault("jwks-500"), pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(doorward.certs_url)
    assert len(json.load(urllib.request.urlopen(doorward.certs_url))["keys"]) == 2
    assert doorward.control("GET", "faults")["active"] == []


def test_what_the_gateway_decided_can_be_asked(doorward, doorward_user):
    visit(doorward, doorward_user.token("app.localhost"))
    visit(doorward)
    decided = [(request["verdict"], request["caller"]["name"]) for request in doorward.requests("app.localhost")]
    assert decided == [("allow", ALICE), ("login", None)]
    assert doorward.counters()["decisions"] == 2


def test_a_snapshot_brings_back_what_was_revoked(doorward, doorward_user):
    token = doorward_user.token("app.localhost")
    taken = doorward.snapshot()
    doorward_user.revoke()
    doorward.restore(taken)
    assert visit(doorward, token) == 200


def test_cloudflares_api_answers_too(doorward):
    assert sorted(app["domain"] for app in doorward.api("GET", "access/apps")) == ["api.localhost", "app.localhost"]


def test_unmodified_clients_are_led_here_by_variables(doorward):
    environment = doorward.environment()
    assert environment["HTTPS_PROXY"] == doorward.ready["proxy"]
    assert "BEGIN CERTIFICATE" in open(environment["SSL_CERT_FILE"]).read()


def test_mistakes_are_told_with_their_mend(doorward):
    with pytest.raises(DoorwardError, match="no wiki.localhost among"):
        doorward.aud("wiki.localhost")
    with pytest.raises(DoorwardError, match="say which application"):
        doorward.aud()
    with pytest.raises(DoorwardError, match="there is no fault"):
        doorward.fault("nonsense").__enter__()
    with pytest.raises(TypeError, match="no form"):
        Settings(more={"limits": {"x": object()}}).text()


def test_a_process_of_ones_own_ends_with_its_block(tmp_path):
    with Doorward.start(Settings(team="other", seed="s"), tmp_path) as own:
        assert own.team_url.startswith("http://other.localhost:")
        assert own.url() == f"http://app.localhost:{own.public_address[1]}"
        certs = urllib.request.urlopen(own.certs_url).read()
        assert b"d00d0000" in certs
    with pytest.raises(OSError):
        urllib.request.urlopen(own.certs_url)
