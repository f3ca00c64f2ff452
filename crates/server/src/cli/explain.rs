//! `doorward explain`: the verdict on one request, from the file alone.

use std::process::ExitCode;
use std::sync::Arc;

use doorward_emulator::Emulator;
use doorward_model::catalog::Catalog;
use doorward_model::host::Host;
use doorward_model::id::{ServiceTokenId, UserId};
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
    let facts = Facts {
        identity: identity.as_ref(),
        service_token,
        client_ip: args.ip.to_canonical(),
        country: args.country.as_deref(),
    };
    let Some(app) = catalog.app_at(&host, &path) else {
        let answer = json!({ "verdict": "deny", "app": null, "policy": null, "trace": [] });
        let text = format!("deny\n  no application covers {host}{path}, and what no application covers is refused");
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
        amr: Vec::new(),
        idp: IdpRef { id: idp.id, kind: idp.type_name().to_owned() },
        ip: args.ip.to_canonical(),
        country: args.country.clone(),
        oidc_fields: claims(args),
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

fn service_token(catalog: &Catalog, name: &str) -> Result<ServiceTokenId, String> {
    catalog
        .service_tokens()
        .find(|token| token.name == name || token.id.to_string() == name)
        .map(|token| token.id)
        .ok_or_else(|| format!("--service-token: the file has no [[service_token]] named \"{name}\""))
}
