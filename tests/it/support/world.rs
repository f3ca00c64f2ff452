//! What most tests start with: an origin, and a gateway in front of it with the standard topology.

use std::net::SocketAddr;

use serde_json::json;

use super::client::{Client, Reply};
use super::config::{APP, Config};
use super::gateway::Gateway;
use super::origin::Origin;
use super::raw::{RawReply, exchange};

pub(crate) struct World {
    pub(crate) origin: Origin,
    pub(crate) gateway: Gateway,
}

impl World {
    pub(crate) async fn start() -> World {
        Self::with(|config| config).await
    }

    /// The standard topology after a change.
    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> World {
        let origin = Origin::start().await;
        let gateway = Gateway::serve(&change(Config::standard(&origin))).await;
        World { origin, gateway }
    }

    /// A URL on the host of the app `App`.
    pub(crate) fn app(&self, path: &str) -> String {
        self.gateway.at(APP, path)
    }

    /// A browser that nobody signed in with.
    pub(crate) fn stranger(&self) -> Client {
        Client::new(&self.gateway)
    }

    /// A browser that signed in to `App` through all its pages, as one of `@corp.test`.
    pub(crate) async fn signed_in(&self, email: &str) -> Client {
        let mut browser = self.stranger();
        let reply = browser.sign_in(&self.app("/"), email).await;
        assert_eq!(reply.status, 200, "{email} is let in: {}", reply.body);
        self.origin.forget();
        browser
    }

    /// A token for the app at this address, from the control API.
    pub(crate) async fn token(&self, email: &str, app: &str) -> String {
        self.gateway.token(json!({ "app": app, "email": email })).await
    }

    /// One `GET` with the bytes as they are in `target`, on a connection of its own. `fields` are whole header lines.
    pub(crate) async fn raw_get(&self, target: &str, fields: &[&str]) -> RawReply {
        let fields: String = fields.iter().map(|line| format!("{line}\r\n")).collect();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {APP}:{}\r\n{fields}\r\n", self.public().port());
        self.raw(request).await
    }

    /// These bytes on a connection of their own.
    pub(crate) async fn raw(&self, bytes: impl AsRef<[u8]>) -> RawReply {
        exchange(self.public(), bytes).await.expect("an answer before the end of the connection")
    }

    pub(crate) fn public(&self) -> SocketAddr {
        self.gateway.public()
    }

    /// `UNAUTH` of the attack catalogue, by the app of that name.
    pub(crate) fn assert_sent_to_sign_in(&self, status: u16, location: Option<&str>, app: &str, what: &str) {
        let location = location.unwrap_or_default();
        assert_eq!(status, 302, "{what} is sent to sign in, not {status} {location}");
        let prefix = format!("{}/cdn-cgi/access/login/", self.gateway.team_url());
        assert!(location.starts_with(&prefix), "{what}: {location}");
        assert!(location.contains(&format!("kid={}", self.gateway.aud(app))), "{what} is decided by {app}: {location}");
        self.origin.assert_untouched(what);
    }

    /// The same for the browser's answers.
    pub(crate) fn assert_asked_to_sign_in(&self, reply: &Reply, app: &str, what: &str) {
        self.assert_sent_to_sign_in(reply.status, reply.header("location"), app, what);
    }
}
