//! The gateway in your own test: started in the test's process on free ports,
//! in emulator mode, gone when the test ends. Each test owns its gateway, so
//! that tests share nothing and need no order.
//!
//! ```
//! use doorward_testkit::{Gateway, Lifetime, Origin};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let origin = Origin::start().await;
//! let gateway = Gateway::builder()
//!     .app("wiki.localhost", origin.url())
//!     .policy(r#"{ name = "Staff", decision = "allow", include = [{ email_domain = { domain = "example.com" } }] }"#)
//!     .user("alice@example.com", &["staff"])
//!     .start()
//!     .await;
//!
//! let alice = gateway.mint("wiki.localhost", "alice@example.com").await;
//! let page = gateway.get("wiki.localhost", "/page").header("Cookie", &alice.cookie).send().await.unwrap();
//! assert_eq!(page.status(), 200);
//! assert_eq!(origin.only().email(), Some("alice@example.com"));
//!
//! gateway.advance(Lifetime::from_hours(25)).await;
//! let later = gateway.get("wiki.localhost", "/page").header("Cookie", &alice.cookie).send().await.unwrap();
//! assert_eq!(later.status(), 302, "tomorrow she has to sign in again");
//! # gateway.stop().await;
//! # }
//! ```
//!
//! An application that verifies its tokens is given [`Gateway::team_url`], [`Gateway::certs_url`] and
//! [`Gateway::aud`], and needs no gateway before it: [`Gateway::token`] makes what it would receive.
//!
//! Everything here panics when it fails, with a message that says what failed:
//! a test has nothing better to do with an error.

mod minted;
mod origin;

use std::fmt::Write as _;
use std::time::Duration;

pub use doorward_model::time::{Lifetime, Timestamp};
use doorward_server::config;
use doorward_server::ready::{Ready, ReadyApp};
use doorward_server::run::{self, RunOptions, Running};
use serde_json::{Value, json};

pub use self::minted::Minted;
pub use self::origin::{Origin, Received};

/// What a gateway is to be, before it starts.
#[derive(Clone, Debug)]
pub struct Builder {
    team: String,
    apps: Vec<App>,
    users: Vec<(String, Vec<String>)>,
    more: String,
    own_keys: bool,
}

#[derive(Clone, Debug)]
struct App {
    host: String,
    service: String,
    policies: Vec<String>,
    settings: String,
}

impl Builder {
    /// The team's name; `test` unless it is said.
    #[must_use]
    pub fn team(mut self, name: &str) -> Self {
        name.clone_into(&mut self.team);
        self
    }

    /// An application at a host, served by an origin. Without a
    /// [`policy`](Self::policy) everybody who signs in may enter.
    #[must_use]
    pub fn app(mut self, host: &str, origin: &str) -> Self {
        let (host, service) = (host.to_owned(), origin.to_owned());
        self.apps.push(App { host, service, policies: Vec::new(), settings: String::new() });
        self
    }

    /// A policy of the application added last, as in the configuration file.
    ///
    /// # Panics
    /// When no application was added yet.
    #[must_use]
    pub fn policy(mut self, toml: &str) -> Self {
        self.last_app().policies.push(toml.to_owned());
        self
    }

    /// A setting of the application added last: `app_setting("refresh", "\"edge\"")`.
    ///
    /// # Panics
    /// When no application was added yet.
    #[must_use]
    pub fn app_setting(mut self, key: &str, toml: &str) -> Self {
        let settings = &mut self.last_app().settings;
        writeln!(settings, "{key} = {toml}").expect("a String takes everything");
        self
    }

    /// Somebody to sign in as, and their groups.
    #[must_use]
    pub fn user(mut self, email: &str, groups: &[&str]) -> Self {
        self.users.push((email.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect()));
        self
    }

    /// More tables of the configuration file.
    #[must_use]
    pub fn config(mut self, toml: &str) -> Self {
        self.more.push_str(toml);
        self.more.push('\n');
        self
    }

    /// Makes its signing keys anew. Otherwise the gateways of a process share theirs, because making them takes
    /// longer than everything else; a token of one gateway is still worth nothing at another, whose issuer differs.
    #[must_use]
    pub const fn own_keys(mut self) -> Self {
        self.own_keys = true;
        self
    }

    /// Starts it. When this returns, it serves.
    ///
    /// # Panics
    /// When what was asked for cannot be: the message lists every problem.
    pub async fn start(self) -> Gateway {
        let text = self.text();
        let config = config::parse(&text, "gateway", &|name| std::env::var(name).ok())
            .unwrap_or_else(|problems| panic!("the gateway's configuration is wrong:\n{problems}\n{text}"));
        let options = RunOptions { workers: 1, share_keys: !self.own_keys, ..RunOptions::default() };
        let running = run::start(config, options).await.unwrap_or_else(|error| panic!("no gateway: {error}"));
        Gateway { client: client(), running }
    }

    fn last_app(&mut self) -> &mut App {
        self.apps.last_mut().expect("add an application first")
    }

    /// The configuration file.
    fn text(&self) -> String {
        let mut text = format!(
            "mode = \"emulator\"\n[listen]\npublic = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[team]\nname = {:?}\n",
            self.team
        );
        for App { host, service, policies, settings } in &self.apps {
            let everyone = r#"{ name = "Everyone", decision = "allow", include = [{ everyone = {} }] }"#.to_owned();
            let policies = if policies.is_empty() { everyone } else { policies.join(", ") };
            text += &format!("[[route]]\nhostname = {host:?}\nservice = {service:?}\n");
            text += &format!("[[app]]\nname = {host:?}\ndomain = {host:?}\npolicies = [{policies}]\n{settings}");
        }
        for (email, groups) in &self.users {
            text += &format!("[[user]]\nemail = {email:?}\ngroups = {groups:?}\n");
        }
        text + &self.more
    }
}

/// A gateway that serves until it is stopped or dropped.
pub struct Gateway {
    running: Running,
    client: reqwest::Client,
}

impl Gateway {
    /// One application, `app.localhost`, which is a page that shows what it was told; alice@example.com and
    /// bob@example.com may sign in to it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let gateway = doorward_testkit::Gateway::start().await;
    /// let alice = gateway.mint("app.localhost", "alice@example.com").await;
    /// assert_eq!(gateway.get("app.localhost", "/").header("Cookie", alice.cookie).send().await.unwrap().status(), 200);
    /// # gateway.stop().await;
    /// # }
    /// ```
    pub async fn start() -> Self {
        let people =
            Self::builder().user("alice@example.com", &["admins", "staff"]).user("bob@example.com", &["staff"]);
        people.app("app.localhost", "demo").start().await
    }

    /// A gateway to be: no applications, nobody to sign in as.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { team: "test".into(), apps: Vec::new(), users: Vec::new(), more: String::new(), own_keys: false }
    }

    /// Where everything is.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.running.ready
    }

    /// Where an application is reached, without a slash at the end.
    ///
    /// # Panics
    /// When there is no application at this host.
    #[must_use]
    pub fn app_url(&self, host: &str) -> String {
        self.app(host).url.trim_end_matches('/').to_owned()
    }

    /// The audience tag of an application.
    ///
    /// # Panics
    /// When there is no application at this host.
    #[must_use]
    pub fn aud(&self, host: &str) -> &str {
        &self.app(host).aud
    }

    fn app(&self, host: &str) -> &ReadyApp {
        let app = self.ready().apps.iter().find(|app| app.hostname == host);
        app.unwrap_or_else(|| panic!("there is no application at {host}"))
    }

    /// Where the team domain is reached: the issuer of all tokens.
    #[must_use]
    pub fn team_url(&self) -> &str {
        &self.ready().team.url
    }

    /// Where the Cloudflare API and the control API are.
    #[must_use]
    pub fn admin_url(&self) -> &str {
        &self.ready().admin
    }

    /// Where validators fetch the public keys. It names an address, as not every resolver knows `.localhost`.
    #[must_use]
    pub fn certs_url(&self) -> String {
        format!("{}/cdn-cgi/access/certs", self.ready().public)
    }

    /// A client that finds every `.localhost` name and follows no redirects.
    #[must_use]
    pub const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// A request to an application through the gateway, to be sent.
    ///
    /// # Panics
    /// When there is no application at this host.
    pub fn get(&self, host: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.app_url(host)))
    }

    /// An application token of somebody, as if they had signed in.
    pub async fn token(&self, host: &str, email: &str) -> String {
        self.mint(host, email).await.token
    }

    /// The same with its cookie and the browser that holds it.
    pub async fn mint(&self, host: &str, email: &str) -> Minted {
        self.mint_as(json!({ "app": host, "email": email })).await
    }

    /// A token as the control API can make it: `ttl`, `claims`, `aud_shape`, `service_token`, `defect` and more.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let gateway = doorward_testkit::Gateway::start().await;
    /// let order = serde_json::json!({ "app": "app.localhost", "email": "alice@example.com", "defect": "token-expired" });
    /// let expired = gateway.mint_as(order).await;
    /// let answer = gateway.get("app.localhost", "/").header("Cookie", expired.cookie).send().await.unwrap();
    /// assert_eq!(answer.status(), 302);
    /// # gateway.stop().await;
    /// # }
    /// ```
    ///
    /// # Panics
    /// When there can be no such token: the message says why.
    pub async fn mint_as(&self, order: Value) -> Minted {
        serde_json::from_value(self.control("POST", "tokens", order).await).expect("an order is answered with a token")
    }

    /// Makes somebody, or makes them another one: their next token says what is said here.
    pub async fn user(&self, email: &str, groups: &[&str]) {
        self.control("PUT", &format!("users/{email}"), json!({ "groups": groups })).await;
    }

    /// The gateway's time.
    ///
    /// # Panics
    /// Never: the gateway's time has a form.
    pub async fn now(&self) -> Timestamp {
        moment(&self.control("GET", "clock", Value::Null).await)
    }

    /// Moves the gateway's time forward.
    pub async fn advance(&self, by: Lifetime) {
        self.control("PUT", "clock", json!({ "advance": by })).await;
    }

    /// Lets the gateway's time stand still, or go on.
    pub async fn freeze(&self, stands: bool) {
        self.control("PUT", "clock", json!({ "freeze": stands })).await;
    }

    /// Sets the gateway's time.
    pub async fn set_clock(&self, now: Timestamp) {
        self.control("PUT", "clock", json!({ "set": now.to_rfc3339() })).await;
    }

    /// Signs with another key from now on. `drop_previous` makes every token
    /// signed before invalid at once.
    pub async fn rotate_keys(&self, drop_previous: bool) {
        self.control("POST", "keys/rotate", json!({ "drop_previous": drop_previous })).await;
    }

    /// Ends everything that somebody has.
    pub async fn revoke(&self, email: &str) {
        self.control("POST", "revocations", json!({ "email": email })).await;
    }

    /// Breaks something on purpose until it is mended: `fault(json!({ "fault": "jwks-500" }))`. It takes the place
    /// of whatever was broken before.
    pub async fn fault(&self, fault: Value) {
        self.control("PUT", "faults", fault).await;
    }

    /// Ends all faults.
    pub async fn mend(&self) {
        self.control("DELETE", "faults", Value::Null).await;
    }

    /// Every decision at the gateway, the oldest first, as the control API shows them.
    ///
    /// # Panics
    /// Never: the recorder answers with a list.
    pub async fn decisions(&self) -> Vec<Value> {
        let recorded = self.control("GET", "requests", Value::Null).await;
        recorded["requests"].as_array().expect("the recorder answers with a list").clone()
    }

    /// Back to the start: people, sign-ins, revocations, the clock, faults and what was recorded. Keys stay.
    pub async fn reset(&self) {
        self.control("POST", "reset", json!({})).await;
    }

    /// Any call of the control API, and its answer.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/emulator/v1/{path}", self.admin_url());
        let token = self.ready().api_token.clone().unwrap_or_default();
        let method = method.parse().expect("a method is a word");
        let request = self.client.request(method, &url).bearer_auth(token);
        let request = if body.is_null() { request } else { request.json(&body) };
        let sent = request.send().await;
        let response = sent.unwrap_or_else(|error| panic!("{url} did not answer: {error}"));
        let status = response.status();
        let text = response.text().await.unwrap_or_default();
        assert!(status.is_success(), "{url} answered {status}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A team of its own beside this one, for a test that shares the gateway
    /// with others: the answer of `POST /emulator/v1/namespaces` to this order.
    pub async fn namespace(&self, order: Value) -> Value {
        self.control("POST", "namespaces", order).await
    }

    /// Takes over another configuration, as a reload of the file would.
    ///
    /// # Panics
    /// When it has problems: the message lists them.
    pub async fn reload(&mut self, builder: &Builder) {
        let config = config::parse(&builder.text(), "gateway", &|name| std::env::var(name).ok())
            .unwrap_or_else(|problems| panic!("the new configuration is wrong:\n{problems}"));
        self.running.reload(config).await.unwrap_or_else(|error| panic!("the configuration stays as it was: {error}"));
    }

    /// Lets requests in flight finish, then ends.
    pub async fn stop(self) {
        self.running.shutdown().await;
    }
}

fn moment(clock: &Value) -> Timestamp {
    clock["now"].as_str().and_then(Timestamp::from_rfc3339).expect("the clock shows RFC 3339")
}

/// Names below `localhost` are this machine (RFC 6761 §6.3), whatever DNS says.
struct Localhost;

impl reqwest::dns::Resolve for Localhost {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let here = name.as_str() == "localhost" || name.as_str().ends_with(".localhost");
        Box::pin(async move {
            let addresses: Vec<std::net::SocketAddr> = match here {
                true => vec![([127, 0, 0, 1], 0).into()],
                false => tokio::net::lookup_host((name.as_str(), 0)).await?.collect(),
            };
            Ok(Box::new(addresses.into_iter()) as reqwest::dns::Addrs)
        })
    }
}

fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        // It speaks with the gateway alone, and reading the machine's authorities takes its time.
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .dns_resolver(std::sync::Arc::new(Localhost))
        .build()
        .expect("the gateway has set up TLS before")
}

#[cfg(test)]
mod tests;
