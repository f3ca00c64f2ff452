"""Drives the management API with Cloudflare's own SDK: access_sdk.py BASE_URL ACCOUNT TOKEN HOST.

Every answer is validated strictly against the SDK's types. Prints, as JSON, what was left behind: an application at
HOST that one service token may enter, and what is needed to take it away again.
"""

import json
import subprocess
import sys

import cloudflare
from cloudflare import Cloudflare

base, account, token, host = sys.argv[1:]
client = Cloudflare(base_url=base, api_token=token, max_retries=0, _strict_response_validation=True)
trust, access = client.zero_trust, client.zero_trust.access


def refused(kind, call, *arguments, **named):
    try:
        call(*arguments, account_id=account, **named)
    except kind as error:
        assert error.errors[0].code and error.errors[0].message, error
        return error
    raise AssertionError(f"{call} was not refused")


def everywhere(resource, one, identity, **filters):
    """It is found by its id, in the list page by page, and by what the list can be asked for."""
    assert identity(resource.get(identity(one), account_id=account)) == identity(one)
    pages = {"per_page": 1, "account_id": account}
    assert identity(one) in [identity(item) for item in resource.list(**pages)]
    if filters:
        assert [identity(item) for item in resource.list(account_id=account, **filters)] == [identity(one)]


def by_id(thing):
    return thing.id


assert client.user.tokens.verify().status == "active"
assert client.accounts.tokens.verify(account_id=account).status == "active"

idp = trust.identity_providers.create(
    account_id=account,
    name="SDK provider",
    type="oidc",
    config={
        "client_id": "door",
        "client_secret": "hunter2",
        "auth_url": "https://kc.example.com/auth",
        "token_url": "https://kc.example.com/token",
        "certs_url": "https://kc.example.com/certs",
        "claims": ["groups"],
    },
)
assert idp.config.redirect_url and not getattr(idp.config, "client_secret", None)
everywhere(trust.identity_providers, idp, by_id)
config = {**idp.config.to_dict(), "claims": ["groups", "team"]}
idp = trust.identity_providers.update(idp.id, account_id=account, name="SDK provider", type="oidc", config=config)
assert idp.config.claims == ["groups", "team"]

rules = [
    {"email": {"email": "a@example.com"}},
    {"login_method": {"id": idp.id}},
    {"oidc": {"claim_name": "team", "claim_value": "ops", "identity_provider_id": idp.id}},
    {"geo": {"country_code": "DE"}},
    {"ip": {"ip": "10.0.0.0/8"}},
]
group = access.groups.create(account_id=account, name="SDK group", include=rules, require=[{"everyone": {}}])
assert [rule.to_dict() for rule in group.include] == rules
everywhere(access.groups, group, by_id, name="SDK group")
group = access.groups.update(group.id, account_id=account, name="SDK group", include=[{"everyone": {}}])
assert group.require == []
missing = refused(cloudflare.BadRequestError, access.groups.create, name="x", include=[{"group": {"id": idp.id}}])
assert missing.errors[0].code == 11020

robot = access.service_tokens.create(account_id=account, name="SDK robot", duration="8760h")
assert robot.client_secret and robot.client_id.endswith(".access")
everywhere(access.service_tokens, robot, by_id, name="SDK robot")
assert not hasattr(access.service_tokens.get(robot.id, account_id=account), "client_secret")
renamed = access.service_tokens.update(robot.id, account_id=account, name="SDK machine", duration="100h")
assert (renamed.name, renamed.duration) == ("SDK machine", "100h")
assert access.service_tokens.refresh(robot.id, account_id=account).expires_at
rotated = access.service_tokens.rotate(robot.id, account_id=account)
assert rotated.client_secret != robot.client_secret and rotated.client_id == robot.client_id

policy = access.policies.create(
    account_id=account,
    name="SDK policy",
    decision="non_identity",
    include=[{"service_token": {"token_id": robot.id}}],
)
assert policy.session_duration == "24h" and policy.reusable and policy.exclude == []
everywhere(access.policies, policy, by_id)
policy = access.policies.update(
    policy.id, account_id=account, name="SDK machines", decision="non_identity", include=policy.to_dict()["include"]
)

tag = access.tags.create(account_id=account, name="sdk")
everywhere(access.tags, tag, lambda one: one.name)
assert access.tags.update("sdk", account_id=account, name="sdk").name == "sdk"

app = access.applications.create(
    account_id=account,
    type="self_hosted",
    name="SDK app",
    domain=host,
    allowed_idps=[idp.id],
    tags=["sdk"],
    policies=[
        {"id": policy.id, "precedence": 1},
        {"name": "Nobody", "decision": "deny", "include": [{"group": {"id": group.id}}], "precedence": 7},
    ],
)
assert len(app.aud) == 64 and app.session_duration == "24h" and app.destinations[0].uri == host
assert [(one.name, one.precedence) for one in app.policies] == [("SDK machines", 1), ("Nobody", 7)]
everywhere(access.applications, app, by_id, domain=host)
again = {**app.to_dict(mode="json"), "session_duration": "12h"}
app = access.applications.update(app.id, account_id=account, **{k: again[k] for k in ("type", "name", "domain", "tags", "session_duration", "allowed_idps")})
assert app.session_duration == "12h" and len(app.policies) == 2, "policies that are not written stay"
taken = refused(cloudflare.ConflictError, access.applications.create, type="self_hosted", name="x", domain=host)
assert taken.errors[0].code == 11010
invalid = refused(cloudflare.BadRequestError, access.applications.create, type="self_hosted", name="x", domain="*")
assert invalid.errors[0].source.pointer == "/destinations/0/uri"
app = access.applications.update(app.id, account_id=account, type="self_hosted", name="SDK app", domain=host, tags=["sdk"],
    allowed_idps=[idp.id], mfa_config={"mfa_disabled": True})
assert app.mfa_config.mfa_disabled
refused(cloudflare.InternalServerError, access.applications.create, type="self_hosted", name="x", domain=f"mfa.{host}",
    mfa_config={"allowed_authenticators": ["totp"]})
assert access.applications.settings.update(app.id, account_id=account, allow_iframe=True).allow_iframe
assert access.applications.settings.edit(app.id, account_id=account, skip_interstitial=True).allow_iframe
access.applications.revoke_tokens(app.id, account_id=account)

oidc = {"auth_type": "oidc", "redirect_uris": ["https://saas.example.com/cb"], "scopes": ["openid", "email"]}
saas = access.applications.create(account_id=account, type="saas", name="SDK saas", saas_app=oidc)
client_of = saas.saas_app.to_dict()
assert len(client_of["client_id"]) == 64 and client_of["access_token_lifetime"] == "5m", client_of
client_secret = client_of.pop("client_secret")
assert len(client_secret) == 64
subprocess.run(["openssl", "x509", "-noout"], input=client_of["public_key"].encode(), check=True)
everywhere(access.applications, saas, by_id, name="SDK saas")
assert access.applications.get(saas.id, account_id=account).saas_app.to_dict() == client_of, "the secret is told once"
saas = access.applications.update(saas.id, account_id=account, type="saas", name="SDK saas", saas_app=client_of)
assert saas.saas_app.to_dict() == client_of, "what was shown can be sent back"
basic = {"scheme": "httpbasic", "user": "door", "password": "hunter2"}
accounts = {"enabled": True, "idp_uid": idp.id, "remote_uri": "https://scim.example.com/v2", "authentication": basic}
saml = {"sp_entity_id": "saas", "consumer_service_url": "https://saas.example.com/acs"}
saas = access.applications.update(
    saas.id, account_id=account, type="saas", name="SDK saas", saas_app=saml, scim_config=accounts
)
assert saas.saas_app.sso_endpoint.endswith(f"/cdn-cgi/access/sso/saml/{saas.aud}") and saas.saas_app.idp_entity_id
assert saas.scim_config.authentication.to_dict() == {**basic, "password": "********"}
for wrong, text in [
    ({"authentication": {"scheme": "httpbasic", "user": "door"}}, "password is a required field"),
    ({"authentication": {**basic, "scheme": "oauth2", "client_id": "a", "client_secret": "b", "authorization_url": "https://a.example.com"}}, "token_url is a required field"),
    ({"mappings": [{"schema": "urn:example:Device"}]}, "invalid SCIM schema in mappings"),
]:
    named = {"type": "saas", "name": "x", "saas_app": saml, "scim_config": {**accounts, **wrong}}
    assert text in refused(cloudflare.BadRequestError, access.applications.create, **named).errors[0].message
access.applications.delete(saas.id, account_id=account)

tests = access.applications.policy_tests
everyone = {"name": "Everyone", "decision": "allow", "include": [{"everyone": {}}]}
begun = tests.create(account_id=account, policies=[policy.id, everyone])
assert begun.status == "success"
while (tried := tests.get(begun.id, account_id=account)).status == "processing":
    pass
assert (tried.status, tried.total_users, tried.percent_users_processed) == ("complete", 0, 100), "nobody was here yet"
assert list(tests.users.list(begun.id, account_id=account, status="success")) == []
refused(cloudflare.NotFoundError, access.applications.user_policy_checks.list, app.id)

page = access.custom_pages.create(account_id=account, name="SDK page", type="forbidden", custom_html="<p>no")
everywhere(access.custom_pages, page, lambda one: one.uid)
assert access.custom_pages.get(page.uid, account_id=account).custom_html == "<p>no"
changed = access.custom_pages.update(page.uid, account_id=account, name="SDK page", type="login", custom_html="<p>hi")
assert changed.type == "login"
access.custom_pages.delete(page.uid, account_id=account)

lists = trust.gateway.lists
emails = lists.create(account_id=account, name="SDK list", type="EMAIL", items=[{"value": "a@example.com"}])
assert emails.items[0].value == "a@example.com" and emails.id in [one.id for one in lists.list(account_id=account)]
lists.edit(emails.id, account_id=account, append=[{"value": "b@example.com"}], remove=["a@example.com"])
assert [one.value for one in lists.items.list(emails.id, account_id=account, per_page=1)] == ["b@example.com"]
assert lists.update(emails.id, account_id=account, name="SDK names").name == "SDK names"
assert lists.get(emails.id, account_id=account).count == 1
lists.delete(emails.id, account_id=account)

pem = subprocess.run(
    ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null"]
    + ["-subj", "/CN=SDK", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE"],
    capture_output=True, check=True, text=True,
).stdout
root = access.certificates.create(account_id=account, name="SDK root", certificate=pem, associated_hostnames=[host])
assert root.fingerprint.startswith("MD5") and root.expires_on and root.associated_hostnames == [host]
everywhere(access.certificates, root, by_id)
setting = {"hostname": host, "china_network": False, "client_certificate_forwarding": True}
[told] = access.certificates.settings.update(account_id=account, settings=[setting])
assert told.client_certificate_forwarding and [one.hostname for one in access.certificates.settings.get(account_id=account)] == [host]
refused(cloudflare.ConflictError, access.certificates.delete, root.id)
assert access.certificates.update(root.id, account_id=account, associated_hostnames=[]).associated_hostnames == []
access.certificates.delete(root.id, account_id=account)
told = {"enabled": True, "user_deprovision": True}
changed = trust.identity_providers.update(
    idp.id, account_id=account, name="SDK provider", type="oidc", config=config, scim_config=told
)
scim_secret = changed.scim_config.secret
assert scim_secret and changed.scim_config.scim_base_url.endswith("/scim/v2"), changed
again = trust.identity_providers.get(idp.id, account_id=account).scim_config
assert again.secret is None and again.identity_update_behavior == "no_action" and again.user_deprovision
assert [one.id for one in trust.identity_providers.list(account_id=account, scim_enabled="true")] == [idp.id]
assert list(trust.identity_providers.scim.users.list(idp.id, account_id=account)) == []
assert list(trust.identity_providers.scim.groups.list(idp.id, account_id=account)) == []

assert [one.id for one in client.accounts.list()] == [account] and client.accounts.get(account_id=account).id == account
[zone] = [one for one in client.zones.list() if host.endswith(one.name)] or [None]
if zone:
    assert client.zones.get(zone_id=zone.id).name == zone.name
    assert app.id in [one.id for one in access.applications.list(zone_id=zone.id)]
    assert access.groups.get(group.id, zone_id=zone.id).id == group.id

ca = access.applications.cas.create(app.id, account_id=account)
assert ca.aud == app.aud and ca.public_key.startswith("ecdsa-sha2-nistp256 AAAA")
assert access.applications.cas.get(app.id, account_id=account).public_key == ca.public_key
assert [one.id for one in access.applications.cas.list(account_id=account)] == [ca.id]
assert access.applications.cas.delete(app.id, account_id=account).id == ca.id

own = access.applications.policies.create(
    app.id, account_id=account, name="SDK own", decision="allow", include=[{"email": {"email": "a@example.com"}}]
)
assert own.precedence == 8
listed = [one.id for one in access.applications.policies.list(app.id, account_id=account)]
assert listed == [policy.id, app.policies[1].id, own.id]
assert access.applications.policies.get(own.id, account_id=account, app_id=app.id).id == own.id
changed = access.applications.policies.update(
    own.id, account_id=account, app_id=app.id, name="SDK changed", decision="allow", include=[{"everyone": {}}]
)
assert (changed.id, changed.name, changed.precedence) == (own.id, "SDK changed", 8)
assert access.applications.policies.delete(own.id, account_id=account, app_id=app.id).id == own.id

person = access.users.create(account_id=account, email="sdk@example.com", name="SDK person")
everywhere(access.users, person, by_id, email="sdk@example.com")
named = access.users.update(person.id, account_id=account, email="sdk@example.com", name="SDK somebody")
assert (named.id, named.name, named.access_seat) == (person.id, "SDK somebody", False)
[seat] = trust.seats.edit(
    account_id=account, body=[{"seat_uid": person.seat_uid, "access_seat": False, "gateway_seat": False}]
)
assert seat.access_seat is False
assert access.users.active_sessions.list(person.id, account_id=account).result == []
assert access.users.failed_logins.list(person.id, account_id=account).result == []
refused(cloudflare.NotFoundError, access.users.last_seen_identity.get, person.id)
refused(cloudflare.NotFoundError, access.users.active_sessions.get, "X1aXj1lFVcqqyoXF", user_id=person.id)
access.users.delete(person.id, account_id=account)
refused(cloudflare.NotFoundError, access.users.get, person.id)
lines = access.logs.access_requests.list(account_id=account, limit=5, direction="desc", email="sdk", email_exact=False)
assert lines == []

for used, resource in [(policy, access.policies), (group, access.groups), (robot, access.service_tokens), (idp, trust.identity_providers)]:
    refused(cloudflare.ConflictError, resource.delete, used.id)
refused(cloudflare.ConflictError, access.tags.delete, "sdk")

keys = access.keys.update(account_id=account, key_rotation_interval_days=60)
assert (keys.key_rotation_interval_days, access.keys.get(account_id=account).days_until_next_rotation) == (60, 60)
assert access.keys.rotate(account_id=account).last_key_rotation_at >= keys.last_key_rotation_at

team = trust.organizations.list(account_id=account)
changed = trust.organizations.update(
    account_id=account, name="SDK team", auth_domain=team.auth_domain, session_duration="12h", login_design={"header_text": "SDK"}
)
assert (changed.name, changed.session_duration, changed.login_design.header_text) == ("SDK team", "12h", "SDK")
changed = trust.organizations.update(account_id=account, name=team.name, session_duration=None)
assert (changed.name, changed.auth_domain) == (team.name, team.auth_domain)
refused(cloudflare.ConflictError, trust.organizations.create, name="x", auth_domain="x.cloudflareaccess.com")

lines = {(line.action.type, line.resource.type, line.resource.id): line for line in client.audit_logs.list(account_id=account)}
made = lines["create", "app", app.id]
assert made.action.result and made.actor.type == "user" and made.actor.ip and made.interface == "API", made
assert json.loads(made.new_value)["domain"] == host and made.old_value == "" and made.when
assert json.loads(lines["rotate", "service_token", robot.id].old_value)["name"] == "SDK machine"
assert lines["delete", "group", group.id].action.result is False, "what was refused is told too"
secrets = [robot.client_secret, rotated.client_secret, client_secret, scim_secret, "hunter2", token]
assert not any(secret in line.to_json() for line in lines.values() for secret in secrets)
removed = client.audit_logs.list(account_id=account, action={"type": "delete"}, direction="asc", per_page=2)
assert {line.action.type for line in removed} == {"delete"}

assert trust.organizations.revoke_users(account_id=account, email="a@example.com") is True

rest = [f"policies/{policy.id}", f"groups/{group.id}", f"service_tokens/{robot.id}", f"identity_providers/{idp.id}"]
left = {"app": app.id, "client_id": robot.client_id, "client_secret": rotated.client_secret, "rest": [*rest, "tags/sdk"]}
json.dump(left, sys.stdout)
