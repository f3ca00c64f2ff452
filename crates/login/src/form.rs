//! Forms of our own pages that come back: their fields, and whether they are ours.

use http::header::ORIGIN;
use url::form_urlencoded;

use crate::visit::Visit;

/// Larger bodies are not read: no form of ours has that much to say.
pub(crate) const LARGEST: usize = 32 * 1024;

/// The fields of a form, as browsers send them.
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    pub(crate) fn of(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// What the field holds; nothing where it is not there.
    pub(crate) fn field(&self, name: &str) -> String {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }
}

impl Visit {
    /// Whether a form comes from a page of this very host: it carries the
    /// person's cookie, whoever sent it. Browsers say it in `Sec-Fetch-Site`;
    /// where they do not, in `Origin`. Who says nothing of either kind is no
    /// page; that a form was made for its sender is held by a seal besides.
    pub(crate) fn is_own_form(&self) -> bool {
        if let Some(site) = self.headers.get("sec-fetch-site") {
            return site == "same-origin";
        }
        let own = self.arrival.origin();
        self.headers.get_all(ORIGIN).iter().all(|origin| origin.as_bytes() == own.as_bytes())
    }
}
