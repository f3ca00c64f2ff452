//! A rule group ("Access group"): rules under one name, usable as a rule.

use serde::{Deserialize, Serialize};

use crate::id::GroupId;
use crate::rule::Rule;

/// A named set of rules with the same meaning as a policy's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub include: Vec<Rule>,
    #[serde(default)]
    pub require: Vec<Rule>,
    #[serde(default)]
    pub exclude: Vec<Rule>,
}
