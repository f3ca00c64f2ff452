//! A browser without a window: cookies per host, redirects followed one by one, forms filled in.

use std::net::SocketAddr;

use reqwest::Method;
use url::Url;

use super::cookies::{Jar, SetCookie};
use super::gateway::Gateway;
use super::html::{self, Form};

/// One browser profile, at one gateway: every `*.localhost` name leads there.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// None where names are left to a proxy; more than one stand behind a balancer that knows no stickiness.
    nodes: Vec<SocketAddr>,
    turn: usize,
    scheme: String,
    /// Sent with every request to the gateway.
    headers: Vec<(String, String)>,
    pub(crate) jar: Jar,
    /// Every address visited, for what must never be in one.
    pub(crate) history: Vec<Url>,
    /// Every cookie that was set, with the host that set it.
    pub(crate) given: Vec<(String, SetCookie)>,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) url: Url,
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The `Location` header as an absolute URL.
    pub(crate) fn location(&self) -> Url {
        let location = self.header("location").unwrap_or_else(|| panic!("{} redirects: {}", self.url, self.status));
        self.url.join(location).expect("a URL")
    }

    pub(crate) fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308)
    }

    pub(crate) fn cookies(&self) -> Vec<SetCookie> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines.map(|line| SetCookie::parse(line.to_str().expect("ASCII"))).collect()
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|cookie| cookie.name == name)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {}", self.body))
    }

    pub(crate) fn title(&self) -> &str {
        html::title(&self.body)
    }

    /// Whether this is the redirect to the team's sign-in page, which must look as `cloudflared` expects.
    pub(crate) fn sends_to_sign_in(&self) -> bool {
        self.status == 302 && self.location().path().starts_with("/cdn-cgi/access/login/")
    }
}

impl Client {
    pub(crate) fn new(gateway: &Gateway) -> Client {
        Self::of(vec![gateway.public()], gateway.scheme())
    }

    fn of(nodes: Vec<SocketAddr>, scheme: &str) -> Client {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            // The gateway's own certificate is believed, as somebody would who clicked its warning away.
            .tls_danger_accept_invalid_certs(true)
            .http1_only()
            .build()
            .expect("a client");
        Client {
            http,
            nodes,
            turn: 0,
            scheme: scheme.to_owned(),
            headers: Vec::new(),
            jar: Jar::default(),
            history: Vec::new(),
            given: Vec::new(),
        }
    }

    /// A browser with a client certificate, which it presents wherever it is
    /// asked. It knows these hosts, and names them in its handshakes.
    pub(crate) fn presenting(gateway: &Gateway, identity: &super::authority::Identity, hosts: &[&str]) -> Client {
        let identity = reqwest::Identity::from_pem(identity.pem().as_bytes()).expect("a certificate and its key");
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .tls_danger_accept_invalid_certs(true)
            .http1_only()
            .identity(identity);
        let http = hosts.iter().fold(http, |http, host| http.resolve(host, gateway.public()));
        // Without nodes, the addresses are left as they are.
        Client { http: http.build().expect("a client"), nodes: Vec::new(), ..Self::new(gateway) }
    }

    /// A browser in front of several nodes: each of its requests goes to the next one.
    pub(crate) fn across(nodes: &[Gateway]) -> Client {
        Self::at(nodes.iter().map(Gateway::public).collect())
    }

    /// The same, by the addresses of the nodes.
    pub(crate) fn at(nodes: Vec<SocketAddr>) -> Client {
        Self::of(nodes, "http")
    }

    /// The same browser, whose next request goes to the node of this number.
    pub(crate) fn at_turn(mut self, turn: usize) -> Client {
        self.turn = turn;
        self
    }

    /// A browser that goes through the gateway's own proxy, and believes its authority alone.
    pub(crate) fn through_proxy(gateway: &Gateway) -> Client {
        let file = gateway.ready["ca"].as_str().expect("the ready line names an authority");
        let bundle = std::fs::read(file).expect("the bundle is there");
        let proxy = gateway.ready["proxy"].as_str().expect("the ready line names the proxy");
        let http = reqwest::Client::builder()
            .proxy(reqwest::Proxy::https(proxy).expect("a URL"))
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&bundle).expect("PEM"))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        Client { http, nodes: vec![], ..Client::new(gateway) }
    }

    /// The same browser behind a proxy (or a liar) that adds this to every request.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Client {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A browser that already holds this token for an app.
    pub(crate) fn holding(gateway: &Gateway, host: &str, token: &str) -> Client {
        let mut client = Client::new(gateway);
        client.jar.set(host, "CF_Authorization", token);
        client
    }

    pub(crate) async fn get(&mut self, url: &str) -> Reply {
        self.request(Method::GET, url, &[], None).await
    }

    /// A `GET` with one more header.
    pub(crate) async fn request_with(&mut self, url: &str, name: &str, value: &str) -> Reply {
        self.request(Method::GET, url, &[(name, value)], None).await
    }

    /// One request; redirects are not followed.
    pub(crate) async fn request(
        &mut self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Reply {
        let url = Url::parse(url).unwrap_or_else(|_| panic!("{url} is a URL"));
        let response = self.send(method, &url, headers, body).await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = String::from_utf8_lossy(&response.bytes().await.expect("a whole body")).into_owned();
        let reply = Reply { url, status, headers, body };
        let host = reply.url.host_str().expect("a host").to_owned();
        for cookie in reply.cookies() {
            self.jar.take(&host, &cookie);
            self.given.push((host.clone(), cookie));
        }
        reply
    }

    async fn send(
        &mut self,
        method: Method,
        url: &Url,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> reqwest::Response {
        self.history.push(url.clone());
        let host = url.host_str().expect("a host");
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut target = url.clone();
        // Addresses name somebody else than the gateway, an identity provider for instance.
        if let Some(node) =
            self.nodes.get(self.turn % self.nodes.len().max(1)).filter(|_| host.parse::<std::net::IpAddr>().is_err())
        {
            self.turn += 1;
            target.set_scheme(&self.scheme).expect("http or https");
            target.set_ip_host(node.ip()).expect("an address");
            target.set_port(Some(node.port())).expect("a port");
        }
        let mut request = self.http.request(method, target).header("Host", authority);
        for (name, value) in self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        if let Some(cookies) = self.jar.header(host) {
            request = request.header("Cookie", cookies);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send().await.unwrap_or_else(|error| panic!("{url}: {error:?}"))
    }

    /// Follows redirects to the first page.
    pub(crate) async fn open(&mut self, url: &str) -> Reply {
        let reply = self.get(url).await;
        self.follow(reply).await
    }

    /// Follows redirects from an answer on.
    pub(crate) async fn follow(&mut self, mut reply: Reply) -> Reply {
        for _ in 0..20 {
            if !reply.is_redirect() {
                return reply;
            }
            let next = reply.location();
            reply = self.get(next.as_str()).await;
        }
        panic!("a redirect loop: {:#?}", self.history.iter().rev().take(8).collect::<Vec<_>>());
    }

    /// Sends a form with some of its fields filled in; redirects are not followed.
    pub(crate) async fn submit(&mut self, page: &Reply, form: &Form, filled: &[(&str, &str)]) -> Reply {
        let action = page.url.join(&form.action).expect("a URL");
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &form.fields {
            if !filled.iter().any(|(filled, _)| filled == name) {
                body.append_pair(name, value);
            }
        }
        body.extend_pairs(filled);
        let origin = page.url.origin().ascii_serialization();
        let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Origin", &origin)];
        self.request(Method::POST, action.as_str(), &headers, Some(body.finish())).await
    }

    /// From an app's address to the page of the identity provider.
    pub(crate) async fn reach_provider(&mut self, url: &str) -> Reply {
        let page = self.open(url).await;
        if !html::forms(&page.body).is_empty() {
            return page;
        }
        let links = html::links(&page.body);
        let choice = links
            .iter()
            .find(|link| link.contains("idp="))
            .unwrap_or_else(|| panic!("a page to choose a provider on: {} {} {}", page.url, page.status, page.body));
        let choice = page.url.join(choice).expect("a URL");
        self.open(choice.as_str()).await
    }

    /// Picks a person on the page of the built-in provider; what the provider answers.
    pub(crate) async fn pick(&mut self, page: &Reply, email: &str) -> Reply {
        let forms = html::forms(&page.body);
        let form = forms
            .iter()
            .find(|form| form.fields.iter().any(|(name, value)| name == "email" && value == email))
            .unwrap_or_else(|| panic!("{email} is on the page {}: {}", page.url, page.body));
        let carried = |(name, _): &(String, String)| !matches!(name.as_str(), "email" | "name" | "groups" | "claims");
        let form =
            Form { action: form.action.clone(), fields: form.fields.iter().filter(|f| carried(f)).cloned().collect() };
        self.submit(page, &form, &[("email", email)]).await
    }

    /// Signs in from an app's address on, through every page, to what the app (or a refusal) answers.
    pub(crate) async fn sign_in(&mut self, url: &str, email: &str) -> Reply {
        let page = self.reach_provider(url).await;
        let answer = self.pick(&page, email).await;
        self.follow(answer).await
    }
}
