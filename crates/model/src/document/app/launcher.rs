//! What a launcher says about its pages. What cannot be shown is left out: it
//! is only looks.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::link;
use crate::app::{FooterLink, LandingPage, LauncherDesign};

pub(super) fn design(mut more: Map<String, Value>) -> LauncherDesign {
    let mut footer_links: Vec<FooterLink> = read(&mut more, "footer_links");
    footer_links.retain(|at| link(&at.url).as_ref() == Some(&at.url));
    LauncherDesign {
        app_launcher_logo_url: https(&mut more, "app_launcher_logo_url"),
        bg_color: read(&mut more, "bg_color"),
        header_bg_color: read(&mut more, "header_bg_color"),
        footer_links,
        landing_page_design: landing_page(read(&mut more, "landing_page_design")),
        skip_app_launcher_login_page: read(&mut more, "skip_app_launcher_login_page"),
    }
}

/// None where nothing is said about it.
fn landing_page(mut written: Map<String, Value>) -> Option<LandingPage> {
    let page = LandingPage {
        title: text(&mut written, "title"),
        message: text(&mut written, "message"),
        image_url: https(&mut written, "image_url"),
        button_color: read(&mut written, "button_color"),
        button_text_color: read(&mut written, "button_text_color"),
    };
    (page != LandingPage::default()).then_some(page)
}

fn read<T: DeserializeOwned + Default>(written: &mut Map<String, Value>, key: &str) -> T {
    written.remove(key).and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
}

fn text(written: &mut Map<String, Value>, key: &str) -> Option<String> {
    read::<Option<String>>(written, key).filter(|text| !text.trim().is_empty())
}

fn https(written: &mut Map<String, Value>, key: &str) -> Option<String> {
    text(written, key).filter(|url| url.starts_with("https://"))
}
