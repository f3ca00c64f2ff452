//! The document against what is served: the same routes, the same fields, and
//! every answer that any test here gets has the shape that it promises.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};

use doorward_model::id::AccountId;
use jsonschema::Validator;
use serde_json::{Value, json};

use super::door::{Door, TOKEN};
use crate::cloudflare::fields::{Field, Shape};
use crate::cloudflare::openapi::{document, twin};
use crate::cloudflare::{
    api_tokens, apps, certificates, custom_pages, groups, identity_providers, keys, lists, organizations, policies,
    policy_tests, seats, service_tokens, site, tags, users,
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| document(&AccountId::derived("acme")));
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// Panics unless the document promises this answer to this call.
pub(super) fn conforms(method: &str, target: &str, status: u16, body: &Value) {
    let schema = promised(method, target, status);
    let validator = Arc::clone(VALIDATORS.lock().unwrap().entry(schema.to_string()).or_insert_with(|| {
        let mut whole = schema.clone();
        whole["components"] = DOCUMENT["components"].clone();
        Arc::new(jsonschema::draft202012::new(&whole).unwrap())
    }));
    if let Err(error) = validator.validate(body) {
        let place = error.instance_path().to_string();
        panic!("{method} {target} {status} at \"{place}\": {error}; see openapi/ for what is promised\n{body:#}");
    }
}

/// The schema of an answer; what is not served is refused.
fn promised(method: &str, target: &str, status: u16) -> Value {
    let path = target.split('?').next().unwrap_or_default().trim_start_matches("/client/v4");
    let refused = json!({ "$ref": "#/components/schemas/Refused" });
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let fitting = paths.iter().filter(|(template, _)| fits(template, path));
    let Some((_, operations)) = fitting.min_by_key(|(template, _)| template.matches('{').count()) else {
        return refused;
    };
    let Some(operation) = operations.get(method.to_lowercase()) else { return refused };
    let answer = operation["responses"].get(status.to_string());
    let answer =
        answer.unwrap_or_else(|| panic!("{method} {target}: the document knows nothing of the status {status}"));
    answer["content"]["application/json"]["schema"].clone()
}

fn fits(template: &str, path: &str) -> bool {
    let own = AccountId::derived("acme");
    let (parts, wanted): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
    let fits = |(wanted, part): (&&str, &&str)| match *wanted {
        "{account}" => *part == own.as_str(),
        wanted => wanted.starts_with('{') && !part.is_empty() || wanted == *part,
    };
    parts.len() == wanted.len() && wanted.iter().zip(&parts).all(fits)
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described = crate::cloudflare::openapi::described_routes();
    let served: BTreeSet<String> = site().iter().map(|(method, path)| format!("{method} {}", twin(path))).collect();
    let missing: Vec<_> = served.difference(&described).collect();
    assert!(missing.is_empty(), "describe these in a file of crates/api/openapi: {missing:#?}");
    let gone: Vec<_> = described.difference(&served).collect();
    assert!(gone.is_empty(), "these are described and not served: {gone:#?}");
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    references(&DOCUMENT, &mut found);
    for reference in found {
        assert!(DOCUMENT.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// What a body may hold is what the code reads, with the same shapes.
#[test]
fn every_body_has_the_fields_that_are_read() {
    let table: &[(&str, &[Field], &[&str])] = &[
        ("ApiTokenBody", api_tokens::FIELDS, &[]),
        ("AppBody", apps::FIELDS, &[]),
        ("AppSettingsBody", apps::SETTINGS, &[]),
        ("CertificateBody", certificates::FIELDS, &[]),
        ("CertificateSettingsBody", certificates::SETTINGS, &[]),
        ("CustomPageBody", custom_pages::FIELDS, &[]),
        ("GroupBody", groups::FIELDS, &[]),
        ("IdentityProviderBody", identity_providers::FIELDS, &[]),
        ("PolicyBody", policies::FIELDS, &[]),
        ("AppPolicyBody", policies::FIELDS, &["precedence"]),
        ("KeysBody", keys::FIELDS, &[]),
        ("ListBody", lists::FIELDS, &[]),
        ("ListChange", lists::CHANGE, &[]),
        ("OrganizationBody", organizations::FIELDS, &[]),
        ("PolicyTestBody", policy_tests::FIELDS, &[]),
        ("RevokeUserBody", organizations::REVOCATION, &[]),
        ("ServiceTokenBody", service_tokens::FIELDS, &[]),
        ("SeatBody", seats::FIELDS, &[]),
        ("TagBody", tags::FIELDS, &[]),
        ("UserBody", users::FIELDS, &[]),
    ];
    for (body, fields, more) in table {
        let properties = &DOCUMENT["components"]["schemas"][body]["properties"];
        let described: BTreeSet<&str> = properties.as_object().unwrap().keys().map(String::as_str).collect();
        let read: BTreeSet<&str> = fields.iter().map(|field| field.name).chain(more.iter().copied()).collect();
        assert_eq!(described, read, "{body}");
        for field in *fields {
            let schema = properties[field.name].to_string();
            let shape = match field.shape {
                Shape::Flag => "\"boolean\"",
                Shape::Number => "\"integer\"",
                Shape::Texts | Shape::List => "\"array\"",
                Shape::Object => "\"object\"",
                Shape::Name => "string|schemas/Name",
                Shape::Duration | Shape::Session => "schemas/Duration",
                Shape::Text | Shape::WebUrl | Shape::HttpsUrl => "\"string\"|\"enum\"",
            };
            let list = schema.contains("schemas/RulesBody") && matches!(field.shape, Shape::List);
            assert!(list || shape.split('|').any(|shape| schema.contains(shape)), "{body}.{}: {schema}", field.name);
        }
    }
}

#[tokio::test]
async fn the_document_names_the_account_and_is_for_those_who_may_call() {
    let door = Door::open().await;
    door.send("GET", "/client/v4/openapi.json", &[], "").await.refused(401, 10000);
    let bearer = format!("Bearer {TOKEN}");
    let answer = door.send("GET", "/client/v4/openapi.json", &[("authorization", &bearer)], "").await;
    assert_eq!((answer.status, &answer.body), (200, &*DOCUMENT));
    let get = &answer.body["paths"]["/accounts/{account}/access/groups/{id}"]["get"];
    assert_eq!(get["parameters"][0]["schema"]["enum"], json!([AccountId::derived("acme").as_str()]));
    let made = &answer.body["paths"]["/accounts/{account}/access/groups"]["post"]["responses"]["201"]["links"];
    assert_eq!(made["get_access_groups_id"]["parameters"]["id"], "$response.body#/result/id");
    let tag = &answer.body["paths"]["/accounts/{account}/access/tags"]["post"]["responses"]["201"]["links"];
    assert_eq!(tag["delete_access_tags_id"]["parameters"]["id"], "$response.body#/result/name");
}
