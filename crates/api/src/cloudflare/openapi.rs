//! The OpenAPI document of what is served. Its paths are the table of routes;
//! what each takes and gives is beside the code in `openapi/`, one file for
//! each resource. Tests hold the two together, and every answer to the shapes.

use std::collections::{BTreeMap, HashMap};

use axum::Json;
use axum::extract::State;
use doorward_model::id::AccountId;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Api, site};

/// One file for each resource.
const RESOURCES: &[&str] = &[
    include_str!("../../openapi/access_requests.json"),
    include_str!("../../openapi/apps.json"),
    include_str!("../../openapi/certificates.json"),
    include_str!("../../openapi/custom_pages.json"),
    include_str!("../../openapi/audit_logs.json"),
    include_str!("../../openapi/groups.json"),
    include_str!("../../openapi/identity_providers.json"),
    include_str!("../../openapi/keys.json"),
    include_str!("../../openapi/lists.json"),
    include_str!("../../openapi/organizations.json"),
    include_str!("../../openapi/policies.json"),
    include_str!("../../openapi/policy_tests.json"),
    include_str!("../../openapi/service_tokens.json"),
    include_str!("../../openapi/ssh_cas.json"),
    include_str!("../../openapi/tags.json"),
    include_str!("../../openapi/tokens.json"),
    include_str!("../../openapi/users.json"),
    include_str!("../../openapi/zones.json"),
];
/// The value of each selector; a name with a question mark may be left out.
const RULES: &str = include_str!("../../openapi/rules.json");

/// A file of `openapi/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Resource {
    tag: String,
    /// By method and path, as in the table of routes.
    operations: BTreeMap<String, Operation>,
    #[serde(default)]
    schemas: Map<String, Value>,
    /// What is written: every field that is not required may be `null`, which
    /// is the same as nothing, and fields that nobody knows are let be.
    #[serde(default)]
    bodies: BTreeMap<String, Body>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Operation {
    summary: String,
    /// What the query may ask for, in words.
    query: BTreeMap<String, String>,
    /// The name of a body.
    body: Option<String>,
    status: Option<u16>,
    /// A schema, or the name of one.
    result: Option<Value>,
    /// The same for each member of a list that is read page by page.
    list: Option<Value>,
    /// The whole answer, where it is in no envelope.
    bare: Option<Value>,
    /// The field of the result that names what was made, where it is not `id`.
    known_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    /// Another body, whose fields and requirements this one has too.
    extends: Option<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    properties: BTreeMap<String, Value>,
}

pub(super) async fn show(State(api): State<Api>) -> Json<Value> {
    Json(document(&api.0.account))
}

/// The document for this account.
pub(super) fn document(account: &AccountId) -> Value {
    let resources: Vec<Resource> = RESOURCES.iter().map(|text| read(text)).collect();
    let schemas = schemas(&resources);
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let routes: Vec<(String, String)> = site().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    for (method, path) in &routes {
        let known = described(&resources, method, &twin(path));
        let (tag, operation) = known.unwrap_or_else(|| ("Other".to_owned(), Operation::default()));
        let mut described = described_as(&operation, method, path, account, &schemas);
        described["tags"] = json!([tag]);
        if *method == "POST" && operation.status == Some(201) {
            let links = links(&routes, path, operation.known_by.as_deref().unwrap_or("id"));
            described["responses"]["201"]["links"] = Value::Object(links);
        }
        paths.entry(path.clone()).or_default().insert(method.to_lowercase(), described);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward's management API",
            "description": "Cloudflare's API for Access, as far as this version serves it. What is not here is answered with 404.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{ "url": "/client/v4" }],
        "security": [{ "token": [] }, { "email": [], "key": [] }],
        "paths": paths,
        "components": { "schemas": schemas, "securitySchemes": {
            "token": { "type": "http", "scheme": "bearer" },
            "email": { "type": "apiKey", "in": "header", "name": "X-Auth-Email" },
            "key": { "type": "apiKey", "in": "header", "name": "X-Auth-Key" },
        }},
    })
}

/// The routes that the files speak of, as `GET /path`.
#[cfg(test)]
pub(super) fn described_routes() -> std::collections::BTreeSet<String> {
    RESOURCES.iter().flat_map(|text| read::<Resource>(text).operations.into_keys()).collect()
}

/// Below a zone is what is below the account: it is described once.
pub(super) fn twin(path: &str) -> String {
    path.replacen("/zones/{zone}/", "/accounts/{account}/", 1)
}

/// What the files say about a route.
fn described(resources: &[Resource], method: &str, path: &str) -> Option<(String, Operation)> {
    let name = format!("{method} {path}");
    resources.iter().find_map(|resource| Some((resource.tag.clone(), resource.operations.get(&name)?.clone())))
}

fn described_as(
    operation: &Operation,
    method: &str,
    path: &str,
    account: &AccountId,
    schemas: &Map<String, Value>,
) -> Value {
    let status = operation.status.unwrap_or(200).to_string();
    let mut responses = Map::new();
    responses.insert(status, answer("Done", &answered(operation)));
    for (status, why) in refusals(method) {
        responses.insert((*status).to_owned(), answer(why, &reference("Refused")));
    }
    let mut described = json!({
        "operationId": operation_id(method, path),
        "summary": operation.summary,
        "parameters": parameters(operation, path, account),
        "responses": responses,
    });
    if let Some(body) = &operation.body {
        // One without requirements may come without anything.
        let required =
            schemas.get(body).and_then(|body| body["required"].as_array()).is_some_and(|required| !required.is_empty());
        described["requestBody"] = json!({ "required": required, "content": content(&reference(body)) });
    }
    described
}

fn answered(operation: &Operation) -> Value {
    let schema = |value: &Value| value.as_str().map_or_else(|| value.clone(), reference);
    let info = json!({ "result_info": reference("ResultInfo") });
    match (&operation.bare, &operation.list, &operation.result) {
        (Some(bare), ..) => schema(bare),
        (_, Some(item), _) => envelope(&json!({ "type": "array", "items": schema(item) }), &info),
        (.., Some(result)) => envelope(&schema(result), &json!({})),
        _ => envelope(&json!({}), &info),
    }
}

/// What answers have in common, with this result and these members beside it.
fn envelope(result: &Value, more: &Value) -> Value {
    let mut properties = json!({
        "success": { "const": true },
        "errors": { "type": "array", "maxItems": 0 },
        "messages": { "type": "array", "items": reference("Message") },
        "result": result,
    });
    for (name, schema) in more.as_object().into_iter().flatten() {
        properties[name] = schema.clone();
    }
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// Whatever else can be the answer to a method.
fn refusals(method: &str) -> &'static [(&'static str, &'static str)] {
    const READING: &[(&str, &str)] = &[
        ("400", "The request is not one"),
        ("401", "No token, or none that is good"),
        ("403", "The listener does not answer to that Host or Origin"),
        ("404", "It is not there"),
        ("503", "The store is away; try again"),
    ];
    const WRITING: &[(&str, &str)] = &[
        ("400", "What was written cannot be; source.pointer names the field"),
        ("401", "No token, or none that is good"),
        ("403", "The token may only read"),
        ("404", "It is not there"),
        ("409", "It contradicts what is there, or the configuration file owns it"),
        ("413", "The body is too long"),
        ("415", "The body is not said to be JSON"),
        ("501", "Access can do this, this version cannot"),
        ("503", "The store is away; nothing was changed; try again"),
    ];
    if method == "GET" { READING } else { WRITING }
}

fn parameters(operation: &Operation, path: &str, account: &AccountId) -> Vec<Value> {
    let in_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let schema = match name {
            "account" => json!({ "type": "string", "enum": [account.as_str()] }),
            _ => json!({ "type": "string", "minLength": 1 }),
        };
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let text = |(name, description): (&String, &String)| json!({ "name": name, "in": "query", "description": description, "schema": { "type": "string" } });
    let number = |name| json!({ "name": name, "in": "query", "schema": { "type": "integer", "minimum": 1 } });
    let numbers: &[&str] = if operation.list.is_some() { &["page", "per_page"] } else { &[] };
    in_path.chain(operation.query.iter().map(text)).chain(numbers.iter().map(number)).collect()
}

/// From what was just made to everything that can be done with it.
fn links(routes: &[(String, String)], path: &str, known_by: &str) -> Map<String, Value> {
    let below = |other: &str| {
        let rest = other.strip_prefix(path)?.strip_prefix("/{")?;
        rest.split_once('}').map(|(name, _)| name.to_owned())
    };
    let of_the_path = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let kept: Map<String, Value> =
        of_the_path.map(|name| (name.into(), format!("$request.path.{name}").into())).collect();
    let links = routes.iter().filter_map(|(method, other)| {
        let mut parameters = kept.clone();
        parameters.insert(below(other)?, format!("$response.body#/result/{known_by}").into());
        // A second id of its own is nothing that this answer tells.
        if other.matches('{').count() != parameters.len() {
            return None;
        }
        let id = operation_id(method, other);
        Some((id.clone(), json!({ "operationId": id, "parameters": parameters })))
    });
    links.collect()
}

fn schemas(resources: &[Resource]) -> Map<String, Value> {
    let mut schemas = common();
    for resource in resources {
        schemas.extend(resource.schemas.clone());
    }
    let bodies: HashMap<&String, &Body> = resources.iter().flat_map(|resource| &resource.bodies).collect();
    schemas.extend(bodies.iter().map(|(name, body)| ((*name).clone(), written(body, &bodies))));
    schemas.insert("Rule".into(), rule(&json!(false)));
    schemas.insert("RuleBody".into(), rule(&json!({ "type": "null" })));
    schemas
}

fn common() -> Map<String, Value> {
    let list = |of| json!({ "type": "array", "items": reference(of) });
    let id = |name: &str| {
        let properties = json!({ (name): { "type": "string" } });
        json!({ "type": "object", "required": [name], "properties": properties, "additionalProperties": false })
    };
    let source =
        json!({ "type": "object", "required": ["pointer"], "properties": { "pointer": { "type": "string" } } });
    let error = json!({ "type": "object", "required": ["code", "message"], "additionalProperties": false, "properties": {
        "code": { "type": "integer", "minimum": 1000 }, "message": { "type": "string" }, "source": source,
    }});
    let count = json!({ "type": "integer", "minimum": 0 });
    let common = json!({
        "Refused": {
            "type": "object", "required": ["success", "errors", "messages", "result"], "additionalProperties": false,
            "properties": {
                "success": { "const": false }, "result": { "type": "null" },
                "errors": { "type": "array", "minItems": 1, "items": error },
                "messages": { "type": "array", "maxItems": 0 },
            },
        },
        "Message": {
            "type": "object", "required": ["code", "message"], "additionalProperties": false,
            "properties": { "code": { "type": "integer", "minimum": 1000 }, "message": { "type": "string" } },
        },
        "ResultInfo": {
            "type": "object", "required": ["page", "per_page", "count", "total_count", "total_pages"],
            "properties": { "page": count, "per_page": count, "count": count, "total_count": count, "total_pages": count },
            "additionalProperties": false,
        },
        "Removed": id("id"), "RemovedByName": id("name"),
        "Name": { "type": "string", "minLength": 1, "maxLength": 350, "pattern": "^[^\\x00-\\x1f\\x7f-\\x9f]*$" },
        "Duration": { "type": "string", "format": "lifetime", "description": "As in Go: 24h, 2h45m", "examples": ["24h"] },
        "Moment": { "type": "string", "format": "date-time" },
        "Rules": list("Rule"), "RulesBody": list("RuleBody"),
    });
    let Value::Object(common) = common else { return Map::new() };
    common
}

/// One selector with its value; `more` is what everything else may be.
fn rule(more: &Value) -> Value {
    let selectors: BTreeMap<String, BTreeMap<String, Value>> = read(RULES);
    let rules = selectors.iter().map(|(selector, fields)| {
        let required: Vec<&String> = fields.keys().filter(|name| !name.ends_with('?')).collect();
        let property = |(name, schema): (&String, &Value)| match name.strip_suffix('?') {
            Some(name) => (name.to_owned(), json!({ "anyOf": [schema, more] })),
            None => (name.clone(), schema.clone()),
        };
        let properties: Map<String, Value> = fields.iter().map(property).collect();
        let value = json!({
            "type": "object", "required": required, "properties": properties, "additionalProperties": more,
        });
        json!({ "type": "object", "required": [selector], "properties": { (selector): value }, "additionalProperties": more })
    });
    json!({ "anyOf": rules.collect::<Vec<_>>() })
}

fn written(body: &Body, bodies: &HashMap<&String, &Body>) -> Value {
    let parts: Vec<&Body> =
        std::iter::once(body).chain(body.extends.iter().filter_map(|name| bodies.get(name).copied())).collect();
    let required: Vec<&String> = parts.iter().flat_map(|part| &part.required).collect();
    let properties: Map<String, Value> = parts
        .iter()
        .flat_map(|part| &part.properties)
        .map(|(name, schema)| match required.contains(&name) {
            true => (name.clone(), schema.clone()),
            false => (name.clone(), json!({ "anyOf": [schema, { "type": "null" }] })),
        })
        .collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": content(schema) })
}

fn content(schema: &Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// `get_access_groups_id`
fn operation_id(method: &str, path: &str) -> String {
    let path = path.replace("/accounts/{account}", "").replace(['{', '}'], "").replace(['/', '.', '-'], "_");
    format!("{}{path}", method.to_lowercase())
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    serde_json::from_str(text).expect("the files of openapi/ are read by every test of the API")
}
