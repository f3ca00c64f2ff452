//! Files with something wrong, by the name of the snapshot that says what.

pub(super) const BAD: &[(&str, &str)] = &[
    ("syntax", "mode = \"emulator\"\n[listen\npublic = \n\n[team]\nname = 'acme\n"),
    (
        "unknown_keys",
        r#"
mode = "emulator"
tema = 1
[listen]
pubic = "127.0.0.1:1"
[team]
nmae = "acme"
colour = "red"
[[route]]
hostnmae = "wiki.localhost"
hostname = "wiki.localhost"
service = "http://127.0.0.1:1"
[[app]]
name = "Wiki"
domain = "wiki.localhost"
sesion_duration = "1h"
policies = [{ nam = "x", name = "All", decision = "allow", include = [{ everyone = {} }] }]
"#,
    ),
    (
        "wrong_values",
        r#"
mode = "emulater"
[listen]
public = 8080
admin = "somewhere"
trusted_proxies = "10.0.0.0/8"
[team]
name = "Acme Inc"
url = "login.example.com"
session_duration = "1 day"
[limits]
max_connections = -1
[api]
account_id = "ACME"
[[route]]
hostname = "wiki.localhost:80"
path = "/a/../b"
service = "ftp://127.0.0.1"
[[app]]
name = "Wiki"
type = "saas"
domain = "https://wiki.localhost"
same_site_cookie_attribute = "laxx"
logo_url = "http://example.com/logo.png"
custom_deny_url = "javascript:alert(1)"
auto_redirect_to_identity = "yes"
policies = [{ name = "", decision = "permit", include = [] }]
[[service_token]]
name = "robot"
client_id = "robot"
client_secret = "short"
duration = "24h"
[[user]]
email = "alice"
country = "Germany"
"#,
    ),
    (
        "rules",
        r#"
mode = "emulator"
[[user]]
email = "alice@example.com"
[[route]]
hostname = "wiki.localhost"
service = "http://127.0.0.1:3000"
[[group]]
name = "Staff"
include = [{ group = { id = "All" } }]
[[group]]
name = "All"
include = [{ group = { id = "Staff" } }]
[[app]]
name = "Wiki"
domain = "wiki.localhost"
allowed_idps = ["Keyclock"]
policies = [
  { name = "A", decision = "allow", precedence = 2, include = [{ emial = { email = "a@b.test" } }, { group = { id = "Staf" } }] },
  { name = "B", decision = "allow", include = [{ email = { mail = "a@b.test" } }, { ip = { ip = "10.0.0.0/33" } }, "everyone"] },
  { name = "C", decision = "allow", precedence = 2, include = [{ service_token = { token_id = "robot" } }, { email = { email = "x" }, everyone = {} }] },
]
"#,
    ),
    (
        "missing_environment",
        r#"
[team]
name = "acme"
[keys]
encryption_key = "${NO_KEY}"
[api]
token = "${NO_TOKEN}"
[listen]
admin = "0.0.0.0:8081"
[store]
url = "postgres://door:${NO_PASSWORD}@${NO_HOST}/door"
[[route]]
hostname = "${NO_NAME}.localhost"
service = "http://127.0.0.1:${NEVER_CLOSED"
"#,
    ),
    (
        "tcp_services",
        r#"
mode = "emulator"
[[route]]
hostname = "a.localhost"
service = "tcp://127.0.0.1"
[[route]]
hostname = "b.localhost"
service = "ssh://root@10.0.0.5"
[[route]]
hostname = "c.localhost"
service = "bastion"
[[route]]
hostname = "d.localhost"
service = "bastion"
allowed_destinations = ["10.0.0.5", "ssh://10.0.0.5", "10.0.0.0/33:22", "*:22", "10.0.0.5:22"]
[[route]]
hostname = "e.localhost"
service = "rdp://10.0.0.5"
allowed_destinations = ["10.0.0.5:22"]
"#,
    ),
    (
        "twice",
        r#"
mode = "emulator"
[team]
url = "http://dev.localhost:8787"
[[user]]
email = "alice@example.com"
[[user]]
email = "ALICE@example.com"
[[route]]
hostname = "wiki.localhost"
service = "http://127.0.0.1:3000"
[[route]]
hostname = "WIKI.localhost"
service = "http://127.0.0.1:3001"
[[route]]
hostname = "other.localhost"
service = "http://127.0.0.1:3001"
[[app]]
name = "Wiki"
domain = "wiki.localhost"
policies = [{ name = "All", decision = "allow", include = [{ everyone = {} }] }]
[[app]]
name = "Wiki"
domain = "wiki.localhost"
self_hosted_domains = ["nowhere.localhost/x", "dev.localhost"]
"#,
    ),
    (
        "providers",
        r#"
[team]
name = "acme"
[store]
url = "sqlite:///tmp/d.db"
[keys]
encryption_key = "${KEY}"
[[identity_provider]]
name = "One"
type = "oidc"
config = { client_id = "c", client_secret = "s", auth_url = "https://one.test/auth", tokn_url = "https://one.test/token" }
[[identity_provider]]
name = "Two"
type = "okta"
[[identity_provider]]
name = "Three"
type = "oidc"
issuer = "http://three.test/realm"
config = { client_id = "c", client_secret = "s" }
[[identity_provider]]
name = "Local"
type = "oidc"
issuer = "http://127.0.0.1:9000"
config = { client_id = "c", client_secret = "s" }
"#,
    ),
    (
        "n_05_unsafe_production",
        r#"
[listen]
public = "0.0.0.0:8080"
admin = "0.0.0.0:8080"
trusted_proxies = ["0.0.0.0/0", "10.0.0.0/8", "::/0"]
[team]
url = "http://login.example.com"
[keys]
encryption_key = "short"
[[route]]
hostname = "demo.example.com"
service = "demo"
[[identity_provider]]
name = "K"
type = "oidc"
config = { client_id = "c", client_secret = "s", auth_url = "https://k.test/a", token_url = "http://k.test/t", certs_url = "http://k.test/c" }
[[user]]
email = "alice@example.com"
"#,
    ),
    (
        "n_05_a_misspelt_mode_hides_nothing",
        "mode = \"prod\"\n[[user]]\nemail = \"alice@example.com\"\n[team]\nname = \"acme\"\nurl = \"http://a.test\"\n",
    ),
    (
        "never_met",
        r#"
mode = "emulator"
[[user]]
email = "alice@example.com"
[[route]]
hostname = "wiki.localhost"
service = "http://127.0.0.1:3000"
[[group]]
name = "Nobody"
[[app]]
name = "Wiki"
domain = "wiki.localhost"
policies = [
  { name = "A", decision = "bypass", include = [{ email = { email = "alice@example.com" } }, { ip = { ip = "::ffff:10.0.0.0/104" } }] },
  { name = "B", decision = "non_identity", include = [{ any_valid_service_token = {} }], require = [{ auth_method = { auth_method = "mfa" } }] },
  { name = "C", decision = "non_identity", include = [{ any_valid_service_token = {} }], exclude = [{ email_domain = { domain = "corp.test" } }] },
  { name = "D", decision = "allow", include = [{ ip = { ip = "::ffff:192.0.2.1" } }, { email = { email = "alice@example.com" } }] },
  { name = "E", decision = "allow", include = [] },
]
"#,
    ),
    (
        "host_names",
        r#"
mode = "emulator"
[listen]
admin_hosts = ["doorward:8081", "not a name"]
[[user]]
email = "alice@example.com"
[[route]]
hostname = "WIKI.example.com."
service = "localhost:3000"
[[route]]
hostname = "wiki,example.com"
service = "http://127.0.0.1:3000"
[[route]]
hostname = "dev.localhost"
service = "http://127.0.0.1:3000"
[[app]]
name = "Team"
domain = "dev.localhost"
policies = [{ name = "All", decision = "allow", include = [{ everyone = {} }] }]
"#,
    ),
    (
        "habits",
        r#"
mode = "emulator"
[[user]]
email = "alice@example.com"
[[identity_provider]]
name = "Keycloak"
type = "oidc"
issuer = "https://kc.example.com/realms/main/.well-known/openid-configuration"
config = { client_id = "c", client_secret = "s" }
[[route]]
hostname = "wiki.example.com"
service = "https://wiki.example.com"
[[app]]
name = "Wiki"
domain = "wiki.example.com"
policies = [
  { name = "A", decision = "allow", include = [{ email_domain = "example.com" }, { everyone = true }] },
]
"#,
    ),
    (
        "outside",
        r#"
mode = "emulator"
[listen]
tls = { cert = "/nowhere/cert.pem", key = "/nowhere/key.pem" }
[store]
url = "mysql://door:hunter2@db.test/door"
revocation_freshness = "5m"
[[user]]
email = "alice@example.com"
"#,
    ),
    ("l_06_no_encryption_key", "[team]\nname = \"acme\"\n"),
];
