//! How the App Launcher looks. It is only looks: what cannot be shown is left out.

use doorward_model::colour::Colour;
use serde_json::{Value, json};

use super::section::{Section, inline_table, quoted};
use super::web_url;
use crate::account::{is_set, items, text};
use crate::report::Report;

/// The fields that say it.
pub(super) const DESIGN: [&str; 6] = [LOOKS[0], LOOKS[1], LOOKS[2], LINKS, GREETING, NO_GREETING];
const LOOKS: [&str; 3] = ["app_launcher_logo_url", "bg_color", "header_bg_color"];
const LINKS: &str = "footer_links";
/// The page that greets whoever has not signed in, and what is on it.
const GREETING: &str = "landing_page_design";
const NO_GREETING: &str = "skip_app_launcher_login_page";
const OF_GREETING: [&str; 5] = ["title", "message", "image_url", "button_color", "button_text_color"];

pub(super) fn design(what: &str, app: &Value, section: &mut Section, report: &mut Report) {
    for (field, value) in looks(what, app, &LOOKS, report) {
        section.written(field, &value);
    }
    let links: Vec<String> = items(app, LINKS).iter().filter_map(|link| footer_link(what, link, report)).collect();
    if !links.is_empty() {
        section.list(LINKS, &links);
    }
    let greeting = looks(&format!("{GREETING} of {what}"), &app[GREETING], &OF_GREETING, report);
    if !greeting.is_empty() {
        section.written(GREETING, &inline_table(&greeting));
    }
    if is_set(app, NO_GREETING) {
        section.value(NO_GREETING, &json!(true));
    }
}

/// Those of the fields that can be shown, as TOML.
fn looks(what: &str, from: &Value, fields: &[&'static str], report: &mut Report) -> Vec<(&'static str, String)> {
    let mut looks = Vec::new();
    for &field in fields {
        let Some(written) = text(from, field) else { continue };
        let usable = match field {
            url if url.ends_with("_url") => web_url(written, true),
            colour if colour.ends_with("_color") => {
                Colour::try_from(written.to_owned()).map(|_| ()).map_err(|error| error.to_string())
            }
            _ => Ok(()),
        };
        match usable {
            Ok(()) => looks.push((field, quoted(written))),
            Err(why) => report.left(format!("{field} of {what}"), why),
        }
    }
    looks
}

fn footer_link(what: &str, link: &Value, report: &mut Report) -> Option<String> {
    let (name, url) = (text(link, "name").unwrap_or_default(), text(link, "url").unwrap_or_default());
    let usable = if name.trim().is_empty() { Err("it has no name".to_owned()) } else { web_url(url, false) };
    match usable {
        Ok(()) => Some(inline_table(&[("name", quoted(name)), ("url", quoted(url))])),
        Err(why) => {
            report.left(format!("the link \"{name}\" below {what}"), why);
            None
        }
    }
}
