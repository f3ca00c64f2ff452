//! Verdicts over a hundred policies of ten rules, of which the very last lets
//! the caller in, for a tool that counts instructions:
//!
//! `valgrind --tool=callgrind --toggle-collect='*verdicts*' PROGRAM 1000`
//!
//! The number of verdicts comes first, that of the caller's groups may follow.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::{Catalog, Parts};
use doorward_model::id::{AccountId, IdpId};
use doorward_model::identity::Identity;
use doorward_model::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use doorward_model::policy::Policy;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Lifetime;
use doorward_policy::{Facts, decide};
use serde_json::{Value, json};

const POLICIES: usize = 100;
const RULES: usize = 10;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (times, groups) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(0));
    let account = AccountId::derived("acme");
    let provider = IdpId::derived(&account, "Provider");
    let (app, catalog) = (Arc::new(app(&account, provider)), catalog(account, provider));
    let identity = identity(provider, groups);
    let facts =
        Facts { identity: Some(&identity), country: Some("PT"), ..Facts::of_nobody(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
    assert_eq!(decide(&app, &catalog, &facts).map(|permit| permit.policy().to_owned()), Ok("Policy 100".to_owned()));
    verdicts(times, &app, &catalog, &facts);
}

#[inline(never)]
fn verdicts(times: usize, app: &Arc<App>, catalog: &Catalog, facts: &Facts<'_>) {
    for _ in 0..times {
        let _verdict = black_box(decide(black_box(app), black_box(catalog), black_box(facts)));
    }
}

fn app(account: &AccountId, provider: IdpId) -> App {
    let policies = (1..=POLICIES).map(|number| policy(number, provider)).collect();
    App::new(account, "Wiki", vec!["wiki.example.com".parse().expect("a host")], policies)
}

fn policy(number: usize, provider: IdpId) -> Policy {
    let rule = |rule: usize| match rule % 5 {
        _ if (number, rule) == (POLICIES, RULES - 1) => json!({"email_domain": {"domain": "example.com"}}),
        0 => json!({"email": {"email": format!("person-{number}-{rule}@example.org")}}),
        1 => json!({"email_domain": {"domain": format!("unit-{number}-{rule}.example.org")}}),
        2 => json!({"ip": {"ip": format!("10.{number}.{rule}.0/24")}}),
        3 => json!({"geo": {"country_code": "DE"}}),
        _ => json!({"oidc": {
            "identity_provider_id": provider, "claim_name": "groups", "claim_value": format!("g-{number}-{rule}"),
        }}),
    };
    let include: Vec<Value> = (0..RULES).map(rule).collect();
    let id = uuid::Uuid::from_u128(number as u128);
    let json = json!({
        "id": id, "name": format!("Policy {number}"), "decision": "allow", "precedence": number, "include": include,
    });
    serde_json::from_value(json).expect("a policy")
}

fn identity(provider: IdpId, groups: usize) -> Identity {
    let groups: Vec<String> = (0..groups).map(|group| format!("group-{group}")).collect();
    let json = json!({
        "user_uuid": uuid::Uuid::nil(), "id": "somebody", "email": "somebody@example.com", "groups": groups,
        "idp": {"id": provider, "type": "oidc"}, "ip": "127.0.0.1", "iat": 0,
    });
    serde_json::from_value(json).expect("an identity")
}

fn catalog(account: AccountId, provider: IdpId) -> Catalog {
    let team = Team {
        account,
        name: "acme".into(),
        domain: "acme.cloudflareaccess.com".into(),
        url: "https://acme.cloudflareaccess.com".into(),
        host: "acme.cloudflareaccess.com".parse().expect("a host"),
        session_duration: Lifetime::from_hours(24),
    };
    let kind = IdpKind::Oidc(OidcProvider {
        client_id: "a".into(),
        client_secret: Secret::new("b".into()),
        endpoints: OidcEndpoints::Discovered { issuer: "https://idp.example.com".into() },
        scopes: vec![],
        claims: vec!["groups".into()],
        email_claim_name: None,
        pkce_enabled: true,
        trust_unverified_email: false,
    });
    let idps = vec![IdentityProvider { id: provider, name: "Provider".into(), kind }];
    Catalog::new(Parts { team, apps: vec![], groups: vec![], idps, service_tokens: vec![], routes: vec![] }, 1)
}
