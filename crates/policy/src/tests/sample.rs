//! A small world to ask about: rules in Cloudflare's JSON, people, groups, an application.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use doorward_model::app::App;
use doorward_model::catalog::{Catalog, Change, Parts};
use doorward_model::document::ListDocument;
use doorward_model::group::Group;
use doorward_model::id::{AccountId, AppId, GroupId, IdpId, ListId, PolicyId, ServiceTokenId, UserId};
use doorward_model::identity::{Identity, IdpRef};
use doorward_model::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use doorward_model::list::List;
use doorward_model::policy::{Decision, Policy};
use doorward_model::rule::Rule;
use doorward_model::secret::Secret;
use doorward_model::site::Team;
use doorward_model::time::Lifetime;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::evaluate::Evaluation;
use crate::facts::Seen;
use crate::trace::{Recorder, Silent, Trace};
use crate::{Facts, Met, Permit, Refusal, decide};

pub(crate) const IDP: IdpId = IdpId(Uuid::from_u128(0xfeed_0001));
pub(crate) const OTHER_IDP: IdpId = IdpId(Uuid::from_u128(2));
pub(crate) const TOKEN: ServiceTokenId = ServiceTokenId(Uuid::from_u128(3));
pub(crate) const OTHER_APP: AppId = AppId(Uuid::from_u128(4));

/// The world: an application with policies, groups and two identity providers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) policies: Vec<Policy>,
    pub(crate) groups: Vec<Group>,
    pub(crate) lists: Vec<List>,
    pub(crate) allowed_idps: Vec<IdpId>,
    /// The claims that sign-ins with the provider copy.
    pub(crate) collected: Vec<String>,
    /// Providers that are not configured any more.
    pub(crate) gone: Vec<IdpId>,
}

impl Sample {
    /// With one more policy below the others: `rules` has include, require, exclude.
    pub(crate) fn policy(mut self, name: &str, decision: Decision, rules: Value) -> Self {
        let precedence = u32::try_from(self.policies.len()).unwrap() + 1;
        self.policies.push(policy(name, decision, precedence, rules));
        self
    }

    pub(crate) fn group(mut self, name: &str, rules: Value) -> Self {
        self.groups.push(group(name, rules));
        self
    }

    /// With one more list of this type.
    pub(crate) fn list(mut self, name: &str, kind: &str, values: &[&str]) -> Self {
        let items: Vec<Value> = values.iter().map(|value| json!({"value": value})).collect();
        let json = json!({"id": list_id(name), "name": name, "type": kind, "items": items});
        let document: ListDocument = serde_json::from_value(json).unwrap();
        self.lists.push(document.list().unwrap().unwrap());
        self
    }

    /// With an identity provider whose sign-ins copy these claims.
    pub(crate) fn collects(mut self, claims: &[&str]) -> Self {
        self.collected = claims.iter().map(|&claim| claim.to_owned()).collect();
        self
    }

    pub(crate) fn decide(&self, facts: &Facts<'_>) -> Result<Permit, Refusal> {
        decide(&self.app(), &self.catalog(), facts)
    }

    /// What one rule answers in an Allow policy.
    pub(crate) fn met(&self, rule: &Rule, facts: &Facts<'_>) -> Met {
        self.met_in_turn(std::slice::from_ref(rule), facts)[0]
    }

    /// What rules answer that are asked one after the other.
    pub(crate) fn met_in_turn(&self, rules: &[Rule], facts: &Facts<'_>) -> Vec<Met> {
        let silent = self.answers(rules, facts, &mut Silent);
        let mut recorder = Recorder::default();
        recorder.enter();
        assert_eq!(silent, self.answers(rules, facts, &mut recorder), "a trace changes nothing");
        silent
    }

    fn answers<T: Trace>(&self, rules: &[Rule], facts: &Facts<'_>, trace: &mut T) -> Vec<Met> {
        let catalog = self.catalog();
        let app = self.app();
        let mut evaluation = Evaluation::new(&catalog, Seen::by_people_policies(facts, &app, &catalog));
        rules.iter().map(|rule| evaluation.answer(rule, trace).met).collect()
    }

    pub(crate) fn app(&self) -> Arc<App> {
        let domains = vec!["wiki.test".parse().unwrap()];
        let app = App::new(&AccountId::derived("acme"), "Wiki", domains, self.policies.clone());
        Arc::new(App { allowed_idps: self.allowed_idps.clone(), ..app })
    }

    pub(crate) fn catalog(&self) -> Catalog {
        let team = Team {
            account: AccountId::derived("acme"),
            name: "acme".into(),
            domain: "acme.cloudflareaccess.com".into(),
            url: "https://acme.cloudflareaccess.com".into(),
            host: "acme.cloudflareaccess.com".parse().unwrap(),
            session_duration: Lifetime::from_hours(24),
        };
        let mut idps = vec![provider(IDP, &self.collected), provider(OTHER_IDP, &[])];
        idps.retain(|idp| !self.gone.contains(&idp.id));
        let groups = self.groups.clone();
        let parts = Parts { team, apps: vec![], groups, idps, service_tokens: vec![], routes: vec![] };
        Catalog::new(parts, 1).with(self.lists.iter().cloned().map(|list| Change::List(list.into())), 1)
    }
}

fn provider(id: IdpId, claims: &[String]) -> IdentityProvider {
    IdentityProvider {
        id,
        name: "Keycloak".into(),
        kind: IdpKind::Oidc(OidcProvider {
            client_id: "doorward".into(),
            client_secret: Secret::new("s".into()),
            endpoints: OidcEndpoints::Discovered { issuer: "https://kc.test".into() },
            scopes: vec![],
            claims: claims.to_vec(),
            email_claim_name: None,
            pkce_enabled: true,
            trust_unverified_email: false,
        }),
    }
}

pub(crate) fn rule(json: Value) -> Rule {
    serde_json::from_value(json).unwrap()
}

pub(crate) fn met(rule: &Rule, facts: &Facts<'_>) -> Met {
    Sample::default().met(rule, facts)
}

pub(crate) fn policy(name: &str, decision: Decision, precedence: u32, mut rules: Value) -> Policy {
    let id = PolicyId::derived(&AccountId::derived("acme"), name);
    let head = json!({"id": id, "name": name, "decision": decision, "precedence": precedence});
    rules.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    serde_json::from_value(rules).unwrap()
}

pub(crate) fn group(name: &str, mut rules: Value) -> Group {
    let head = json!({"id": group_id(name), "name": name});
    rules.as_object_mut().unwrap().extend(head.as_object().unwrap().clone());
    serde_json::from_value(rules).unwrap()
}

pub(crate) fn group_rule(name: &str) -> Value {
    json!({"group": {"id": group_id(name)}})
}

pub(crate) fn list_id(name: &str) -> ListId {
    ListId::derived(&AccountId::derived("acme"), name)
}

fn group_id(name: &str) -> GroupId {
    GroupId::derived(&AccountId::derived("acme"), name)
}

/// Somebody who signed in with [`IDP`].
#[derive(Clone, Debug)]
pub(crate) struct Person(Identity);

pub(crate) fn person(email: &str) -> Person {
    Person(Identity {
        user_uuid: UserId(Uuid::from_u128(9)),
        id: "subject".into(),
        email: email.parse().unwrap(),
        name: None,
        groups: vec![],
        amr: vec![],
        idp: IdpRef { id: IDP, kind: "oidc".into() },
        ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        country: None,
        oidc_fields: serde_json::Map::new(),
        saml_attributes: serde_json::Map::new(),
        evaluations: vec![],
        iat: 0,
    })
}

impl Person {
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts { identity: Some(&self.0), ..nobody() }
    }
}

impl Deref for Person {
    type Target = Identity;
    fn deref(&self) -> &Identity {
        &self.0
    }
}

impl DerefMut for Person {
    fn deref_mut(&mut self) -> &mut Identity {
        &mut self.0
    }
}

/// A request that carries nothing.
pub(crate) fn nobody() -> Facts<'static> {
    Facts::of_nobody(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
}

/// A request that carries [`TOKEN`].
pub(crate) fn machine() -> Facts<'static> {
    Facts { service_token: Some(TOKEN), ..nobody() }
}
