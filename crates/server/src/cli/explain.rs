//! `doorward explain`: the verdict on one request, from the file alone.

use std::process::ExitCode;
use std::sync::Arc;

use doorward_emulator::Emulator;
use doorward_model::catalog::Catalog;
use doorward_model::host::Host;
use doorward_model::id::{AppId, ServiceTokenId, UserId};
use doorward_model::identity::{Identity, IdentityGroup, IdpRef};
use doorward_model::path::NormPath;
use doorward_model::secret::Secret;
use doorward_model::time::Clock;
use doorward_policy::Facts;
use serde_json::{Map, Value, json};

use super::{ExplainArgs, complain, configuration, say};
use crate::config::Config;

pub(super) fn run(args: &ExplainArgs) -> ExitCode {
    let config = match configuration(&args.config.config) {
        Ok(config) => config,
        Err(refused) => return refused,
    };
    match explained(&config, args) {
        Ok(answer) => {
            say(answer);
            ExitCode::SUCCESS
        }
        Err(problem) => {
            complain(&format!("doorward explain: {problem}"));
            ExitCode::from(2)
        }
    }
}

fn explained(config: &Config, args: &ExplainArgs) -> Result<String, String> {
    let team = config.team(config.listen.public);
    let built_in = config
        .has_built_in_provider()
        .then(|| Emulator::provider(&team, &Secret::random(), doorward_emulator::claim_names(&config.users)));
    let catalog = config.catalog(team, 0, built_in);
    let (host, path) = address(&args.url)?;
    let identity = args.user.as_ref().map(|_| identity(&catalog, args)).transpose()?;
    let service_token = args.service_token.as_deref().map(|name| service_token(&catalog, name)).transpose()?;
    let linked_app = args.linked_app.as_deref().map(|name| linked_app(&catalog, name)).transpose()?;
    let facts = Facts {
        certificate: args.common_name.as_deref(),
        linked_app,
        identity: identity.as_ref(),
        service_token,
        country: args.country.as_deref(),
        ..Facts::of_nobody(args.ip.to_canonical())
    };
    let Some(app) = catalog.app_at(&host, &path) else {
        let answer = json!({ "verdict": "deny", "app": null, "policy": null, "trace": [] });
        let text = format!("deny: no application covers {host}{path}, and what no application covers is refused");
        return Ok(if args.json { answer.to_string() } else { text });
    };
    let explanation = doorward_policy::explain(&Arc::clone(app), &catalog, &facts);
    if args.json {
        return serde_json::to_string(&explanation).map_err(|error| error.to_string());
    }
    Ok(explanation.to_string())
}

fn address(url: &url::Url) -> Result<(Host, NormPath), String> {
    let authority = url.host_str().map(|host| match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    });
    let host = authority.unwrap_or_default().parse().map_err(|error| format!("{url}: {error}"))?;
    let path = url.path().parse().map_err(|error| format!("{url}: {error}"))?;
    Ok((host, path))
}

fn identity(catalog: &Catalog, args: &ExplainArgs) -> Result<Identity, String> {
    let email = args.user.clone().ok_or("--user is needed")?;
    let idp = match &args.idp {
        Some(name) => catalog.idps().find(|idp| idp.name == *name || idp.id.to_string() == *name),
        None => catalog.idps().next(),
    };
    let idp = idp.ok_or_else(|| match &args.idp {
        Some(name) => format!("--idp: the file has no [[identity_provider]] named \"{name}\""),
        None => "the file has no [[identity_provider]] that --user could have signed in with".to_owned(),
    })?;
    Ok(Identity {
        user_uuid: UserId::derived(&catalog.team().account, email.as_str()),
        id: email.to_string(),
        email,
        name: None,
        groups: args.group.iter().cloned().map(IdentityGroup::Name).collect(),
        amr: methods(args),
        idp: IdpRef { id: idp.id, kind: idp.type_name().to_owned() },
        ip: args.ip.to_canonical(),
        country: args.country.clone(),
        oidc_fields: claims(args),
        saml_attributes: serde_json::Map::new(),
        evaluations: Vec::new(),
        iat: Clock::system().now().secs(),
    })
}

/// `--group` is the claim `groups` as well, unless `--claim groups=…` says otherwise.
fn claims(args: &ExplainArgs) -> Map<String, Value> {
    let mut claims = Map::new();
    if !args.group.is_empty() {
        claims.insert("groups".into(), json!(args.group));
    }
    for (name, value) in &args.claim {
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.clone()));
        claims.insert(name.clone(), value);
    }
    claims
}

/// `--claim amr=mfa` is how they proved who they are.
fn methods(args: &ExplainArgs) -> Vec<String> {
    let values = args.claim.iter().filter(|(name, _)| name == "amr");
    values.flat_map(|(_, value)| serde_json::from_str(value).unwrap_or_else(|_| vec![value.clone()])).collect()
}

fn linked_app(catalog: &Catalog, name: &str) -> Result<AppId, String> {
    catalog
        .apps()
        .find(|app| app.name == name || app.id.to_string() == name)
        .map(|app| app.id)
        .ok_or_else(|| format!("--linked-app: the file has no [[app]] named \"{name}\""))
}

fn service_token(catalog: &Catalog, name: &str) -> Result<ServiceTokenId, String> {
    catalog
        .service_tokens()
        .find(|token| token.name == name || token.id.to_string() == name)
        .map(|token| token.id)
        .ok_or_else(|| format!("--service-token: the file has no [[service_token]] named \"{name}\""))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config;

    const FILE: &str = r#"
mode = "emulator"
[[user]]
email = "alice@example.com"
[[service_token]]
name = "robot"
client_secret = "0123456789abcdef0123456789abcdef"
[[route]]
hostname = "*.test"
service = "http://127.0.0.1:3000"
[[app]]
name = "Wiki"
domain = "wiki.test"
policies = [
  { name = "Robots", decision = "non_identity", include = [{ service_token = { token_id = "robot" } }] },
  { name = "Machines", decision = "non_identity", include = [{ common_name = { common_name = "press" } }, { linked_app_token = { app_uid = "Hooks" } }] },
  { name = "No guests", decision = "deny", include = [{ email = { email = "guest@example.com" } }] },
  { name = "Admins", decision = "allow", include = [{ oidc = { claim_name = "groups", claim_value = "admins", identity_provider_id = "Built-in people" } }], require = [{ ip = { ip = "10.0.0.0/8" } }] },
  { name = "Sales", decision = "allow", include = [{ oidc = { claim_name = "team", claim_value = "sales", identity_provider_id = "Built-in people" } }] },
  { name = "Germans", decision = "allow", include = [{ email_domain = { domain = "example.de" } }], require = [{ geo = { country_code = "DE" } }] },
]
[[app]]
name = "Hooks"
domain = "wiki.test/hooks"
policies = [{ name = "Anybody", decision = "bypass", include = [{ everyone = {} }] }]
"#;

    #[derive(clap::Parser)]
    struct Typed {
        #[command(flatten)]
        args: ExplainArgs,
    }

    fn answer(flags: &str) -> Result<Value, String> {
        let config = config::parse(FILE, "doorward.toml", &|_| None).unwrap_or_else(|problems| panic!("{problems}"));
        let words = ["explain", "--config", "doorward.toml", "--json"].into_iter().chain(flags.split_whitespace());
        let typed = Typed::try_parse_from(words).map_err(|error| error.to_string())?;
        explained(&config, &typed.args).map(|text| serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn the_verdict_follows_from_who_asks_and_from_where() {
        for (flags, verdict, policy) in [
            ("https://wiki.test/", "login", None),
            ("https://wiki.test/hooks/x", "bypass", Some("Anybody")),
            ("--service-token robot https://wiki.test/", "service_auth", Some("Robots")),
            ("--common-name press https://wiki.test/", "service_auth", Some("Machines")),
            ("--common-name other https://wiki.test/", "login", None),
            ("--linked-app Hooks https://wiki.test/", "service_auth", Some("Machines")),
            ("--linked-app Wiki https://wiki.test/", "login", None),
            ("--user alice@example.com https://wiki.test/", "deny", None),
            ("--user alice@example.com --group admins https://wiki.test/", "deny", None),
            ("--user alice@example.com --group admins --ip 10.1.2.3 https://wiki.test/", "allow", Some("Admins")),
            ("--user alice@example.com --claim team=sales https://wiki.test:8443/a?b", "allow", Some("Sales")),
            ("--user alice@example.com --claim team=[\"x\",\"sales\"] https://wiki.test/", "allow", Some("Sales")),
            ("--user guest@example.com --claim team=sales https://wiki.test/", "deny", Some("No guests")),
            ("--user hans@example.de --country de https://wiki.test/", "allow", Some("Germans")),
            ("--user hans@example.de --country fr https://wiki.test/", "deny", None),
        ] {
            let answer = answer(flags).unwrap();
            assert_eq!((&answer["verdict"], answer["policy"].as_str()), (&json!(verdict), policy), "{flags}: {answer}");
            assert!(!answer["trace"].as_array().unwrap().is_empty(), "{flags}");
        }
    }

    #[test]
    fn what_no_application_covers_is_denied_without_a_name() {
        let expected = json!({ "verdict": "deny", "app": null, "policy": null, "trace": [] });
        assert_eq!(answer("https://other.test/").unwrap(), expected);
    }

    #[test]
    fn a_name_that_the_file_does_not_have_is_named() {
        for (flags, what) in [
            ("--user alice@example.com --idp Okta https://wiki.test/", "Okta"),
            ("--service-token rob https://wiki.test/", "rob"),
            ("--linked-app Blog https://wiki.test/", "Blog"),
            ("--group admins https://wiki.test/", "--user"),
        ] {
            let problem = answer(flags).unwrap_err();
            assert!(problem.contains(what), "{flags}: {problem}");
        }
    }
}
