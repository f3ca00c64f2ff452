//! Lists, roots of client certificates, and policies that applications share.

use doorward_model::document::AppPolicy;

use super::*;

const SHARED: &str = r#"
[[list]]
name = "Contractors"
type = "EMAIL"
items = ["Carol@x.test", { value = "dan@y.test", description = "until May" }]
[[list]]
name = "Offices"
type = "IP"
items = ["10.0.0.0/8", "2001:db8::1"]
[[policy]]
name = "Not them"
decision = "deny"
include = [{ email_list = { id = "Contractors" } }]
[[policy]]
name = "Office"
decision = "allow"
include = [{ everyone = {} }]
require = [{ ip_list = { id = "Offices" } }]
"#;

fn with_app(policies: &str) -> String {
    format!("{EMULATOR}{SHARED}[[app]]\nname = \"Notes\"\ndomain = \"wiki.localhost/notes\"\npolicies = {policies}\n")
}

#[test]
fn a_shared_policy_is_linked_and_has_its_place_in_the_application() {
    let config = read(&with_app(r#"["Not them", { id = "Office", precedence = 7 }]"#));
    let app = config.apps.iter().find(|app| app.name == "Notes").unwrap();
    let named: Vec<_> = app.policies.iter().map(|policy| (policy.name.as_str(), policy.precedence)).collect();
    assert_eq!(named, [("Not them", 1), ("Office", 7)]);
    let declared = config.declared(None);
    let (_, content) = declared.objects.iter().find(|(key, _)| *key.id == app.id.to_string()).unwrap();
    let document: doorward_model::document::AppDocument = serde_json::from_str(&content.document).unwrap();
    assert!(document.policies.iter().all(|policy| matches!(policy, AppPolicy::Link(_))), "{document:?}");
    let team = config.team(([127, 0, 0, 1], 80).into());
    let catalog = config.catalog(team, 1, None);
    assert_eq!(catalog.app(app.id).unwrap().policies, app.policies, "the same out of the store");
}

#[test]
fn lists_are_named_in_rules_and_kept_as_they_were_written() {
    let config = read(&with_app(r#"["Office"]"#));
    let contractors = &config.lists[0];
    assert_eq!(contractors.items[1].description.as_deref(), Some("until May"));
    let catalog = config.catalog(config.team(([127, 0, 0, 1], 80).into()), 1, None);
    let Rule::IpList(rule) = &config.policies[1].require[0] else { panic!("{:?}", config.policies) };
    assert_eq!(catalog.list(rule.id.parse().unwrap()).unwrap().name, "Offices");
}

#[test]
fn what_is_wrong_with_shared_things_is_said_at_its_line() {
    let own = r#"{ name = "Own", decision = "allow", include = [{ everyone = {} }] }"#;
    // With what stands on the line that is wrong.
    for (text, at, words) in [
        (with_app(r#"["Offce"]"#), "Offce", "there is no reusable policy \"Offce\"; did you mean \"Office\"?"),
        (with_app(&format!("[\"Office\", {own}]")), "policies = [\"Office\"", "all of the application's own"),
        (
            with_app(r#"[{ id = "Office", precedence = 2 }, { id = "Not them", precedence = 2 }]"#),
            "precedence = 2",
            "precedence 2 is taken",
        ),
        (with_app("[7]"), "[7]", "a list of names and tables"),
        (with_app("[]").replace("dan@y.test", "dan"), "\"dan\"", "\"dan\": not an e-mail address"),
        (with_app("[]").replace("2001:db8::1", "10.0.0.0/99"), "/99", "is not a network"),
        (with_app("[]").replace("\"IP\"", "\"SERIAL\""), "SERIAL", "write EMAIL or IP"),
        (
            with_app("[]").replace("id = \"Offices\"", "id = \"Contractors\""),
            "ip_list = { id = \"Contractors\"",
            "there is no list of type IP \"Contractors\"",
        ),
        (
            with_app("[]").replace("decision = \"deny\"", "decision = \"deny\"\nprecedence = 3"),
            "[[policy]]",
            "has no precedence",
        ),
    ] {
        let said = problems(&text);
        let line = 1 + text.lines().position(|line| line.contains(at)).unwrap();
        let place = format!("doorward.toml:{line}: ");
        assert!(said.lines().any(|at| at.starts_with(&place) && at.contains(words)), "{place}{words}:\n{said}");
    }
}

#[test]
fn a_root_of_client_certificates_is_one_certificate_of_an_authority() {
    let root = |lines: &str| format!("{EMULATOR}[[certificate]]\nname = \"Clients\"\n{lines}\n");
    let made = |is_ca| {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = is_ca;
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    let pem = made(rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let hosts = "associated_hostnames = [\"API.example.com\"]\nclient_certificate_forwarding = true";
    let config = read(&root(&format!("certificate = \"\"\"{pem}\"\"\"\n{hosts}")));
    assert_eq!(config.roots[0].associated_hostnames, ["api.example.com"]);
    let catalog = config.catalog(config.team(([127, 0, 0, 1], 80).into()), 1, None);
    assert!(catalog.roots_of("api.example.com")[0].forwards_on("api.example.com"), "the same out of the store");
    for (lines, words) in [
        (hosts.to_owned(), "the certificate is missing"),
        ("certificate = \"nothing\"".to_owned(), "there is no PEM certificate"),
        (format!("certificate = \"\"\"{pem}{pem}\"\"\""), "several certificates"),
        ("certificate_file = \"/nowhere/ca.pem\"".to_owned(), "/nowhere/ca.pem cannot be read"),
        (format!("certificate = \"\"\"{pem}\"\"\"\nassociated_hostnames = [\"*.example.com\"]"), "*.example.com"),
    ] {
        let said = problems(&root(&lines));
        assert!(said.contains(words), "{words}:\n{said}");
    }
}

#[test]
fn a_database_of_countries_must_be_one() {
    let said = problems(&format!("{EMULATOR}[geo]\ndatabase = \"/nowhere/country.mmdb\"\n"));
    assert!(said.contains("/nowhere/country.mmdb cannot be used"), "{said}");
}
