//! The gateway in your own test: started in the test's process on free ports,
//! in emulator mode, gone when the test ends. Each test owns its gateway, so
//! that tests share nothing and need no order.
//!
//! ```no_run
//! use doorward_testkit::Gateway;
//!
//! # async fn example() {
//! let gateway = Gateway::builder()
//!     .app("wiki.localhost", "http://127.0.0.1:3000")
//!     .policy(r#"{ name = "Staff", decision = "allow", include = [{ email_domain = { domain = "example.com" } }] }"#)
//!     .user("alice@example.com", &["staff"])
//!     .start()
//!     .await;
//!
//! let token = gateway.token("wiki.localhost", "alice@example.com").await;
//! let page = gateway
//!     .client()
//!     .get(gateway.app_url("wiki.localhost"))
//!     .header("Cookie", format!("CF_Authorization={token}"))
//!     .send()
//!     .await
//!     .unwrap();
//! assert!(page.status().is_success());
//! gateway.stop().await;
//! # }
//! ```
//!
//! Everything here panics when it fails, with a message that says what failed:
//! a test has nothing better to do with an error.

use std::fmt::Write as _;
use std::time::Duration;

use doorward_model::time::Lifetime;
use doorward_server::config;
use doorward_server::ready::Ready;
use doorward_server::run::{self, RunOptions, Running};
use serde_json::{Value, json};

/// What a gateway is to be, before it starts.
#[derive(Clone, Debug)]
pub struct Builder {
    team: String,
    apps: Vec<App>,
    users: Vec<(String, Vec<String>)>,
    more: String,
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

    /// Starts it. When this returns, it serves.
    ///
    /// # Panics
    /// When what was asked for cannot be: the message lists every problem.
    pub async fn start(self) -> Gateway {
        let text = self.text();
        let config = config::parse(&text, "gateway", &|name| std::env::var(name).ok())
            .unwrap_or_else(|problems| panic!("the gateway's configuration is wrong:\n{problems}\n{text}"));
        let options = RunOptions { workers: 1, ..RunOptions::default() };
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
    /// A gateway to be: no applications, nobody to sign in as.
    #[must_use]
    pub fn builder() -> Builder {
        Builder { team: "test".into(), apps: Vec::new(), users: Vec::new(), more: String::new() }
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
        let app = self.ready().apps.iter().find(|app| app.hostname == host);
        app.unwrap_or_else(|| panic!("there is no application at {host}")).url.clone()
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

    /// Where validators fetch the public keys.
    #[must_use]
    pub fn certs_url(&self) -> String {
        format!("{}/cdn-cgi/access/certs", self.team_url())
    }

    /// A client that finds every `.localhost` name and follows no redirects.
    #[must_use]
    pub const fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// An application token of somebody, as if they had signed in.
    pub async fn token(&self, host: &str, email: &str) -> String {
        let answer = self.control("POST", "tokens", json!({ "app": host, "email": email })).await;
        answer["token"].as_str().expect("the control API answers with a token").to_owned()
    }

    /// Moves the gateway's time forward.
    pub async fn advance(&self, by: Lifetime) {
        self.control("PUT", "clock", json!({ "advance": by })).await;
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

    /// Any call of the control API, and its answer.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let url = format!("{}/emulator/v1/{path}", self.admin_url());
        let token = self.ready().api_token.clone().unwrap_or_default();
        let method = method.parse().expect("a method is a word");
        let sent = self.client.request(method, &url).bearer_auth(token).json(&body).send().await;
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
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(20))
        .dns_resolver(std::sync::Arc::new(Localhost))
        .build()
        .expect("the gateway has set up TLS before")
}

#[cfg(test)]
mod tests;
