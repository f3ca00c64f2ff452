//! How the App Launcher looks. It is only looks: what cannot be shown is left out.

use doorward_model::colour::Colour;
use serde_json::Value;

use super::section::{Section, inline_table, quoted};
use super::web_url;
use crate::account::{items, text};
use crate::report::Report;

/// The fields that say it.
pub(super) const DESIGN: [&str; 3] = ["app_launcher_logo_url", "bg_color", "footer_links"];

pub(super) fn design(what: &str, app: &Value, section: &mut Section, report: &mut Report) {
    let mut maybe = |field: &str, usable: fn(&str) -> Result<(), String>| {
        let Some(written) = text(app, field) else { return };
        match usable(written) {
            Ok(()) => section.text(field, written),
            Err(why) => report.left(format!("{field} of {what}"), why),
        }
    };
    maybe("app_launcher_logo_url", |url| web_url(url, true));
    maybe("bg_color", |colour| Colour::try_from(colour.to_owned()).map(|_| ()).map_err(|error| error.to_string()));
    let links: Vec<String> =
        items(app, "footer_links").iter().filter_map(|link| footer_link(what, link, report)).collect();
    if !links.is_empty() {
        section.list("footer_links", &links);
    }
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
