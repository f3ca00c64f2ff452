//! Which part of a list is wanted, and by which of its members.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde_json::Value;

use super::refusal::Refusal;

/// The most that one page holds.
const MOST: usize = 1000;

/// What a list is asked for.
pub(super) struct Wanted(HashMap<String, String>);

/// One page of what there is.
pub(super) struct Page {
    pub(super) page: usize,
    pub(super) per_page: usize,
    pub(super) total: usize,
    pub(super) items: Vec<Value>,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(pairs) = query.map_err(|error| Refusal::unreadable(error.body_text()))?;
        if let Some((name, _)) = pairs.iter().find(|(_, value)| value.contains(char::is_control)) {
            return Err(Refusal::invalid(format!("/{name}"), format!("{name} holds a control character")));
        }
        Ok(Self(pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect()))
    }
}

impl Wanted {
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether the value of a filter, where it is given, is exactly this.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_none_or(|wanted| wanted == value)
    }

    /// Whether any of the texts holds what is searched for, in any case.
    pub(super) fn searched<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> bool {
        let Some(wanted) = self.text("search").map(str::to_lowercase) else { return true };
        texts.into_iter().any(|text| text.to_lowercase().contains(&wanted))
    }

    /// The page out of everything; one past the end is empty.
    pub(super) fn page(&self, items: Vec<Value>, usual: usize) -> Result<Page, Refusal> {
        let (page, per_page) = self.place(usual)?;
        let total = items.len();
        let items = items.into_iter().skip((page - 1).saturating_mul(per_page)).take(per_page).collect();
        Ok(Page { page, per_page, total, items })
    }

    /// Which page, and how much is on one.
    pub(super) fn place(&self, usual: usize) -> Result<(usize, usize), Refusal> {
        Ok((self.number("page", 1)?, self.number("per_page", usual)?.min(MOST)))
    }

    pub(super) fn number(&self, name: &str, usual: usize) -> Result<usize, Refusal> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let number = text.parse().ok().filter(|number| *number > 0);
        number.ok_or_else(|| Refusal::invalid(format!("/{name}"), format!("{name} is a number from 1 on")))
    }
}
