//! What `[team]` says beyond where the team is, and the pages of its own.

use doorward_model::colour::Colour;
use doorward_model::custom_page::PageKind;
use doorward_model::id::CustomPageId;
use doorward_model::organization::LoginDesign;
use doorward_model::time::Lifetime;

use super::super::document::{At, Table};
use super::objects::{https_url, names, uuid, word};
use super::{host_name, naming};

/// The organisation's settings, under `[team]`.
pub(in crate::config) struct RawOrganization {
    pub(in crate::config) session_duration: Option<Lifetime>,
    pub(in crate::config) auto_redirect_to_identity: Option<bool>,
    pub(in crate::config) deny_unmatched_requests: Option<At<bool>>,
    pub(in crate::config) exempted_zones: Vec<At<String>>,
    pub(in crate::config) strict_service_token_auth: Option<bool>,
    pub(in crate::config) login_design: Option<LoginDesign>,
    /// `custom_pages = { forbidden = "…", identity_denied = "…" }`, by name or id.
    pub(in crate::config) forbidden: Option<At<String>>,
    pub(in crate::config) identity_denied: Option<At<String>>,
}

const KEYS: [&str; 7] = [
    "session_duration",
    "auto_redirect_to_identity",
    "deny_unmatched_requests",
    EXEMPTED,
    "strict_service_token_auth",
    "login_design",
    "custom_pages",
];
const EXEMPTED: &str = "deny_unmatched_requests_exempted_zone_names";

impl RawOrganization {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let is_written = KEYS.iter().filter(|key| table.has(key)).count() > 0;
        let pages = table.table("custom_pages").map(|pages| {
            let named = (pages.text("forbidden"), pages.text("identity_denied"));
            pages.close();
            named
        });
        let (forbidden, identity_denied) = pages.unwrap_or_default();
        is_written.then(|| Self {
            session_duration: table.read("session_duration", str::parse::<Lifetime>).map(|at| at.value),
            auto_redirect_to_identity: table.flag("auto_redirect_to_identity").map(|at| at.value),
            deny_unmatched_requests: table.flag("deny_unmatched_requests"),
            exempted_zones: table.list(EXEMPTED, host_name).map(|list| list.value).unwrap_or_default(),
            strict_service_token_auth: table.flag("strict_service_token_auth").map(|at| at.value),
            login_design: table.table("login_design").map(login_design),
            forbidden,
            identity_denied,
        })
    }
}

fn login_design(table: Table<'_>) -> LoginDesign {
    let text = |key| table.text(key).map(|at| at.value);
    let colour = |key| table.read(key, |text| naming(text, Colour::try_from(text.to_owned()))).map(|at| at.value);
    let design = LoginDesign {
        background_color: colour("background_color"),
        text_color: colour("text_color"),
        header_text: text("header_text"),
        footer_text: text("footer_text"),
        logo_path: table.read("logo_path", https_url).map(|at| at.value.into()),
    };
    table.close();
    design
}

/// `[[custom_page]]`
pub(in crate::config) struct RawCustomPage {
    pub(in crate::config) name: Option<At<String>>,
    pub(in crate::config) id: Option<At<CustomPageId>>,
    pub(in crate::config) kind: Option<At<PageKind>>,
    /// The text itself, or the file that it is in.
    pub(in crate::config) html: Option<At<String>>,
    pub(in crate::config) contract_version: Option<At<u32>>,
}

impl RawCustomPage {
    pub(super) fn read(table: Table<'_>) -> Self {
        let page = Self {
            name: table.needed("name"),
            id: table.read("id", uuid),
            kind: table.needed_as("type", |text| word::<PageKind>(text, &PageKind::ALL)),
            html: html(&table),
            contract_version: table.number("contract_version"),
        };
        table.close();
        page
    }
}

fn html(table: &Table<'_>) -> Option<At<String>> {
    if table.has("custom_html") == table.has("custom_html_file") {
        let text = "a [[custom_page]] has its text in custom_html, or the path of a file with it in custom_html_file";
        table.findings().error(table.line, text);
    }
    let file = table.read("custom_html_file", |path| {
        std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read: {error}"))
    });
    table.text("custom_html").or(file)
}

pub(in crate::config) fn page_names(table: &Table<'_>) -> Vec<At<String>> {
    names(table, "custom_pages")
}
