//! One verdict: an application with a hundred policies of ten rules each, of
//! which the very last lets the caller in.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use doorward_model::id::UserId;
use doorward_model::identity::{Identity, IdpRef};
use doorward_policy::{Facts, decide};
use doorward_server::config::{self, Config};

use crate::Outcome;
use crate::report::{Goal, Report};
use crate::section::Bench;
use crate::spread::Spread;

const POLICIES: usize = 100;
const RULES: usize = 10;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let config = configuration()?;
    let catalog = config.catalog(config.team(([127, 0, 0, 1], 80).into()), 1, None);
    let app = catalog.apps().next().ok_or("the configuration has an application")?.clone();
    let provider = catalog.idps().next().ok_or("the configuration has a provider")?;
    let identity = Identity {
        user_uuid: UserId::random(),
        id: "somebody".into(),
        email: "somebody@example.com".parse()?,
        name: None,
        groups: Vec::new(),
        amr: Vec::new(),
        idp: IdpRef { id: provider.id, kind: "oidc".into() },
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        country: None,
        oidc_fields: serde_json::Map::new(),
        saml_attributes: serde_json::Map::new(),
        evaluations: Vec::new(),
        iat: 0,
    };
    let facts =
        Facts { identity: Some(&identity), country: Some("PT"), ..Facts::of_nobody(IpAddr::V4(Ipv4Addr::LOCALHOST)) };
    if decide(&app, &catalog, &facts).is_err() {
        return Err("the last policy lets the caller in".into());
    }
    let times = if bench.settings.quick { 2_000 } else { 20_000 };
    let batch = || {
        let began = Instant::now();
        for _ in 0..times {
            let _verdict = black_box(decide(black_box(&app), black_box(&catalog), black_box(&facts)));
        }
        began.elapsed().as_secs_f64() * 1e6 / f64::from(times)
    };
    let micros = Spread::of((0..9).map(|_| batch()));
    let goal = Goal::AtMost(5.0, 50.0);
    report.figure("one verdict over 100 policies of 10 rules", micros.median(), &micros.to_string(), " µs", goal);
    Ok(())
}

fn configuration() -> Outcome<Config> {
    let rules = |policy: usize| -> Vec<String> {
        (0..RULES)
            .map(|rule| match rule % 5 {
                0 => format!("{{ email = {{ email = \"person-{policy}-{rule}@example.org\" }} }}"),
                1 => format!("{{ email_domain = {{ domain = \"unit-{policy}-{rule}.example.org\" }} }}"),
                2 => format!("{{ ip = {{ ip = \"10.{policy}.{rule}.0/24\" }} }}"),
                3 => "{ geo = { country_code = \"DE\" } }".to_owned(),
                _ => format!(
                    "{{ oidc = {{ identity_provider_id = \"Provider\", claim_name = \"groups\", claim_value = \"g-{policy}-{rule}\" }} }}"
                ),
            })
            .collect()
    };
    let mut policies: Vec<String> = (1..POLICIES)
        .map(|n| format!("{{ name = \"Policy {n}\", decision = \"allow\", include = [{}] }}", rules(n).join(", ")))
        .collect();
    let last = [rules(0), vec!["{ email_domain = { domain = \"example.com\" } }".to_owned()]].concat()[1..].join(", ");
    policies.push(format!("{{ name = \"Last\", decision = \"allow\", include = [{last}] }}"));
    let text = format!(
        "mode = \"production\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         [team]\nname = \"acme\"\nurl = \"https://acme.example.com\"\n[store]\nurl = \"sqlite:///dev/null\"\n\
         [keys]\nencryption_key = \"0123456789abcdef0123456789abcdef\"\n\
         [[identity_provider]]\nname = \"Provider\"\ntype = \"oidc\"\nissuer = \"https://idp.example.com\"\n\
         config = {{ client_id = \"a\", client_secret = \"b\", claims = [\"groups\"] }}\n\
         [[route]]\nhostname = \"wiki.example.com\"\nservice = \"http://127.0.0.1:1\"\n\
         [[app]]\nname = \"Wiki\"\ndomain = \"wiki.example.com\"\npolicies = [{}]\n",
        policies.join(", ")
    );
    config::parse(&text, "verdict", &|_| None).map_err(|problems| problems.to_string().into())
}
