//! What is lost on the way opens nothing: of accounts made up by chance, the
//! imported file admits nobody whom the account did not admit.
//!
//! The account is read anew here, as strictly as it could be meant: whatever
//! this reading does not know is unknown, and what is unknown never opens.

use std::net::IpAddr;
use std::sync::LazyLock;

use doorward_carry::Account;
use doorward_model::catalog::Catalog;
use doorward_model::id::UserId;
use doorward_model::identity::{Identity, IdpRef};
use doorward_policy::Facts;
use ipnet::IpNet;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::*;

const OKTA: &str = "00000000-0000-4000-8000-000000000001";
const OIDC: &str = "00000000-0000-4000-8000-000000000002";
const SAML: &str = "00000000-0000-4000-8000-000000000003";
const ROBOT: &str = "00000000-0000-4000-8000-000000000004";
const LEADS: &str = "00000000-0000-4000-8000-000000000005";
const OFFICES: &str = "00000000-0000-4000-8000-000000000006";
const NOBODY: &str = "00000000-0000-4000-8000-000000000007";
const ROOT: &str = "00000000-0000-4000-8000-000000000008";
/// Groups are numbered from here on, then the policies that are shared.
const GROUPS: [&str; 2] = ["00000000-0000-4000-8000-000000000011", "00000000-0000-4000-8000-000000000012"];
const SHARED: [&str; 2] = ["00000000-0000-4000-8000-000000000021", "00000000-0000-4000-8000-000000000022"];

const ADDRESSES: [&str; 5] = ["*.test", "a.test", "a.test/x", "b.test", "b.test/x"];
const REQUESTS: [(&str, &str); 5] =
    [("a.test", "/"), ("a.test", "/x/y"), ("b.test", "/x"), ("b.test", "/"), ("c.test", "/x")];

/// Who asks: somebody who signed in, a machine, or nobody in particular.
#[derive(Clone, Copy, Debug)]
struct Caller {
    signed_in: Option<(&'static str, &'static str)>,
    robot: bool,
    certificate: bool,
    ip: &'static str,
}

const ANYBODY: Caller = Caller { signed_in: None, robot: false, certificate: false, ip: "192.0.2.1" };
const CALLERS: [Caller; 7] = [
    ANYBODY,
    Caller { ip: "10.1.2.3", ..ANYBODY },
    Caller { robot: true, ..ANYBODY },
    Caller { certificate: true, ..ANYBODY },
    Caller { signed_in: Some(("alice@corp.test", OKTA)), ..ANYBODY },
    Caller { signed_in: Some(("lead@corp.test", OIDC)), ip: "10.1.2.3", ..ANYBODY },
    Caller { signed_in: Some(("eve@evil.test", OKTA)), certificate: true, ..ANYBODY },
];

/// The account, read strictly.
struct Strictly<'a>(&'a Account);

/// A rule's answer; none is unknown.
type Met = Option<bool>;

fn all(answers: impl IntoIterator<Item = Met>) -> Met {
    let answers: Vec<Met> = answers.into_iter().collect();
    let unless_unknown = (!answers.contains(&None)).then_some(true);
    if answers.contains(&Some(false)) { Some(false) } else { unless_unknown }
}

fn one(answers: impl IntoIterator<Item = Met>) -> Met {
    all(answers.into_iter().map(|met| met.map(|met| !met))).map(|none| !none)
}

impl Strictly<'_> {
    fn admits(&self, caller: Caller, host: &str, path: &str) -> bool {
        let Some(app) = self.at(host, path) else { return false };
        let policies = app["policies"].as_array().unwrap();
        let decided = |policy: &Value, decision: &str| policy["decision"] == decision;
        // Bypass and Service Auth know nobody by name.
        let unnamed = Caller { signed_in: None, ..caller };
        let proven = caller.robot || caller.certificate;
        let opens = |policy: &&Value| {
            (decided(policy, "bypass") || decided(policy, "non_identity") && proven)
                && !asks(policy)
                && self.lists(policy, unnamed) == Some(true)
        };
        policies.iter().any(|policy| opens(&policy)) || self.admits_people(app, policies, caller)
    }

    /// Allow and Block, in their order.
    fn admits_people(&self, app: &Value, policies: &[Value], caller: Caller) -> bool {
        let Some((_, provider)) = caller.signed_in else { return false };
        let allowed = app["allowed_idps"].as_array().filter(|allowed| !allowed.is_empty());
        let is_let = allowed.is_none_or(|allowed| allowed.contains(&json!(provider)));
        let person = Caller { robot: false, ..caller };
        for policy in policies {
            match (policy["decision"].as_str().unwrap(), self.lists(policy, person)) {
                ("bypass" | "non_identity", _) => {}
                ("allow", Some(true)) => return is_let && !asks(policy) && !is_set(&app["mfa_config"]),
                ("allow", None) if !asks(policy) => {}
                (_, Some(false)) => {}
                // What blocks, what may, and what may ask.
                _ => return false,
            }
        }
        false
    }

    /// The application that covers the most of the address.
    fn at(&self, host: &str, path: &str) -> Option<&Value> {
        let served = |app: &&Value| ["self_hosted", "ssh"].contains(&app["type"].as_str().unwrap());
        let covers = |app: &&Value| {
            let (on, below) = domain(app);
            (on == host || on == "*.test")
                && (below.is_empty() || path == below || path.starts_with(&format!("{below}/")))
        };
        let apps = self.0.apps.iter().filter(served).filter(covers);
        apps.max_by_key(|app| (domain(app).0 == host, domain(app).1.len()))
    }

    fn lists(&self, document: &Value, caller: Caller) -> Met {
        let answers = |list: &str| -> Vec<Met> {
            document[list].as_array().into_iter().flatten().map(|rule| self.rule(rule, caller)).collect()
        };
        let excluded = one(answers("exclude"));
        all([one(answers("include")), all(answers("require")), excluded.map(|excluded| !excluded)])
    }

    fn rule(&self, rule: &Value, caller: Caller) -> Met {
        let fields = rule.as_object().unwrap();
        let (selector, value) = fields.iter().next().filter(|_| fields.len() == 1)?;
        value.as_object().filter(|value| !value.contains_key("also"))?;
        let text = |field: &str| value[field].as_str().unwrap_or_default();
        let of_person = |met: &dyn Fn(&str, &str) -> bool| caller.signed_in.map(|(email, idp)| met(email, idp));
        let ip: IpAddr = caller.ip.parse().unwrap();
        let within = |net: &str| net.parse::<IpNet>().unwrap().contains(&ip);
        match selector.as_str() {
            "everyone" => Some(true),
            "email" => of_person(&|email, _| email == text("email")),
            "email_domain" => of_person(&|email, _| email.ends_with(&format!("@{}", text("domain")))),
            "ip" => Some(within(text("ip"))),
            "ip_list" => Some(self.list(text("id"))?.iter().any(|net| within(net))),
            "email_list" => {
                let list = self.list(text("id"))?;
                of_person(&|email, _| list.contains(&email))
            }
            "login_method" => of_person(&|_, idp| idp == text("id")),
            "service_token" if text("token_id") == ROBOT => Some(caller.robot),
            "any_valid_service_token" => Some(caller.robot),
            "certificate" => Some(caller.certificate),
            "group" => self.lists(self.0.groups.iter().find(|group| group["id"] == text("id"))?, caller),
            // Nobody here signed in with that provider.
            "saml" => caller.signed_in.map(|_| false),
            _ => None,
        }
    }

    fn list(&self, id: &str) -> Option<Vec<&str>> {
        let list = self.0.lists.iter().find(|list| list["id"] == id)?;
        list["items"].as_array().unwrap().iter().map(|item| item["value"].as_str()).collect()
    }
}

fn domain(app: &Value) -> (&str, &str) {
    let domain = app["domain"].as_str().unwrap();
    domain.find('/').map_or((domain, ""), |slash| domain.split_at(slash))
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// Whether there is something to be done before the policy lets anybody in.
fn asks(policy: &Value) -> bool {
    let flags = ["isolation_required", "mfa_config", "purpose_justification_required", "approval_required"];
    flags.into_iter().any(|flag| is_set(&policy[flag]))
}

fn any_rule(groups: usize) -> impl Strategy<Value = Value> {
    let saml = json!({ "saml": { "attribute_name": "a", "attribute_value": "b", "identity_provider_id": SAML } });
    let mut rules = vec![
        json!({ "everyone": {} }),
        json!({ "email": { "email": "alice@corp.test" } }),
        json!({ "email_domain": { "domain": "corp.test" } }),
        json!({ "ip": { "ip": "10.0.0.0/8" } }),
        json!({ "ip_list": { "id": OFFICES } }),
        json!({ "ip_list": { "id": NOBODY } }),
        json!({ "email_list": { "id": LEADS } }),
        json!({ "email_list": { "id": OFFICES } }),
        json!({ "login_method": { "id": OKTA } }),
        json!({ "login_method": { "id": SAML } }),
        saml,
        json!({ "service_token": { "token_id": ROBOT } }),
        json!({ "service_token": { "token_id": NOBODY } }),
        json!({ "any_valid_service_token": {} }),
        json!({ "certificate": {} }),
        json!({ "group": { "id": NOBODY } }),
        json!({ "nobody_knows": {} }),
        json!({ "device_posture": { "integration_uid": NOBODY } }),
        json!({ "email": { "email": "alice@corp.test" }, "everyone": {} }),
        json!({ "email": { "email": "alice@corp.test", "also": 1 } }),
    ];
    rules.extend(GROUPS.iter().take(groups).map(|id| json!({ "group": { "id": id } })));
    select(rules)
}

/// The three lists of rules, in an object.
fn any_rules(groups: usize) -> impl Strategy<Value = Map<String, Value>> {
    let some = |most| prop::collection::vec(any_rule(groups), 0..=most);
    // Were most lists met by nobody, little would be lost with them.
    let include = prop_oneof![Just(vec![json!({ "everyone": {} })]), prop::collection::vec(any_rule(groups), 1..4)];
    let require = prop_oneof![2 => Just(Vec::new()), 1 => some(2)];
    (include, require, some(2)).prop_map(|(include, require, exclude)| {
        let lists = json!({ "include": include, "require": require, "exclude": exclude });
        lists.as_object().unwrap().clone()
    })
}

fn any_policy() -> impl Strategy<Value = Value> {
    let decision = prop_oneof![
        4 => Just("allow"), 2 => Just("deny"), 2 => Just("bypass"), 1 => Just("non_identity"), 1 => Just("unheard_of"),
    ];
    let groups = json!([{ "approvals_needed": 1, "email_addresses": ["lead@corp.test"] }]);
    let asked = prop_oneof![
        4 => Just(json!({})),
        1 => select(vec![
            json!({ "isolation_required": true }),
            json!({ "mfa_config": { "allowed_authenticators": ["totp"] } }),
            json!({ "purpose_justification_required": true }),
            json!({ "purpose_justification_required": true, "approval_required": true, "approval_groups": groups }),
            json!({ "purpose_justification_required": true, "approval_required": true, "approval_groups": [] }),
            json!({ "approval_required": true }),
        ]),
    ];
    (decision, any_rules(2), asked).prop_map(|(decision, rules, asked)| {
        let mut policy = json!({ "name": "P", "decision": decision });
        policy.as_object_mut().unwrap().extend(rules);
        policy.as_object_mut().unwrap().extend(asked.as_object().unwrap().clone());
        policy
    })
}

/// With policies of its own, and some of those that are shared.
fn any_app() -> impl Strategy<Value = (Value, Vec<usize>, bool)> {
    let kind = prop_oneof![6 => Just("self_hosted"), 1 => Just("ssh"), 1 => Just("saas")];
    let allowed = select(vec![json!([]), json!([]), json!([OKTA]), json!([SAML]), json!([OIDC, SAML])]);
    let mfa = prop_oneof![6 => Just(json!(null)), 1 => Just(json!({ "allowed_authenticators": ["totp"] }))];
    let own = prop::collection::vec(any_policy(), 0..4);
    let shared = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(vec![0, 1], 0..3)];
    (kind, allowed, mfa, own, shared, any::<bool>()).prop_map(|(kind, allowed, mfa, own, shared, first)| {
        let app = json!({ "name": "App", "type": kind, "allowed_idps": allowed, "mfa_config": mfa, "policies": own });
        (app, shared, first)
    })
}

fn any_account() -> impl Strategy<Value = Account> {
    let apps = subsequence(ADDRESSES.to_vec(), 1..=ADDRESSES.len())
        .prop_flat_map(|addresses| (prop::collection::vec(any_app(), addresses.len()), Just(addresses)));
    let shared = prop::collection::vec(any_policy(), SHARED.len());
    // What could not be read: the roots of certificates, a list, a group.
    let read = (any::<bool>(), any::<bool>(), any::<bool>());
    (apps, shared, (any_rules(0), any_rules(1)), read).prop_map(|((apps, addresses), shared, groups, read)| {
        let mut number = 0x100;
        let mut id = || {
            number += 1;
            json!(format!("00000000-0000-4000-8000-{number:012}"))
        };
        let named = |id: &str, mut fields: Map<String, Value>| {
            fields.extend([("id".to_owned(), json!(id)), ("name".to_owned(), json!("Same name"))]);
            Value::Object(fields)
        };
        let shared: Vec<Value> = shared.into_iter().zip(SHARED).map(|(mut policy, id)| {
            policy["id"] = json!(id);
            policy
        }).collect();
        let mut groups = vec![named(GROUPS[0], groups.0), named(GROUPS[1], groups.1)];
        groups.truncate(if read.2 { 2 } else { 1 });
        let app = |((mut app, links, shared_first), address): ((Value, Vec<usize>, bool), &str)| {
            app["id"] = id();
            app["domain"] = json!(address);
            let mut policies: Vec<Value> = app["policies"].as_array().unwrap().clone();
            policies.iter_mut().for_each(|policy| policy["id"] = id());
            let links = links.into_iter().map(|link| shared[link].clone());
            let place = if shared_first { 0 } else { policies.len() };
            policies.splice(place..place, links);
            for (policy, place) in policies.iter_mut().zip(1..) {
                policy["precedence"] = json!(place);
            }
            app["policies"] = policies.into();
            app
        };
        let apps = apps.into_iter().zip(addresses).map(app).collect();
        let mut lists = vec![json!({ "id": OFFICES, "name": "L", "type": "IP", "items": [{ "value": "10.0.0.0/8" }] })];
        if read.1 {
            let items = json!([{ "value": "lead@corp.test" }]);
            lists.push(json!({ "id": LEADS, "name": "L", "type": "EMAIL", "items": items }));
        }
        let root = json!({ "id": ROOT, "name": "Root", "associated_hostnames": ["a.test", "b.test", "c.test"] });
        Account {
            id: "0123456789abcdef0123456789abcdef".into(),
            organization: Some(json!({ "auth_domain": "acme.cloudflareaccess.com" })),
            identity_providers: providers(),
            service_tokens: vec![json!({
                "id": ROBOT, "name": "Robot", "client_id": "0123456789abcdef0123456789abcdef.access", "duration": "forever",
            })],
            groups,
            policies: shared,
            apps,
            lists,
            certificates: if read.0 { vec![root] } else { Vec::new() },
            ..Account::default()
        }
    })
}

fn providers() -> Vec<Value> {
    let urls = json!({
        "client_id": "c", "auth_url": "https://kc.test/a", "token_url": "https://kc.test/t", "certs_url": "https://kc.test/c",
    });
    vec![
        json!({ "id": OKTA, "name": "Okta", "type": "okta", "config": { "client_id": "c", "okta_account": "https://a.okta.com" } }),
        json!({ "id": OIDC, "name": "Keycloak", "type": "oidc", "config": urls }),
        json!({ "id": SAML, "name": "ADFS", "type": "saml", "config": {} }),
    ]
}

static PEM: LazyLock<String> = LazyLock::new(|| Authority::random().pem().to_owned());

/// What is in force where the file is.
fn imported(account: &Account) -> (String, Catalog) {
    let file = carried(account, Mode::Production);
    let read = config::parse(&file.text, "imported.toml", &filled_in(&file.placeholders, &PEM));
    let config = read.unwrap_or_else(|problems| panic!("{problems}\n{}", file.text));
    let catalog = config.catalog(config.team(config.listen.public), 0, None);
    (file.text, catalog)
}

fn admits(catalog: &Catalog, caller: Caller, host: &str, path: &str) -> bool {
    let ip: IpAddr = caller.ip.parse().unwrap();
    let identity = caller.signed_in.map(|(email, idp)| Identity {
        user_uuid: UserId::derived(&catalog.team().account, email),
        id: email.to_owned(),
        email: email.parse().unwrap(),
        name: None,
        groups: Vec::new(),
        amr: Vec::new(),
        idp: IdpRef { id: idp.parse().unwrap(), kind: "oidc".into() },
        ip,
        country: None,
        oidc_fields: Map::new(),
        saml_attributes: Map::new(),
        evaluations: Vec::new(),
        iat: 0,
    });
    // Nobody is asked for a certificate of which no root could vouch.
    let is_asked = !catalog.roots_of(host).is_empty();
    let host = host.parse().unwrap();
    let facts = Facts {
        identity: identity.as_ref(),
        service_token: caller.robot.then(|| ROBOT.parse().unwrap()),
        certificate: (caller.certificate && is_asked).then_some("press"),
        ..Facts::of_nobody(ip)
    };
    let app = catalog.answering(&host, &path.parse().unwrap());
    app.is_some_and(|app| doorward_policy::decide(app, catalog, &facts).is_ok())
}

/// What in a file tells that something is not as it was.
const LOST: [&str; 5] = ["not carried over: ", "Nobody, until", "\"nobody\"", "keeps out whom", "blocks in its place"];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    /// And where nothing is lost, whoever was let in still is: a file that
    /// admits nobody opens nothing either.
    #[test]
    fn whoever_is_let_in_by_an_imported_file_was_let_in_by_the_account(account in any_account()) {
        let (text, catalog) = imported(&account);
        let is_whole = !account.certificates.is_empty() && !LOST.iter().any(|lost| text.contains(lost));
        for (host, path) in REQUESTS {
            for caller in CALLERS {
                let let_in = admits(&catalog, caller, host, path);
                let was_let_in = Strictly(&account).admits(caller, host, path);
                prop_assert!(was_let_in || !let_in, "opened to {caller:?} at {host}{path}\n{text}");
                prop_assert!(let_in || !was_let_in || !is_whole, "closed to {caller:?} at {host}{path}\n{text}");
            }
        }
    }
}
