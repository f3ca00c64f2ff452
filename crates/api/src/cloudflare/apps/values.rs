//! What the shapes of an application's fields do not say.

use doorward_model::app::{Cors, FieldName};
use doorward_model::document::{Key, Kind};
use doorward_objects::Set;
use serde_json::{Map, Value};

use super::super::Api;
use super::super::fields::web_url;
use super::super::refusal::Refusal;

/// What refers to something, or is one of a few words.
pub(super) fn checked(api: &Api, set: &Set, fields: &mut Map<String, Value>) -> Result<(), Refusal> {
    let texts = |name: &str| fields.get(name).and_then(Value::as_array).into_iter().flatten().zip(0..);
    for (idp, index) in texts("allowed_idps") {
        let id = idp.as_str().unwrap_or_default();
        if !api.has_provider(set, id) {
            return Err(Refusal::invalid(
                format!("/allowed_idps/{index}"),
                format!("there is no identity provider {id}"),
            ));
        }
    }
    for (page, index) in texts("custom_pages") {
        let id = page.as_str().unwrap_or_default();
        if set.get(&Key::new(Kind::CustomPage, id.to_lowercase())).is_none() {
            return Err(Refusal::invalid(format!("/custom_pages/{index}"), format!("there is no custom page {id}")));
        }
    }
    for (tag, index) in texts("tags") {
        let name = tag.as_str().unwrap_or_default();
        if set.get(&Key::new(Kind::Tag, name)).is_none() {
            return Err(Refusal::invalid(format!("/tags/{index}"), format!("unknown tag {name}; create it first")));
        }
    }
    if let Some(Value::Array(tags)) = fields.get_mut("tags") {
        tags.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
    }
    links(fields)?;
    let same_site = fields.get("same_site_cookie_attribute").and_then(Value::as_str);
    if same_site.is_some_and(|word| !["none", "lax", "strict"].contains(&word)) {
        let text = "same_site_cookie_attribute is none, lax or strict";
        return Err(Refusal::invalid("/same_site_cookie_attribute", text));
    }
    if let Some(cors) = fields.get("cors_headers")
        && fields.get("options_preflight_bypass") != Some(&Value::Bool(true))
    {
        serde_json::from_value::<Cors>(cors.clone()).map_err(|error| Refusal::invalid("/cors_headers", error))?;
    }
    let header = fields.get("read_service_tokens_from_header").and_then(Value::as_str);
    let header = header.and_then(|name| FieldName::try_from(name.to_owned()).ok());
    if header.is_some_and(|name| !name.may_carry_a_service_token()) {
        let text = "read_service_tokens_from_header names a header that has a meaning of its own";
        return Err(Refusal::invalid("/read_service_tokens_from_header", text));
    }
    if fields.get("options_preflight_bypass") == Some(&Value::Bool(true)) && fields.contains_key("cors_headers") {
        let text = "options_preflight_bypass cannot be turned on where cors_headers are set";
        return Err(Refusal::invalid("/options_preflight_bypass", text));
    }
    Ok(())
}

/// What people may be led to from a page of ours: never a script (P-10).
fn links(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bookmark = fields.get("type").is_some_and(|kind| kind == "bookmark");
    if let Some(domain) = fields.get("domain").filter(|_| bookmark).map(text) {
        let url = if domain.contains(':') || domain.starts_with('/') { domain } else { format!("https://{domain}") };
        web_url("domain", &url).map_err(|detail| Refusal::invalid("/domain", detail))?;
    }
    let footer = fields.get("footer_links").and_then(Value::as_array);
    for (link, index) in footer.into_iter().flatten().zip(0..) {
        let pointer = format!("/footer_links/{index}/url");
        web_url("url", &text(&link["url"])).map_err(|detail| Refusal::invalid(pointer, detail))?;
    }
    let image = fields.get("landing_page_design").and_then(|design| design.get("image_url"));
    if let Some(image) = image.map(text).filter(|image| !image.is_empty()) {
        let pointer = "/landing_page_design/image_url";
        web_url("image_url", &image).map_err(|detail| Refusal::invalid(pointer, detail))?;
    }
    Ok(())
}
