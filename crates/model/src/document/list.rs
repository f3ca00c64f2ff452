//! A list: addresses or networks that rules refer to by one id.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::ListId;
use crate::list::{EMAIL, IP, Items, List};
use crate::rule::Network;

/// `…/gateway/lists/{id}`, its items with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListDocument {
    pub id: ListId,
    pub name: String,
    /// `EMAIL` and `IP` can be used in rules; the others are objects and no more.
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub items: Vec<ListItem>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One thing in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListItem {
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl ListDocument {
    /// The list that rules look into; `None` for a type that none does.
    ///
    /// # Errors
    /// When an item is none of its type: leaving it out could open what an
    /// `exclude` closes.
    pub fn list(&self) -> Result<Option<List>, String> {
        let values = self.items.iter().map(|item| item.value.as_str());
        let items = match self.kind.as_str() {
            EMAIL => Items::Emails(
                values
                    .map(|value| value.parse().map_err(|error| format!("\"{value}\": {error}")))
                    .collect::<Result<_, _>>()?,
            ),
            IP => {
                let networks = values.map(|value| value.parse().map_err(|error| format!("{error}")));
                let networks: Vec<Network> = networks.collect::<Result<_, _>>()?;
                Items::Networks(networks.iter().map(Network::net).collect())
            }
            _ => return Ok(None),
        };
        Ok(Some(List { id: self.id, name: self.name.clone(), items }))
    }
}
