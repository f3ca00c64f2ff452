//! cloudflared request for request, with its rules of what it believes: what
//! it reads of each answer is read here, and what it ignores is ignored.
//!
//! How long it waits is left out: a machine that runs all tests at once is
//! slower than any edge.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use crypto_box::aead::Aead as _;
use crypto_box::{PublicKey, SalsaBox, SecretKey};
use reqwest::Method;
use serde_json::Value;
use url::Url;

use super::{Cloudflared, Kind};
use crate::support::client::Reply;
use crate::support::token;

const AGENT: (&str, &str) = ("User-Agent", "cloudflared/2026.8.2");
const LOGIN: &str = "/cdn-cgi/access/login";
const AUTHORIZED: &str = "/cdn-cgi/access/authorized";
/// How long it believes the keys that it keeps, and how long it does not ask again.
const KEYS_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
const KEYS_PAUSE: Duration = Duration::from_secs(60);
const POLLS: usize = 10;

pub(super) struct Followed<'a> {
    of: &'a Cloudflared,
    http: reqwest::Client,
}

/// The application at an address.
struct App {
    auth_domain: String,
    aud: String,
    hostname: String,
}

impl<'a> Followed<'a> {
    pub(super) fn of(of: &'a Cloudflared) -> Followed<'a> {
        let bundle = std::fs::read(&of.way.ca).expect("the bundle is there");
        let http = reqwest::Client::builder()
            .proxy(reqwest::Proxy::https(&of.way.proxy).expect("a URL"))
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&bundle).expect("PEM"))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .expect("a client");
        std::fs::create_dir_all(of.file("")).expect("the folder is ours");
        Followed { of, http }
    }

    pub(super) async fn login(&self, url: &str) -> Result<String, String> {
        let url = Url::parse(url).expect("a URL");
        let app = self.app_at(&url).await?;
        for _ in 0..2 {
            let token = self.app_token(&url, &app).await?;
            if self.holds(&url, &token).await? {
                return Ok(token);
            }
            let _gone = std::fs::remove_file(self.of.token_file(&app.hostname, &app.aud));
        }
        Err("failed to verify token".to_owned())
    }

    pub(super) async fn token(&self, url: &str) -> Result<String, String> {
        let app = self.app_at(&Url::parse(url).expect("a URL")).await?;
        kept(&self.of.token_file(&app.hostname, &app.aud), Some(&app.aud)).ok_or("Unable to find token".to_owned())
    }

    async fn app_at(&self, url: &Url) -> Result<App, String> {
        match self.of.kind {
            Kind::FollowedBefore => self.app_by_redirect(url).await,
            _ => self.app_by_metadata(url).await,
        }
    }

    async fn app_by_metadata(&self, url: &Url) -> Result<App, String> {
        let reply = self.ask(Method::HEAD, url, &[("Cf-Access-Metadata-Request", "true"), AGENT]).await?;
        let told = reply.header("cf-access-metadata").filter(|told| !told.is_empty());
        let told = told.ok_or_else(|| format!("failed to find Access application at {url}"))?;
        let text = |claims: &Value, name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        let claimed = text(&token::claims(told), "auth_domain");
        let auth_domain = Url::parse(&format!("https://{claimed}")).map_err(|error| format!("{claimed}: {error}"))?;
        let auth_domain = auth_domain.host_str().unwrap_or_default().to_owned();
        if !auth_domain.ends_with(".cloudflareaccess.com") {
            return Err(format!("auth_domain {auth_domain} is none"));
        }
        let claims = self.verified(told, &auth_domain).await?;
        let issued = claims["iat"].as_u64().filter(|iat| *iat > 0).ok_or("iat is missing")?;
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
        let own_host = text(&claims, "hostname").eq_ignore_ascii_case(url.host_str().unwrap_or_default());
        let aud = text(&claims, "aud");
        if !own_host || claims["type"] != "match" || aud.is_empty() || issued + 86400 < now || issued > now + 300 {
            return Err(format!("metadata that it does not believe: {claims}"));
        }
        let hostname = claims["app_hostname"].as_str().map_or_else(|| text(&claims, "hostname"), str::to_owned);
        Ok(App { auth_domain, aud, hostname })
    }

    async fn verified(&self, told: &str, auth_domain: &str) -> Result<Value, String> {
        let file = self.of.file(&format!("{auth_domain}-jwks"));
        let age = |file: &Path| file.metadata().ok()?.modified().ok()?.elapsed().ok();
        let cached = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        let cached = cached.filter(|keys| keys["keys"].as_array().is_some_and(|keys| !keys.is_empty()));
        let cached = cached.zip(age(&file)).filter(|(_, age)| *age <= KEYS_LIFE);
        let asks_again = cached.as_ref().is_some_and(|(_, age)| *age >= KEYS_PAUSE);
        let keys = match cached {
            Some((keys, _)) => keys,
            None => self.keys(auth_domain, &file).await?,
        };
        if verifies(told, &keys) || asks_again && verifies(told, &self.keys(auth_domain, &file).await?) {
            return Ok(token::claims(told));
        }
        Err("failed to verify metadata JWT signature".to_owned())
    }

    async fn keys(&self, auth_domain: &str, file: &Path) -> Result<Value, String> {
        let url = Url::parse(&format!("https://{auth_domain}/cdn-cgi/access/certs")).expect("a URL");
        let reply = self.ask(Method::GET, &url, &[("User-Agent", "Go-http-client/2.0")]).await?;
        if reply.status != 200 {
            return Err(format!("JWKS endpoint {url} returned status {}", reply.status));
        }
        std::fs::write(file, &reply.body).expect("the folder is ours");
        serde_json::from_str(&reply.body).map_err(|error| format!("failed to parse JWKS: {error}"))
    }

    async fn app_by_redirect(&self, url: &Url) -> Result<App, String> {
        let mut reply = self.ask(Method::HEAD, url, &[AGENT]).await?;
        while reply.is_redirect() && !reply.url.path().contains(LOGIN) {
            let from = reply.url.to_string();
            reply = self.ask(Method::HEAD, &reply.location(), &[AGENT, ("Referer", &from)]).await?;
        }
        let aud = if reply.url.path().contains(LOGIN) {
            let kid = reply.url.query_pairs().find(|(name, _)| name == "kid").map(|(_, kid)| kid.into_owned());
            kid.ok_or("Empty app aud")?
        } else {
            let aud = reply.header("cf-access-aud").ok_or(format!("failed to find Access application at {url}"))?;
            aud.to_owned()
        };
        let hostname = reply.header("cf-access-domain").ok_or("Empty app domain")?.to_owned();
        Ok(App { auth_domain: reply.url.host_str().unwrap_or_default().to_owned(), aud, hostname })
    }

    /// The one that it keeps, else one in exchange for the organisation's, else by a browser.
    async fn app_token(&self, url: &Url, app: &App) -> Result<String, String> {
        let file = self.of.token_file(&app.hostname, &app.aud);
        if let Some(token) = kept(&file, Some(&app.aud)) {
            return Ok(token);
        }
        let org_file = self.of.file(&format!("{}-org-token", app.auth_domain));
        let org = kept(&org_file, None);
        let exchanged = match &org {
            Some(org) => self.exchanged(url, org).await.ok(),
            None => None,
        };
        if let Some(token) = exchanged {
            std::fs::write(file, &token).expect("the folder is ours");
            return Ok(token);
        }
        let both = self.transferred(url, app).await?;
        let part = |name: &str| both[name].as_str().unwrap_or_default().to_owned();
        if org.is_none() {
            std::fs::write(org_file, part("org_token")).expect("the folder is ours");
        }
        std::fs::write(file, part("app_token")).expect("the folder is ours");
        Ok(part("app_token"))
    }

    /// Each hop is a HEAD; a cookie goes along where it alone is looked for.
    async fn exchanged(&self, url: &Url, org: &str) -> Result<String, String> {
        let mut before: Vec<Reply> = Vec::new();
        let mut url = url.clone();
        loop {
            let mut fields = vec![AGENT];
            let referer = before.last().map(|reply| reply.url.to_string());
            fields.extend(referer.iter().map(|from| ("Referer", from.as_str())));
            let session = before.iter().find_map(|reply| reply.cookie("CF_AppSession"));
            let cookie = if url.path().contains(LOGIN) {
                Some(format!("CF_Authorization={org}"))
            } else {
                let session = session.filter(|_| url.path().contains(AUTHORIZED));
                session.map(|session| format!("CF_AppSession={}", session.value))
            };
            fields.extend(cookie.iter().map(|cookie| ("Cookie", cookie.as_str())));
            let reply = self.ask(Method::HEAD, &url, &fields).await?;
            if !reply.is_redirect() || url.path().contains(AUTHORIZED) || before.len() == 10 {
                let counts = |date: &str| httpdate::parse_http_date(date).is_ok_and(|until| until.elapsed().is_err());
                let mut cookies = reply.cookies().into_iter().filter(|cookie| cookie.name == "CF_Authorization");
                let token = cookies.find(|cookie| cookie.attribute("expires").is_some_and(counts));
                return token
                    .map(|cookie| cookie.value)
                    .ok_or(format!("response from {url} did not contain app token"));
            }
            url = reply.location();
            before.push(reply);
        }
    }

    /// Opens a browser and polls for what it brings.
    async fn transferred(&self, url: &Url, app: &App) -> Result<Value, String> {
        let mut secret = [0; 32];
        aws_lc_rs::rand::fill(&mut secret).expect("randomness");
        let secret = SecretKey::from(secret);
        let public = URL_SAFE.encode(secret.public_key().as_bytes());
        let back = with_query(url, &[("aud", &app.aud), ("token", &public)]);
        let more = [("redirect_url", back.as_str()), ("send_org_token", "true"), ("edge_token_transfer", "true")];
        let mut opened = with_query(&back, &more);
        opened.set_path("/cdn-cgi/access/cli");
        let part = self.of.browser().with_extension("part");
        std::fs::write(&part, opened.as_str()).expect("the folder is ours");
        std::fs::rename(part, self.of.browser()).expect("the folder is ours");

        let url = Url::parse(&format!("https://login.cloudflareaccess.org/transfer/{public}")).expect("a URL");
        for _ in 0..POLLS {
            let reply = self.ask(Method::GET, &url, &[AGENT]).await?;
            match reply.status {
                500.. => return Err(format!("error on request {}: {}", reply.status, reply.body)),
                200 if !reply.body.is_empty() => return unsealed(&reply, &secret),
                _ => {}
            }
        }
        Err("Failed to fetch resource".to_owned())
    }

    /// Whether the edge takes the token: whether it does not send to the sign-in page.
    async fn holds(&self, url: &Url, token: &str) -> Result<bool, String> {
        let url = with_query(url, &[("cloudflared_token_check", "true")]);
        let reply = self.ask(Method::GET, &url, &[AGENT, ("Cf-Access-Token", token)]).await?;
        Ok(!(reply.status == 302 && reply.location().path().starts_with(LOGIN)))
    }

    async fn ask(&self, method: Method, url: &Url, fields: &[(&str, &str)]) -> Result<Reply, String> {
        let mut request = self.http.request(method, url.clone());
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = request.send().await.map_err(|error| format!("{url}: {error:?}"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.text().await.map_err(|error| format!("{url}: {error:?}"))?;
        Ok(Reply { url: url.clone(), status, headers, body })
    }
}

/// Adds to a query as Go writes one: in the order of the names.
fn with_query(url: &Url, more: &[(&str, &str)]) -> Url {
    let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    pairs.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(pairs);
    url
}

/// A token of a file, while it lasts and, if it says for whom, is for this application.
fn kept(file: &Path, aud: Option<&str>) -> Option<String> {
    let text = std::fs::read_to_string(file).ok().filter(|text| text.split('.').count() == 3)?;
    let claims = token::claims(&text);
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let is_meant =
        |aud: &str| claims["aud"] == aud || claims["aud"].as_array().is_some_and(|all| all.contains(&aud.into()));
    let counts = claims["exp"].as_u64().is_some_and(|exp| now <= exp) && aud.is_none_or(is_meant);
    if !counts {
        let _gone = std::fs::remove_file(file);
    }
    counts.then_some(text)
}

/// Whether a key of that name verifies it, RS256 being all that counts.
fn verifies(told: &str, keys: &Value) -> bool {
    let header = token::header(told);
    let mut keys = keys["keys"].as_array().into_iter().flatten();
    let key = keys.find(|key| key["kid"] == header["kid"]);
    let (Some(key), Some((message, signature))) = (key, told.rsplit_once('.')) else { return false };
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    let number = |name: &str| bytes(key[name].as_str().expect("a number"));
    let key = RsaPublicKeyComponents { n: number("n"), e: number("e") };
    let good = key.verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &bytes(signature));
    header["alg"] == "RS256" && good.is_ok()
}

/// What a transfer gave: the nonce, then the box.
fn unsealed(reply: &Reply, secret: &SecretKey) -> Result<Value, String> {
    let service = reply.header("service-public-key").ok_or("there is no service-public-key")?;
    let service: [u8; 32] = URL_SAFE.decode(service).expect("base64").try_into().expect("a key");
    let sealed = STANDARD.decode(&reply.body).expect("base64");
    let (nonce, sealed) = sealed.split_at(24);
    let plain = SalsaBox::new(&PublicKey::from(service), secret).decrypt(nonce.into(), sealed);
    serde_json::from_slice(&plain.map_err(|error| error.to_string())?).map_err(|error| error.to_string())
}
