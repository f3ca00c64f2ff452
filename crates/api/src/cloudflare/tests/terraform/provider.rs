//! The provider's side: what it knows of each resource, what it writes, and
//! when it sees a difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::door::Door;

/// What the provider knows of a resource.
pub(super) struct Resource {
    pub(super) path: &'static str,
    /// The field that names an object; none where there is only one.
    pub(super) id: Option<&'static str>,
    /// How one is made, and what says that it was.
    pub(super) made_by: (&'static str, u16),
    /// Decided by the API: never written, always taken from answers.
    pub(super) computed: &'static [&'static str],
    /// Kept from what was written, whatever is read.
    pub(super) not_read: &'static [&'static str],
    /// What stands in a plan for what is not set.
    pub(super) defaults: fn(&Map<String, Value>) -> Value,
    /// Values that are the same to it as nothing.
    pub(super) nothing: &'static [(&'static str, Nothing)],
    /// Lists whose order says nothing.
    pub(super) sets: &'static [&'static str],
}

#[derive(Clone, Copy)]
pub(super) enum Nothing {
    Empty,
    False,
    True,
}

impl Nothing {
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Empty => value.as_array().is_some_and(Vec::is_empty),
            Self::False => value == false,
            Self::True => value == true,
        }
    }
}

pub(super) const APPLICATION: Resource = Resource {
    path: "/access/apps",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id", "aud", "created_at", "updated_at", "uid"],
    not_read: &[],
    defaults: |config| {
        let mut defaults = json!({ "session_duration": "24h" });
        if config["type"] == "self_hosted" {
            defaults["http_only_cookie_attribute"] = json!(true);
        }
        match config["type"].as_str() {
            Some("app_launcher") => defaults["skip_app_launcher_login_page"] = json!(false),
            Some("bookmark") => defaults = json!({ "app_launcher_visible": true }),
            _ => defaults["app_launcher_visible"] = json!(true),
        }
        defaults
    },
    nothing: &[
        ("allowed_idps", Nothing::Empty),
        ("policies", Nothing::Empty),
        ("tags", Nothing::Empty),
        ("service_auth_401_redirect", Nothing::False),
        ("enable_binding_cookie", Nothing::False),
        ("options_preflight_bypass", Nothing::False),
        ("auto_redirect_to_identity", Nothing::False),
        ("skip_interstitial", Nothing::False),
        ("allow_iframe", Nothing::False),
        ("path_cookie_attribute", Nothing::False),
        ("http_only_cookie_attribute", Nothing::True),
    ],
    sets: &["tags"],
};

pub(super) const POLICY: Resource = Resource {
    path: "/access/policies",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id", "app_count", "created_at", "updated_at", "reusable", "account_id"],
    not_read: &[],
    defaults: |_| json!({ "session_duration": "24h" }),
    nothing: &[
        ("include", Nothing::Empty),
        ("exclude", Nothing::Empty),
        ("require", Nothing::Empty),
        ("approval_required", Nothing::False),
        ("isolation_required", Nothing::False),
        ("purpose_justification_required", Nothing::False),
    ],
    sets: &["include", "exclude", "require", "approval_groups"],
};

pub(super) const GROUP: Resource = Resource {
    path: "/access/groups",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id", "created_at", "updated_at"],
    not_read: &[],
    defaults: |_| json!({}),
    nothing: &[("exclude", Nothing::Empty), ("require", Nothing::Empty)],
    sets: &[],
};

pub(super) const SERVICE_TOKEN: Resource = Resource {
    path: "/access/service_tokens",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id", "client_id", "expires_at", "created_at", "updated_at", "enabled"],
    not_read: &["client_secret", "client_secret_version", "previous_client_secret_expires_at"],
    defaults: |_| json!({ "duration": "8760h" }),
    nothing: &[],
    sets: &[],
};

pub(super) const TAG: Resource = Resource {
    path: "/access/tags",
    id: Some("name"),
    made_by: ("POST", 201),
    computed: &["app_count", "created_at", "updated_at"],
    not_read: &[],
    defaults: |_| json!({}),
    nothing: &[],
    sets: &[],
};

pub(super) const IDENTITY_PROVIDER: Resource = Resource {
    path: "/access/identity_providers",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id"],
    not_read: &[],
    defaults: |_| json!({}),
    nothing: &[],
    sets: &[],
};

/// There always is one, so that making it is a `PUT`. What the provider knows nothing of is not compared.
pub(super) const ORGANIZATION: Resource = Resource {
    path: "/access/organizations",
    id: None,
    made_by: ("PUT", 200),
    computed: &["created_at", "updated_at"],
    not_read: &["strict_service_token_auth"],
    defaults: |_| json!({ "allow_authenticate_via_warp": false, "auto_redirect_to_identity": false, "is_ui_read_only": false }),
    nothing: &[
        ("allow_authenticate_via_warp", Nothing::False),
        ("auto_redirect_to_identity", Nothing::False),
        ("is_ui_read_only", Nothing::False),
    ],
    sets: &[],
};

/// A resource under management: its configuration, and what is known of it.
pub(super) struct Managed<'a> {
    door: &'a Door,
    resource: &'static Resource,
    /// As it was written last, without what is not set.
    config: Map<String, Value>,
    pub(super) state: Map<String, Value>,
}

impl<'a> Managed<'a> {
    /// The first `apply`; the plan after it is empty.
    pub(super) async fn create(door: &'a Door, resource: &'static Resource, config: Value) -> Managed<'a> {
        let config = without_nulls(config);
        let planned = planned(resource, &config);
        let (method, status) = resource.made_by;
        let made = door.done(status, method, resource.path, Value::Object(planned.clone())).await;
        let mut managed = Self { door, resource, config, state: Map::new() };
        managed.take(planned, &made);
        managed.plan_is_empty("after creation").await;
        managed
    }

    /// Another `apply`, as a whole body with `null` for what is no longer set.
    pub(super) async fn update(&mut self, config: Value) {
        let config = without_nulls(config);
        let planned = planned(self.resource, &config);
        let mut body = planned.clone();
        for name in self.state.keys().filter(|name| !self.resource.computed.contains(&name.as_str())) {
            body.entry(name.clone()).or_insert(Value::Null);
        }
        let answer = self.door.done(200, "PUT", &self.path(), Value::Object(body)).await;
        self.config = config;
        self.take(planned, &answer);
        self.plan_is_empty("after the update").await;
    }

    /// Only what the API decides is taken from the answer to a write.
    fn take(&mut self, planned: Map<String, Value>, answer: &Value) {
        self.state = planned;
        for name in self.resource.computed {
            if let Some(value) = answer.get(*name) {
                self.state.insert((*name).to_owned(), value.clone());
            }
        }
    }

    pub(super) fn path(&self) -> String {
        match self.resource.id {
            Some(id) => format!("{}/{}", self.resource.path, self.state[id].as_str().unwrap()),
            None => self.resource.path.to_owned(),
        }
    }

    /// Reads it, and compares what is there with what is configured.
    pub(super) async fn plan_is_empty(&self, when: &str) {
        let read = self.door.done(200, "GET", &self.path(), Value::Null).await;
        let seen = self.comparable(read.as_object().unwrap().clone());
        let wanted = self.comparable(planned(self.resource, &self.config));
        let names = seen.keys().chain(wanted.keys());
        let different: Vec<String> = names
            .filter(|name| seen.get(*name) != wanted.get(*name))
            .map(|name| format!("{name}: {:?} is configured, {:?} is there", wanted.get(name), seen.get(name)))
            .collect();
        assert!(different.is_empty(), "{} {when}: {different:#?}", self.resource.path);
        // What the API decided stays as it was decided.
        for name in self.resource.computed.iter().filter(|name| !["updated_at", "app_count", "enabled"].contains(name))
        {
            assert_eq!(read.get(*name), self.state.get(*name), "{name} {when}");
        }
    }

    /// An object without what makes no difference to the provider.
    fn comparable(&self, object: Map<String, Value>) -> BTreeMap<String, Value> {
        let skipped = |name: &str| self.resource.computed.contains(&name) || self.resource.not_read.contains(&name);
        let nothing = |name: &str, value: &Value| {
            let same = self.resource.nothing.iter().filter(|(field, _)| *field == name);
            value.is_null() || same.into_iter().any(|(_, nothing)| nothing.is(value))
        };
        let object = object.into_iter().map(|(name, value)| (name, without_inner_nulls(value)));
        let compared = object.filter(|(name, value)| !skipped(name) && !nothing(name, value));
        let of_views = |name: &str| {
            let views = ["domain", "self_hosted_domains", "destinations"];
            self.resource.path == APPLICATION.path && views.contains(&name) && !self.config.contains_key(name)
        };
        let compared = compared.filter(|(name, _)| !of_views(name));
        compared.map(|(name, value)| (name.clone(), self.normal(&name, value))).collect()
    }

    /// Order where it says nothing, and of an application's policies what the provider keeps.
    fn normal(&self, name: &str, value: Value) -> Value {
        let mut value = value;
        if name == "policies" {
            let mut last = 0;
            for policy in value.as_array_mut().into_iter().flatten() {
                last = policy.get("precedence").and_then(Value::as_u64).unwrap_or(last + 1);
                *policy = match (policy.get("reusable"), policy.get("decision")) {
                    (None, Some(decision)) => {
                        json!({ "name": policy["name"], "decision": decision, "precedence": last })
                    }
                    _ => json!({ "id": policy.get("id").unwrap_or(policy), "precedence": last }),
                };
            }
        }
        if name == "config" {
            // Secrets are kept from the state, the address for the provider is decided by the API.
            let fields = value.as_object_mut().unwrap();
            fields.remove("client_secret");
            fields.remove("redirect_url");
        }
        if let ("saas_app", Some(fields)) = (name, value.as_object_mut()) {
            fields.retain(|name, _| !DECIDED_OF_SAAS.contains(&name.as_str()));
        }
        if let ("scim_config", Some(fields)) = (name, value.as_object_mut()) {
            fields.retain(|name, _| !["secret", "scim_base_url"].contains(&name.as_str()));
            kept_from_state(&mut value);
        }
        if self.resource.sets.contains(&name) {
            value.as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
        value
    }

    /// Read without knowing anything of it: nothing that is not set may show.
    pub(super) async fn imported(&self, absent: &[&str]) {
        let read = self.door.done(200, "GET", &self.path(), Value::Null).await;
        for name in absent {
            assert!(read.get(*name).is_none(), "{name} shows on import: {read}");
        }
    }

    pub(super) async fn destroy(self) {
        let answer = self.door.call("DELETE", &self.path(), Value::Null).await;
        assert!([200, 202].contains(&answer.status), "{}", answer.body);
        let gone = self.door.get(&self.path()).await;
        assert_eq!(gone.status, 404, "a resource that is gone is dropped from the state: {}", gone.body);
    }
}

/// What of a SaaS application the API decides.
const DECIDED_OF_SAAS: [&str; 5] = ["client_id", "client_secret", "public_key", "idp_entity_id", "sso_endpoint"];

/// Secrets are kept from what was written, whatever is read.
fn kept_from_state(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["password", "token", "client_secret"] {
                if let Some(secret) = fields.get_mut(name) {
                    *secret = json!("kept");
                }
            }
            fields.values_mut().for_each(kept_from_state);
        }
        Value::Array(items) => items.iter_mut().for_each(kept_from_state),
        _ => {}
    }
}

/// An attribute that is `null` is not set, however deep it stands.
fn without_inner_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            set.map(|(name, value)| (name, without_inner_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_inner_nulls).collect(),
        other => other,
    }
}

/// A configuration without what is not set.
fn without_nulls(config: Value) -> Map<String, Value> {
    let Value::Object(fields) = config else { panic!("a configuration is an object") };
    fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

fn planned(resource: &Resource, config: &Map<String, Value>) -> Map<String, Value> {
    let mut planned = config.clone();
    for (name, value) in (resource.defaults)(config).as_object().unwrap() {
        planned.entry(name.clone()).or_insert_with(|| value.clone());
    }
    planned
}
