//! A rule group.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::group::Group;
use crate::id::GroupId;
use crate::rule::Rule;

/// `…/access/groups/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupDocument {
    pub id: GroupId,
    pub name: String,
    #[serde(default)]
    pub include: Vec<Rule>,
    #[serde(default)]
    pub exclude: Vec<Rule>,
    #[serde(default)]
    pub require: Vec<Rule>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl From<GroupDocument> for Group {
    fn from(document: GroupDocument) -> Self {
        let GroupDocument { id, name, include, exclude, require, .. } = document;
        Self { id, name, include, require, exclude }
    }
}

impl From<&Group> for GroupDocument {
    fn from(group: &Group) -> Self {
        let Group { id, name, include, require, exclude } = group.clone();
        Self { id, name, include, exclude, require, more: Map::new() }
    }
}
