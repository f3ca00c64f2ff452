//! How the App Launcher looks, under the application of that type.

use doorward_model::app::{FooterLink, LandingPage, LauncherDesign};
use doorward_model::colour::Colour;

use super::objects::https_url;
use super::{naming, web_url};
use crate::config::document::Table;

pub(super) fn design(table: &Table<'_>) -> LauncherDesign {
    let links = table.tables("footer_links").into_iter().filter_map(|link| {
        let (name, url) = (link.needed("name"), link.needed_as("url", web_url));
        link.close();
        Some(FooterLink { name: name?.value, url: url?.value.into() })
    });
    LauncherDesign {
        app_launcher_logo_url: table.read("app_launcher_logo_url", https_url).map(|at| at.value.into()),
        bg_color: table.read("bg_color", colour).map(|at| at.value),
        header_bg_color: table.read("header_bg_color", colour).map(|at| at.value),
        footer_links: links.collect(),
        landing_page_design: table.table("landing_page_design").map(landing_page),
        skip_app_launcher_login_page: table.flag("skip_app_launcher_login_page").is_some_and(|at| at.value),
    }
}

fn landing_page(table: Table<'_>) -> LandingPage {
    let page = LandingPage {
        title: table.text("title").map(|at| at.value),
        message: table.text("message").map(|at| at.value),
        image_url: table.read("image_url", https_url).map(|at| at.value.into()),
        button_color: table.read("button_color", colour).map(|at| at.value),
        button_text_color: table.read("button_text_color", colour).map(|at| at.value),
    };
    table.close();
    page
}

fn colour(text: &str) -> Result<Colour, String> {
    naming(text, Colour::try_from(text.to_owned()))
}
