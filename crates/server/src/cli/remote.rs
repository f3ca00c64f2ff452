//! An account somewhere else, asked over Cloudflare's API: read and never
//! changed, page by page, and no faster than it likes.

mod account;

pub(super) use self::account::Read;

use std::time::Duration;

use doorward_model::id::AccountId;
use doorward_model::secret::Secret;
use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use serde_json::Value;
use url::{Host, Url};

use super::{client, complain};

/// For each request.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a request is made that is turned away for the moment.
const ATTEMPTS: u32 = 5;
/// What is waited between two of them, unless the API says how long, and at most.
const PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// No answer of an API is longer, and no list has more pages.
const LONGEST_ANSWER: usize = 64 << 20;
const MOST_PAGES: usize = 10_000;

/// The codes by which Cloudflare says that a token is not even one.
const NO_TOKEN: [u64; 3] = [6003, 6103, 6111];
/// The environment variables that name a proxy, in the order in which they count.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Where Cloudflare's own API is.
pub(super) const CLOUDFLARE: &str = "https://api.cloudflare.com/client/v4";
const TOKEN: &str = "CLOUDFLARE_API_TOKEN";

/// An account, and what is needed to read it.
pub(super) struct Remote {
    client: reqwest::Client,
    base: Url,
    account: AccountId,
    token: Secret,
}

/// Why something cannot be read.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It is not there.
    Missing,
    /// The token may not read it: what the API said.
    Forbidden(String),
    Other(String),
}

impl Remote {
    /// The token is in the environment, where no list of processes shows it.
    pub(super) fn of(base: &Url, account: AccountId) -> Result<Self, String> {
        let token = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
        let token = token.ok_or_else(|| format!("set {TOKEN} to a token that may read the account's Access"))?;
        if !token.trim().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!("{TOKEN} holds what is in no token; copy the token itself, on one line"));
        }
        let here = is_here(base);
        if base.scheme() != "https" && !(here && base.scheme() == "http") {
            return Err(format!("{base} is not https, so the token could be read on the way; write https://"));
        }
        // What is on this machine is not reached through a proxy; Cloudflare may have to be.
        let builder = if here { client::builder(PATIENCE) } else { client::beyond(PATIENCE) };
        let token = Secret::new(token.trim().to_owned());
        Ok(Self { client: client::built(builder)?, base: base.clone(), account, token })
    }

    /// One object, or a list that has no pages.
    pub(super) async fn one(&self, path: &str) -> Result<Value, Trouble> {
        Ok(self.answer(path, None).await?["result"].take())
    }

    /// Everything in a list. APIs differ in whether they count their pages, but
    /// one past the last is empty everywhere.
    pub(super) async fn all(&self, path: &str) -> Result<Vec<Value>, Trouble> {
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let mut answer = self.answer(path, Some(page)).await?;
            let pages = answer.pointer("/result_info/total_pages").and_then(Value::as_u64);
            let items = match answer["result"].take() {
                Value::Array(items) => items,
                Value::Null => Vec::new(),
                _ => return Err(Trouble::Other(format!("{path} is no list"))),
            };
            // Whoever does not know of pages gives the first one again and again.
            if items.is_empty() || all.ends_with(&items) {
                return Ok(all);
            }
            all.extend(items);
            if pages.is_some_and(|pages| page as u64 >= pages) {
                return Ok(all);
            }
        }
        Err(Trouble::Other(format!("{path} has no end")))
    }

    async fn answer(&self, path: &str, page: Option<usize>) -> Result<Value, Trouble> {
        let url = self.url(path, page).ok_or_else(|| Trouble::Other(format!("{} has no paths", self.base)))?;
        let mut attempt = 1;
        loop {
            let request = self.client.get(url.clone()).bearer_auth(self.token.expose()).send();
            let response = request.await.map_err(|error| Trouble::Other(self.silent(&error)))?;
            let status = response.status();
            let again = matches!(status.as_u16(), 429 | 500 | 502..=504 | 520..=524);
            if !again || attempt == ATTEMPTS {
                return read(path, response).await;
            }
            let pause = pause(&response, attempt);
            if pause >= PAUSE {
                complain(&format!("the API answered {status}; asking again in {} s", pause.as_secs()));
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    /// What to say, and to look at, where nothing answers.
    fn silent(&self, error: &reqwest::Error) -> String {
        let named = PROXIES.into_iter().find(|name| std::env::var(name).is_ok_and(|proxy| !proxy.is_empty()));
        let mend = match (is_here(&self.base), named) {
            (true, _) => "is it running, and is --base-url right?".to_owned(),
            (false, Some(proxy)) => format!("it is asked through the proxy that {proxy} names; is that one right?"),
            (false, None) => "look at --base-url and the network, or name a proxy in HTTPS_PROXY".to_owned(),
        };
        format!("{} does not answer ({}); {mend}", self.base, client::why(error))
    }

    /// `path` is below the account.
    fn url(&self, path: &str, page: Option<usize>) -> Option<Url> {
        let mut url = self.base.clone();
        let segments = ["accounts", self.account.as_str()].into_iter().chain(path.split('/'));
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        if let Some(page) = page {
            url.query_pairs_mut().append_pair("page", &page.to_string());
        }
        Some(url)
    }
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// As long as the API says (RFC 9110 §10.2.3), else longer each time.
fn pause(response: &reqwest::Response, attempt: u32) -> Duration {
    let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    said.map_or(PAUSE * 2_u32.pow(attempt - 1), Duration::from_secs).min(LONGEST_PAUSE)
}

async fn read(path: &str, mut response: reqwest::Response) -> Result<Value, Trouble> {
    let status = response.status();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| Trouble::Other(client::why(&error)))? {
        body.extend_from_slice(&part);
        if body.len() > LONGEST_ANSWER {
            return Err(Trouble::Other(format!("the answer to {path} has no end")));
        }
    }
    let answer: Option<Value> = serde_json::from_slice(&body).ok();
    let first = |field: &str| answer.as_ref().and_then(|answer| answer.pointer(&format!("/errors/0/{field}")));
    let said = doorward_carry::plain(first("message").and_then(Value::as_str).unwrap_or("without a reason"));
    let is_no_token = first("code").and_then(Value::as_u64).is_some_and(|code| NO_TOKEN.contains(&code));
    match status {
        StatusCode::OK => answer.ok_or_else(|| {
            Trouble::Other(format!("the answer to {path} is no JSON; the path of --base-url ends in /client/v4"))
        }),
        StatusCode::NOT_FOUND => Err(Trouble::Missing),
        StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST if status == StatusCode::UNAUTHORIZED || is_no_token => {
            let mend = format!("{TOKEN} has to hold one that is there and has not expired");
            Err(Trouble::Other(format!("the API takes no such token ({status}: {said}); {mend}")))
        }
        StatusCode::FORBIDDEN => Err(Trouble::Forbidden(format!("{status}: {said}"))),
        status if status.is_redirection() => {
            Err(Trouble::Other(format!("{path} was answered {status}; write in --base-url where that leads")))
        }
        status => Err(Trouble::Other(format!("{path} was answered {status}: {said}"))),
    }
}
