//! One request at this door, with everything a handler asks of it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use doorward_model::arrival::Arrival;
use doorward_model::catalog::Catalog;
use doorward_model::identity::Identity;
use doorward_policy::Facts;
use http::HeaderMap;
use http::request::Parts;
use tower_cookies::Cookies;
use url::form_urlencoded;

use crate::Login;

/// A request: where it came from, what it carries, and the configuration that
/// was in force when it arrived. Cookies for the answer go into `cookies`.
pub(crate) struct Visit {
    pub(crate) login: Arc<Login>,
    pub(crate) arrival: Arrival,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) headers: HeaderMap,
    pub(crate) cookies: Cookies,
    query: String,
}

impl Visit {
    /// The first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// What policies may know of this request, which is for somebody with the
    /// client certificate of this common name.
    pub(crate) fn facts<'a>(&'a self, identity: Option<&'a Identity>, certificate: Option<&'a str>) -> Facts<'a> {
        Facts {
            identity,
            certificate,
            country: self.arrival.country.as_deref(),
            ..Facts::of_nobody(self.arrival.client_ip)
        }
    }

    /// Whether a program asks that reads JSON and not pages.
    pub(crate) fn wants_json(&self) -> bool {
        let accept = self.headers.get(http::header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        accept.contains("application/json") && !accept.contains("text/html")
    }
}

impl FromRequestParts<Arc<Login>> for Visit {
    type Rejection = Infallible;

    /// # Panics
    /// When a request did not come through the edge: it alone may say where from.
    async fn from_request_parts(parts: &mut Parts, login: &Arc<Login>) -> Result<Self, Infallible> {
        Ok(Self {
            arrival: parts.extensions.get::<Arrival>().cloned().expect("the edge says how a request arrived"),
            cookies: parts.extensions.get::<Cookies>().cloned().unwrap_or_default(),
            catalog: login.catalog.snapshot(),
            headers: parts.headers.clone(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            login: login.clone(),
        })
    }
}
