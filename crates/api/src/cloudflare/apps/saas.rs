//! `saas_app`: what makes an application one that people sign in to by OpenID
//! Connect or SAML (Access docs, "SaaS applications"). What the team decides
//! about it (client id and secret, certificate, endpoints) is made here, never
//! written; of the secret only a digest is kept.

use doorward_model::document::{AppExtension, Object};
use doorward_model::id::Aud;
use doorward_model::secret::{Secret, random_hex};
use serde_json::{Map, Value, json};
use url::Url;

use super::super::Api;
use super::super::fields::{Field, Shape, field, needed, shaped};
use super::super::refusal::Refusal;
use super::super::written::Written;
use super::kept_app;

/// The type that has a `saas_app`.
const SAAS: &str = "saas";
const OIDC: &str = "oidc";
const SAML: &str = "saml";

/// Of both protocols: clients send the defaults of one with the other.
const FIELDS: &[Field] = &[
    field("auth_type", Shape::Text),
    field("redirect_uris", Shape::Texts),
    field("grant_types", Shape::Texts),
    field("scopes", Shape::Texts),
    field("app_launcher_url", Shape::WebUrl),
    field("group_filter_regex", Shape::Text),
    field("access_token_lifetime", Shape::Text),
    field("refresh_token_options", Shape::Object),
    field("allow_pkce_without_client_secret", Shape::Flag),
    field("hybrid_and_implicit_options", Shape::Object),
    field("custom_claims", Shape::List),
    field("sp_entity_id", Shape::Text),
    field("consumer_service_url", Shape::WebUrl),
    field("name_id_format", Shape::Text),
    field("default_relay_state", Shape::Text),
    field("custom_attributes", Shape::List),
    field("name_id_transform_jsonata", Shape::Text),
    field("saml_attribute_transform_jsonata", Shape::Text),
];
const REFRESHING: &[Field] = &[field("lifetime", Shape::Text)];
const HYBRID: &[Field] = &[
    field("return_access_token_from_authorization_endpoint", Shape::Flag),
    field("return_id_token_from_authorization_endpoint", Shape::Flag),
];
/// A claim or an attribute of the application's own.
const CUSTOM: &[Field] = &[
    field("name", Shape::Name),
    field("friendly_name", Shape::Text),
    field("name_format", Shape::Text),
    field("required", Shape::Flag),
    field("scope", Shape::Text),
    field("source", Shape::Object),
];
/// An object from provider to name for claims, a list of both for attributes.
const SOURCE_OF_CLAIM: &[Field] = &[field("name", Shape::Text), field("name_by_idp", Shape::Object)];
const SOURCE_OF_ATTRIBUTE: &[Field] = &[field("name", Shape::Text), field("name_by_idp", Shape::List)];

const SCOPES: &[&str] = &["openid", "email", "profile", "groups"];
const REFRESH: &str = "refresh_tokens";
const GRANTS: &[&str] = &["authorization_code", "authorization_code_with_pkce", REFRESH, "hybrid", "implicit"];
const NAME_FORMATS: &[&str] = &[
    "urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
    "urn:oasis:names:tc:SAML:2.0:attrname-format:uri",
];
const A_DAY: u64 = 24 * 60;

/// The client of an application that has none yet. A plan that is made twice
/// makes the same one.
pub(super) struct NewClient {
    id: String,
    secret: Secret,
}

impl NewClient {
    pub(super) fn random() -> Self {
        Self { id: random_hex::<32>(), secret: Secret::new(random_hex::<32>()) }
    }

    /// Tells the secret in the answer to the call that made the client.
    pub(super) fn tell(&self, object: &Object, shown: &mut Value) {
        let digest = object.extension::<AppExtension>().ok().and_then(|extension| extension.saas_client_secret);
        if digest.is_some_and(|digest| digest == self.secret.digest().to_hex()) {
            shown["saas_app"]["client_secret"] = json!(self.secret.expose());
        }
    }
}

/// Puts what is kept of a `saas_app` in the place of the one that was written.
/// Gives the digest of its client's secret, where it has one.
pub(super) fn read(
    fields: &mut Map<String, Value>,
    before: Option<&Object>,
    new: &NewClient,
) -> Result<Option<String>, Refusal> {
    let is_saas = fields.get("type").is_some_and(|kind| kind == SAAS);
    let Some(Value::Object(written)) = fields.remove("saas_app") else { return Ok(None) };
    if !is_saas {
        return Err(Refusal::invalid("/saas_app", "only an application of type saas has a saas_app"));
    }
    let mut saas = kept(written).map_err(|refusal| refusal.below("/saas_app"))?;
    let client = (saas.get("auth_type").is_some_and(|kind| kind == OIDC)).then(|| {
        let known = before.and_then(client_of);
        known.unwrap_or_else(|| (new.id.clone(), new.secret.digest().to_hex()))
    });
    if let Some((id, _)) = &client {
        saas.insert("client_id".into(), json!(id));
    }
    fields.insert("saas_app".into(), Value::Object(saas));
    Ok(client.map(|(_, secret)| secret))
}

/// The id of an application's client, and the digest of its secret.
fn client_of(object: &Object) -> Option<(String, String)> {
    let secret = object.extension::<AppExtension>().ok()?.saas_client_secret?;
    let id = kept_app(object).ok()?.more.get("saas_app")?.get("client_id")?.as_str()?.to_owned();
    Some((id, secret))
}

/// The application as it is shown: with what the team decides about it. What
/// certifies its signatures is the team's certificate of now.
pub(super) fn complete(api: &Api, aud: &Aud, saas: &mut Map<String, Value>) {
    let kind = saas.entry("auth_type").or_insert_with(|| json!(SAML)).clone();
    if kind == OIDC {
        saas.entry("access_token_lifetime").or_insert_with(|| json!("5m"));
        saas.entry("allow_pkce_without_client_secret").or_insert_with(|| json!(false));
    } else {
        let sign_on = format!("{}/cdn-cgi/access/sso/saml/{aud}", api.0.objects.catalog().load().team().url);
        saas.insert("idp_entity_id".into(), json!(sign_on));
        saas.insert("sso_endpoint".into(), json!(sign_on));
    }
    saas.insert("public_key".into(), json!((api.0.signing_keys.certificate)()));
}

fn kept(written: Map<String, Value>) -> Result<Map<String, Value>, Refusal> {
    let mut saas = shaped(&Written::part(written), FIELDS)?;
    words(&saas, "auth_type", &[OIDC, SAML])?;
    words(&saas, "name_id_format", &["id", "email"])?;
    words(&saas, "scopes", SCOPES)?;
    words(&saas, "grant_types", GRANTS)?;
    grants(&saas)?;
    redirects(&saas)?;
    lifetime(&saas, "access_token_lifetime", &[('m', 1), ('h', 60)], 1..=A_DAY)?;
    if let Some(options) = part(&mut saas, "refresh_token_options", REFRESHING)? {
        let days = [('m', 1), ('h', 60), ('d', A_DAY)];
        lifetime(options, "lifetime", &days, 2..=3660 * A_DAY)
            .map_err(|refusal| refusal.below("/refresh_token_options"))?;
    }
    part(&mut saas, "hybrid_and_implicit_options", HYBRID)?;
    customs(&mut saas, "custom_claims", SOURCE_OF_CLAIM)?;
    customs(&mut saas, "custom_attributes", SOURCE_OF_ATTRIBUTE)?;
    Ok(saas)
}

/// A text, or each of a list of them, is one of a few words.
fn words(fields: &Map<String, Value>, name: &str, known: &[&str]) -> Result<(), Refusal> {
    let wrong = |pointer: String| Err(Refusal::invalid(pointer, format!("{name}: one of {}", known.join(", "))));
    let is_known = |value: &Value| value.as_str().is_some_and(|word| known.contains(&word));
    match fields.get(name) {
        Some(Value::Array(items)) => match items.iter().position(|item| !is_known(item)) {
            Some(index) => wrong(format!("/{name}/{index}")),
            None => Ok(()),
        },
        Some(value) if !is_known(value) => wrong(format!("/{name}")),
        _ => Ok(()),
    }
}

fn grants(saas: &Map<String, Value>) -> Result<(), Refusal> {
    let grants: Vec<&str> =
        saas.get("grant_types").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    if grants.contains(&REFRESH) && grants.iter().any(|grant| ["hybrid", "implicit"].contains(grant)) {
        let text = "grant_types: refresh_tokens cannot be combined with hybrid or implicit";
        return Err(Refusal::invalid("/grant_types", text));
    }
    Ok(())
}

/// Where codes and tokens may be sent (RFC 6749 §3.1.2): absolute, without a
/// fragment, and nothing that runs in a browser (P-10). Programs on people's
/// machines have schemes of their own.
fn redirects(saas: &Map<String, Value>) -> Result<(), Refusal> {
    const RUNNING: [&str; 7] = ["javascript", "data", "vbscript", "blob", "file", "about", "view-source"];
    let uris = saas.get("redirect_uris").and_then(Value::as_array);
    for (uri, index) in uris.into_iter().flatten().zip(0..) {
        let url = Url::parse(uri.as_str().unwrap_or_default()).ok();
        let url = url.filter(|url| url.fragment().is_none() && !RUNNING.contains(&url.scheme()));
        let url = url.filter(|url| url.username().is_empty() && url.password().is_none());
        if url.is_none() {
            let text = "a redirect URI is absolute, without a fragment or password, as in https://app.example.com/cb";
            return Err(Refusal::invalid(format!("/redirect_uris/{index}"), text));
        }
    }
    Ok(())
}

/// A length of time in these units, so many minutes long.
fn lifetime(
    fields: &Map<String, Value>,
    name: &str,
    units: &[(char, u64)],
    minutes: std::ops::RangeInclusive<u64>,
) -> Result<(), Refusal> {
    let Some(text) = fields.get(name).and_then(Value::as_str) else { return Ok(()) };
    if self::minutes(text, units).is_some_and(|length| minutes.contains(&length)) {
        return Ok(());
    }
    let known: Vec<String> = units.iter().map(|(unit, _)| format!("1{unit}")).collect();
    let (shortest, longest) = (minutes.start(), minutes.end() / 60);
    let text = format!("{name} is written as in {}, from {shortest}m to {longest}h", known.join(" or "));
    Err(Refusal::invalid(format!("/{name}"), text))
}

fn minutes(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = rest[end..].chars().next()?;
        let (_, size) = units.iter().find(|(known, _)| *known == unit)?;
        sum = rest[..end].parse::<u64>().ok()?.checked_mul(*size)?.checked_add(sum)?;
        rest = &rest[end + unit.len_utf8()..];
    }
    Some(sum)
}

/// An object inside, held to its own fields.
fn part<'a>(
    fields: &'a mut Map<String, Value>,
    name: &str,
    known: &[Field],
) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    let Some(Value::Object(written)) = fields.get(name).cloned() else { return Ok(None) };
    let kept = shaped(&Written::part(written), known).map_err(|refusal| refusal.below(&format!("/{name}")))?;
    fields.insert(name.to_owned(), Value::Object(kept));
    Ok(fields[name].as_object())
}

fn customs(saas: &mut Map<String, Value>, name: &str, sources: &[Field]) -> Result<(), Refusal> {
    let Some(Value::Array(written)) = saas.remove(name) else { return Ok(()) };
    let mut kept = Vec::new();
    for (entry, index) in written.into_iter().zip(0..) {
        let pointer = format!("/{name}/{index}");
        let Value::Object(entry) = entry else {
            return Err(Refusal::invalid(pointer, format!("each of {name} is an object")));
        };
        kept.push(custom(entry, sources).map_err(|refusal| refusal.below(&pointer))?);
    }
    saas.insert(name.to_owned(), Value::Array(kept));
    Ok(())
}

fn custom(written: Map<String, Value>, sources: &[Field]) -> Result<Value, Refusal> {
    let mut custom = shaped(&Written::part(written), CUSTOM)?;
    needed(&custom, "name")?;
    words(&custom, "scope", SCOPES)?;
    words(&custom, "name_format", NAME_FORMATS)?;
    part(&mut custom, "source", sources)?;
    Ok(Value::Object(custom))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_the_sum_of_its_parts() {
        let units = [('m', 1), ('h', 60), ('d', A_DAY)];
        for (text, expected) in [
            ("5m", Some(5)),
            ("1h30m", Some(90)),
            ("30d", Some(30 * A_DAY)),
            ("", Some(0)),
            ("5", None),
            ("m", None),
            ("5s", None),
            ("-5m", None),
            ("99999999999999999999m", None),
            ("18446744073709551615d", None),
        ] {
            assert_eq!(minutes(text, &units), expected, "{text}");
        }
    }
}
