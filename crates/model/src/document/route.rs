//! A route: in the words of cloudflared's ingress rules, as Access has no such object.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::app::{AppDomain, InvalidAppDomain};
use crate::route::{Allowed, Destinations, InvalidDestination, InvalidService, Route, Service};

/// What a `[[route]]` of the configuration file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteDocument {
    pub hostname: String,
    /// Empty: the whole host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The origin's URL, `bastion` or `demo`.
    pub service: String,
    /// Where a bastion may lead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_destinations: Vec<String>,
}

/// Why a route's document is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoute {
    #[error(transparent)]
    Address(#[from] InvalidAppDomain),
    #[error(transparent)]
    Service(#[from] InvalidService),
    #[error(transparent)]
    Destination(#[from] InvalidDestination),
    #[error("a bastion, and nothing else, needs allowed_destinations")]
    Destinations,
}

/// A route is named by the address it serves: there is one for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteId(AppDomain);

impl RouteId {
    #[must_use]
    pub const fn address(&self) -> &AppDomain {
        &self.0
    }
}

impl From<&Route> for RouteId {
    fn from(route: &Route) -> Self {
        Self(AppDomain { host: route.hostname.clone(), path: route.path.clone() })
    }
}

impl std::str::FromStr for RouteId {
    type Err = InvalidAppDomain;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

const BASTION: &str = "bastion";
const DEMO: &str = "demo";

impl TryFrom<RouteDocument> for Route {
    type Error = InvalidRoute;

    fn try_from(document: RouteDocument) -> Result<Self, Self::Error> {
        let address: AppDomain = format!("{}{}", document.hostname, document.path).parse()?;
        let allowed =
            document.allowed_destinations.iter().map(|text| text.parse()).collect::<Result<Vec<Allowed>, _>>()?;
        let service = match (document.service.as_str(), Destinations::new(allowed)) {
            (BASTION, Some(allowed)) => Service::Bastion(Arc::new(allowed)),
            (BASTION, None) | (_, Some(_)) => return Err(InvalidRoute::Destinations),
            (DEMO, None) => Service::Demo,
            (service, None) => service.parse()?,
        };
        Ok(Self { hostname: address.host, path: address.path, service })
    }
}

impl From<&Route> for RouteDocument {
    fn from(route: &Route) -> Self {
        let (service, allowed_destinations) = match &route.service {
            Service::Demo => (DEMO.to_owned(), vec![]),
            Service::Bastion(allowed) => (BASTION.to_owned(), allowed.iter().map(ToString::to_string).collect()),
            service @ (Service::Http { .. } | Service::Tcp(_)) => (service.to_string(), vec![]),
        };
        Self {
            hostname: route.hostname.to_string(),
            path: route.path.as_str().to_owned(),
            service,
            allowed_destinations,
        }
    }
}
