//! An application as the API shows it: with the defaults of its type, and with
//! its policies whole.

use doorward_model::document::{AppDocument, AppPolicy, Key, Kind, Object};
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::super::{Api, policies};
use super::saas;

pub(super) fn shown(api: &Api, set: &Set, object: &Object) -> Value {
    let Ok(mut app) = object.document::<AppDocument>() else { return unreadable(object) };
    let written = std::mem::take(&mut app.policies);
    let mut shown = serde_json::to_value(&app).unwrap_or_default();
    let policies: Vec<Value> = written.iter().map(|policy| whole(api, set, object, policy)).collect();
    if let Some(fields) = shown.as_object_mut() {
        for (name, value) in defaults(&app.kind) {
            fields.entry(name).or_insert(value);
        }
        if let Some(Value::Object(saas)) = fields.get_mut("saas_app") {
            saas::complete(api, &app.aud, saas);
        }
        fields.insert("policies".into(), Value::Array(policies));
        fields.insert("uid".into(), json!(app.id));
        fields.insert("created_at".into(), json!(object.created_at.to_rfc3339()));
        fields.insert("updated_at".into(), json!(object.updated_at.to_rfc3339()));
    }
    shown
}

/// One that only a newer version can read is shown as it is.
fn unreadable(object: &Object) -> Value {
    object.document().unwrap_or_default()
}

fn defaults(kind: &str) -> Map<String, Value> {
    let defaults = match kind {
        "self_hosted" => json!({
            "app_launcher_visible": true, "enable_binding_cookie": false, "http_only_cookie_attribute": true,
            "session_duration": "24h", "tags": [],
        }),
        "ssh" | "vnc" | "rdp" => json!({
            "app_launcher_visible": true, "enable_binding_cookie": false, "http_only_cookie_attribute": true,
            "session_duration": "24h", "tags": [],
        }),
        "mcp" | "mcp_portal" => {
            json!({ "http_only_cookie_attribute": true, "session_duration": "24h", "tags": [] })
        }
        "saas" => json!({ "app_launcher_visible": true, "session_duration": "24h", "tags": [] }),
        "warp" | "dash_sso" | "proxy_endpoint" | "end_user" => json!({ "session_duration": "24h", "tags": [] }),
        "infrastructure" | "biso" => json!({ "tags": [] }),
        "bookmark" => json!({ "app_launcher_visible": true, "tags": [] }),
        "app_launcher" => json!({ "session_duration": "24h", "skip_app_launcher_login_page": false, "tags": [] }),
        _ => json!({}),
    };
    defaults.as_object().cloned().unwrap_or_default()
}

pub(in crate::cloudflare) fn whole(api: &Api, set: &Set, app: &Object, policy: &AppPolicy) -> Value {
    match policy {
        AppPolicy::Own(_) => own_policy(app, policy),
        AppPolicy::Link(link) => match set.get(&Key::new(Kind::Policy, link.id)) {
            Some(reusable) => {
                let mut shown = policies::shown(api, set, reusable);
                shown["precedence"] = json!(link.precedence);
                shown
            }
            None => json!(link),
        },
    }
}

/// One of the application's own, with the application's times where it has none.
fn own_policy(app: &Object, policy: &AppPolicy) -> Value {
    let mut shown = policies::presented(json!(policy));
    if let Some(fields) = shown.as_object_mut() {
        fields.entry("created_at").or_insert_with(|| json!(app.created_at.to_rfc3339()));
        fields.entry("updated_at").or_insert_with(|| json!(app.updated_at.to_rfc3339()));
    }
    shown
}
