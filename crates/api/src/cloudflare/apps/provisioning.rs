//! `scim_config`: how an application's own accounts would be kept in step with
//! a provider's. Nothing is provisioned here yet; the object is kept as it was
//! written, its secrets sealed, and shown with a mask in their place.

use doorward_model::audit::MASK;
use doorward_model::document::Object;
use doorward_model::secret::Secret;
use doorward_objects::Set;
use serde_json::{Map, Value, json};

use super::super::Api;
use super::super::fields::{Field, Shape, field, needed, shaped, web_url};
use super::super::outside;
use super::super::refusal::Refusal;
use super::super::written::Written;
use super::kept_app;

const NAME: &str = "scim_config";

const FIELDS: &[Field] = &[
    field("enabled", Shape::Flag),
    field("idp_uid", Shape::Name),
    field("remote_uri", Shape::Name),
    field("deactivate_on_delete", Shape::Flag),
    field("mappings", Shape::List),
];
const MAPPING: &[Field] = &[
    field("schema", Shape::Text),
    field("enabled", Shape::Flag),
    field("filter", Shape::Text),
    field("transform_jsonata", Shape::Text),
    field("strictness", Shape::Text),
    field("operations", Shape::Object),
];
const OPERATIONS: &[Field] =
    &[field("create", Shape::Flag), field("update", Shape::Flag), field("delete", Shape::Flag)];
/// What resources there are (RFC 7643 §4).
const SCHEMAS: [&str; 3] = [
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:Group",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
];

/// How a service wants to be asked.
struct Scheme {
    name: &'static str,
    fields: &'static [Field],
    needed: &'static [&'static str],
    secret: &'static str,
}

const SCHEMES: [Scheme; 4] = [
    Scheme {
        name: "httpbasic",
        fields: &[field("scheme", Shape::Text), field("user", Shape::Name), field("password", Shape::Name)],
        needed: &["user", "password"],
        secret: "password",
    },
    Scheme {
        name: "oauthbearertoken",
        fields: &[field("scheme", Shape::Text), field("token", Shape::Name)],
        needed: &["token"],
        secret: "token",
    },
    Scheme {
        name: "oauth2",
        fields: &[
            field("scheme", Shape::Text),
            field("client_id", Shape::Name),
            field("client_secret", Shape::Name),
            field("authorization_url", Shape::WebUrl),
            field("token_url", Shape::WebUrl),
            field("scopes", Shape::Texts),
        ],
        needed: &["client_id", "client_secret", "authorization_url", "token_url"],
        secret: "client_secret",
    },
    Scheme {
        name: "access_service_token",
        fields: &[field("scheme", Shape::Text), field("client_id", Shape::Name), field("client_secret", Shape::Name)],
        needed: &["client_id", "client_secret"],
        secret: "client_secret",
    },
];

/// Puts what is shown of a `scim_config` in the place of the one that was
/// written. Gives its secrets, in the order of the schemes they belong to.
pub(super) fn read(
    api: &Api,
    set: &Set,
    fields: &mut Map<String, Value>,
    before: Option<&Object>,
) -> Result<Option<Secret>, Refusal> {
    let Some(Value::Object(written)) = fields.remove(NAME) else { return Ok(None) };
    let below = |refusal: Refusal| refusal.below(&format!("/{NAME}"));
    let authentication = written.get("authentication").cloned();
    let mut config = shaped(&Written::part(written), FIELDS).map_err(below)?;
    target(api, set, &config).map_err(below)?;
    mappings(&mut config).map_err(below)?;
    let mut secrets = Vec::new();
    match authentication {
        None => {}
        Some(Value::Array(schemes)) => {
            let mut shown = Vec::new();
            for (scheme, index) in schemes.into_iter().zip(0..) {
                let below = |refusal: Refusal| refusal.below(&format!("/{NAME}/authentication/{index}"));
                let (scheme, secret) = authenticated(api, scheme).map_err(below)?;
                shown.push(scheme);
                secrets.push(secret);
            }
            config.insert("authentication".into(), Value::Array(shown));
        }
        Some(scheme) => {
            let below = |refusal: Refusal| refusal.below(&format!("/{NAME}/authentication"));
            let (scheme, secret) = authenticated(api, scheme).map_err(below)?;
            config.insert("authentication".into(), scheme);
            secrets.push(secret);
        }
    }
    let config = Value::Object(config);
    let secrets = known(secrets, &config, before)?;
    fields.insert(NAME.into(), config);
    Ok((!secrets.is_empty()).then(|| Secret::new(json!(secrets).to_string())))
}

/// Which accounts go where.
fn target(api: &Api, set: &Set, config: &Map<String, Value>) -> Result<(), Refusal> {
    ["idp_uid", "remote_uri"].into_iter().try_for_each(|name| needed(config, name))?;
    let idp = config["idp_uid"].as_str().unwrap_or_default();
    if !api.has_provider(set, idp) {
        return Err(Refusal::invalid("/idp_uid", format!("there is no identity provider {idp}")));
    }
    let uri = config["remote_uri"].as_str().unwrap_or_default();
    // Without a scheme it is a host, as Access takes it.
    let uri = if uri.contains("://") { uri.to_owned() } else { format!("https://{uri}") };
    callable(api, "remote_uri", &uri)
}

fn callable(api: &Api, name: &str, url: &str) -> Result<(), Refusal> {
    let checked = web_url(name, url).and_then(|url| outside::allowed(name, &url, api.0.allow_http));
    checked.map_err(|detail| Refusal::invalid(format!("/{name}"), detail))
}

fn mappings(config: &mut Map<String, Value>) -> Result<(), Refusal> {
    let Some(Value::Array(written)) = config.remove("mappings") else { return Ok(()) };
    let mut kept = Vec::new();
    for (mapping, index) in written.into_iter().zip(0..) {
        kept.push(self::mapping(mapping).map_err(|refusal| refusal.below(&format!("/mappings/{index}")))?);
    }
    config.insert("mappings".into(), Value::Array(kept));
    Ok(())
}

fn mapping(written: Value) -> Result<Value, Refusal> {
    let Value::Object(written) = written else { return Err(Refusal::invalid("", "a mapping is an object")) };
    let mut mapping = shaped(&Written::part(written), MAPPING)?;
    needed(&mapping, "schema")?;
    if !mapping["schema"].as_str().is_some_and(|schema| SCHEMAS.contains(&schema)) {
        let text = format!("invalid SCIM schema in mappings: it is one of {}", SCHEMAS.join(", "));
        return Err(Refusal::invalid("/schema", text));
    }
    let strictness = mapping.get("strictness").and_then(Value::as_str);
    if strictness.is_some_and(|word| !["strict", "passthrough"].contains(&word)) {
        return Err(Refusal::invalid("/strictness", "strictness is strict or passthrough"));
    }
    if let Some(Value::Object(operations)) = mapping.remove("operations") {
        let operations = shaped(&Written::part(operations), OPERATIONS);
        let operations = operations.map_err(|refusal| refusal.below("/operations"))?;
        mapping.insert("operations".into(), Value::Object(operations));
    }
    Ok(Value::Object(mapping))
}

/// A scheme as it is shown, and its secret.
fn authenticated(api: &Api, written: Value) -> Result<(Value, String), Refusal> {
    let scheme = SCHEMES.iter().find(|scheme| written.get("scheme").is_some_and(|name| name == scheme.name));
    let (Value::Object(written), Some(scheme)) = (written, scheme) else {
        let names = SCHEMES.map(|scheme| scheme.name).join(", ");
        return Err(Refusal::invalid("/scheme", format!("the scheme of an authentication is one of {names}")));
    };
    let mut fields = shaped(&Written::part(written), scheme.fields)?;
    scheme.needed.iter().try_for_each(|name| needed(&fields, name))?;
    for name in ["authorization_url", "token_url"] {
        fields.get(name).and_then(Value::as_str).map_or(Ok(()), |url| callable(api, name, url))?;
    }
    let secret = fields.insert(scheme.secret.into(), json!(MASK));
    let secret = secret.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((Value::Object(fields), secret))
}

/// Callers send back what they were shown. A mask stands for the secret that
/// was there, as long as the secret would go to the same place.
fn known(secrets: Vec<String>, config: &Value, before: Option<&Object>) -> Result<Vec<String>, Refusal> {
    if !secrets.iter().any(|secret| secret == MASK) {
        return Ok(secrets);
    }
    let kept = before.and_then(|before| {
        let config = kept_app(before).ok()?.more.get(NAME)?.clone();
        let secrets = serde_json::from_str::<Vec<String>>(before.content.secret.as_ref()?.expose()).ok()?;
        Some((config, secrets))
    });
    let same = |name: &str| kept.as_ref().is_some_and(|(before, _)| before.get(name) == config.get(name));
    match &kept {
        Some((_, kept)) if same("remote_uri") && same("authentication") => {
            let unmasked = secrets.into_iter().zip(kept);
            Ok(unmasked.map(|(new, kept)| if new == MASK { kept.clone() } else { new }).collect())
        }
        _ => Err(Refusal::invalid(
            format!("/{NAME}/authentication"),
            "the secret is masked; write it out where it is new, or would be sent elsewhere than before",
        )),
    }
}
