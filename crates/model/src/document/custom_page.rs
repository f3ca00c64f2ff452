//! A custom page.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::custom_page::{CustomPage, PageKind};
use crate::id::CustomPageId;

/// `…/access/custom_pages/{uid}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomPageDocument {
    pub uid: CustomPageId,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: PageKind,
    pub custom_html: String,
    /// One or more: the text is a template; absent: it is shown as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract_version: Option<u32>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl From<CustomPageDocument> for CustomPage {
    fn from(document: CustomPageDocument) -> Self {
        Self {
            id: document.uid,
            name: document.name,
            kind: document.kind,
            html: document.custom_html,
            is_template: document.contract_version.is_some_and(|version| version > 0),
        }
    }
}

impl From<&CustomPage> for CustomPageDocument {
    fn from(page: &CustomPage) -> Self {
        Self {
            uid: page.id,
            name: page.name.clone(),
            kind: page.kind,
            custom_html: page.html.clone(),
            contract_version: page.is_template.then_some(1),
            more: Map::new(),
        }
    }
}
