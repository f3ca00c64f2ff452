//! What files are read as, and what is said about the ones that cannot be.

mod bad;
mod settings;
mod shared;

use doorward_model::app::Refresh;
use doorward_model::idp::{IdpKind, OidcEndpoints};
use doorward_model::rule::Rule;

use self::bad::BAD;
use super::*;

/// The sample of the documentation, with the parts a reader is meant to fill in.
const SAMPLE: &str = r#"
mode = "production"
[listen]
public = "0.0.0.0:8080"
admin  = "127.0.0.1:8081"
[team]
name   = "acme"
domain = "acme.cloudflareaccess.com"
[store]
url = "sqlite:///var/lib/doorward/doorward.db"
[keys]
encryption_key = "${DOORWARD_ENCRYPTION_KEY}"
[api]
token = "${DOORWARD_API_TOKEN}"
account_id = "0123456789abcdef0123456789abcdef"
[[route]]
hostname = "wiki.example.com"
service  = "http://127.0.0.1:3000"
[[identity_provider]]
name = "Keycloak"
type = "oidc"
config = { client_id = "door", client_secret = "${KC_SECRET}", auth_url = "https://kc.example.com/auth", token_url = "https://kc.example.com/token", certs_url = "https://kc.example.com/certs", scopes = ["openid","email","profile","groups"], claims = ["groups"], pkce_enabled = true }
[[group]]
name = "Staff"
include = [{ email_domain = { domain = "example.com" } }]
[[app]]
name = "Wiki"
type = "self_hosted"
domain = "wiki.example.com"
session_duration = "24h"
allowed_idps = ["Keycloak"]
policies = [
  { name = "Staff", decision = "allow", include = [{ group = { id = "Staff" } }], exclude = [{ email = { email = "intern@example.com" } }] },
]
"#;

/// The smallest emulator that has nothing to complain about.
const EMULATOR: &str = r#"
mode = "emulator"
[[user]]
email = "alice@example.com"
[[route]]
hostname = "wiki.localhost"
service = "http://127.0.0.1:3000"
[[app]]
name = "Wiki"
domain = "wiki.localhost"
policies = [{ name = "All", decision = "allow", include = [{ everyone = {} }] }]
"#;

fn environment(name: &str) -> Option<String> {
    name.chars().all(|c| c.is_ascii_uppercase() || c == '_').then(|| "0123456789abcdef".repeat(2))
}

fn read(text: &str) -> Config {
    parse(text, "doorward.toml", &environment).unwrap_or_else(|problems| panic!("{problems}"))
}

fn problems(text: &str) -> String {
    match parse(text, "doorward.toml", &|name| environment(name).filter(|_| !name.starts_with("NO_"))) {
        Ok(config) => panic!("taken: {:?}", config.warnings),
        Err(problems) => problems.to_string(),
    }
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)).unwrap()
}

#[test]
fn the_documented_sample_is_taken_as_it_stands() {
    let config = read(SAMPLE);
    let app = &config.apps[0];
    assert_eq!(config.warnings, []);
    assert_eq!(app.refresh, Refresh::Edge, "in production the edge renews");
    assert_eq!(app.allowed_idps, [config.idps[0].id], "a name stands for an id");
    let Rule::Group(group) = &app.policies[0].include[0] else { panic!("{:?}", app.policies) };
    assert_eq!(group.id, config.groups[0].id.to_string());
    let team = config.team(config.listen.public);
    assert_eq!(team.url, "https://acme.cloudflareaccess.com");
    assert_eq!(config.issuers(&team), ["https://acme.cloudflareaccess.com"], "exactly one in production");
}

#[test]
fn the_example_files_are_taken_without_a_warning() {
    for path in ["examples/doorward.toml", "examples/emulator.toml"] {
        assert_eq!(read(&file(path)).warnings, [], "{path}");
    }
}

#[test]
fn an_emulator_is_reached_below_localhost_on_the_port_it_got() {
    let config = read(EMULATOR);
    let team = config.team("127.0.0.1:4711".parse().unwrap());
    assert_eq!(team.url, "http://dev.localhost:4711");
    assert_eq!(config.issuers(&team), ["http://dev.localhost:4711", "https://dev.cloudflareaccess.com"]);
    assert_eq!(config.apps[0].refresh, Refresh::Access);
    let named = read(
        &format!("[team]\nname = \"acme\"\nurl = \"http://acme.localhost:0\"\n{EMULATOR}")
            .replacen("mode = \"emulator\"", "", 1)
            .replacen("[team]", "mode = \"emulator\"\n[team]", 1),
    );
    assert_eq!(named.team("127.0.0.1:4711".parse().unwrap()).url, "http://acme.localhost:4711");
}

#[test]
fn the_built_in_people_step_aside_for_a_provider_of_the_files_own() {
    let provider = "[[identity_provider]]\nname = \"K\"\ntype = \"oidc\"\nissuer = \"https://k.test/\"\n\
                    config = { client_id = \"c\", client_secret = \"s\" }\n";
    let without_people = EMULATOR.replace("[[user]]\nemail = \"alice@example.com\"\n", "");
    assert!(read(EMULATOR).has_built_in_provider());
    assert!(read(&format!("{EMULATOR}{provider}")).has_built_in_provider());
    let config = read(&format!("{without_people}{provider}"));
    assert!(!config.has_built_in_provider());
    let IdpKind::Oidc(oidc) = &config.idps[0].kind;
    assert_eq!(oidc.endpoints, OidcEndpoints::Discovered { issuer: "https://k.test/".into() }, "as written");
}

#[test]
fn names_stand_for_ids_in_every_selector_that_takes_one() {
    let config = read(&EMULATOR.replace(
        "include = [{ everyone = {} }]",
        "include = [{ login_method = { id = \"Built-in people\" } }, { service_token = { token_id = \"robot\" } }, \
         { oidc = { claim_name = \"a\", claim_value = \"b\", identity_provider_id = \"Built-in people\" } }]",
    ).replace("[[route]]", "[[service_token]]\nname = \"robot\"\nclient_secret = \"${ANY}\"\n[[route]]"));
    let written = serde_json::to_string(&config.apps[0].policies[0].include).unwrap();
    assert!(!written.contains("Built-in") && !written.contains("robot"), "{written}");
}

#[test]
fn a_service_token_ends_when_the_file_says() {
    let token = |more: &str| {
        let text = format!("{EMULATOR}[[service_token]]\nname = \"r\"\nclient_secret = \"${{ANY}}\"\n{more}\n");
        read(&text).service_tokens[0].expires_at.map(|end| end.to_rfc3339())
    };
    assert_eq!(token("expires_at = 2027-01-01T00:00:00Z").as_deref(), Some("2027-01-01T00:00:00Z"));
    assert_eq!(
        token("created_at = \"2027-01-01T00:00:00Z\"\nduration = \"24h\"").as_deref(),
        Some("2027-01-02T00:00:00Z")
    );
    assert_eq!(token("duration = \"forever\""), None);
}

#[test]
fn every_problem_of_a_file_is_listed_with_its_line_and_the_mend() {
    for (name, text) in BAD {
        insta::with_settings!({ omit_expression => true, description => *text }, {
            insta::assert_snapshot!(*name, problems(text));
        });
    }
}
