//! What a gateway that protects something must not be told to do. Each
//! refusal names the line and the change (security rows N-05, L-06, P-01).

use std::net::SocketAddr;

use url::Url;

use super::super::problem::Findings;
use super::super::raw::{RawFile, Written};
use super::super::resolved::is_loopback;

/// Below this the key could be guessed by somebody who has a copy of the store.
const ENCRYPTION_KEY_LENGTH: usize = 32;
/// Below this the token could be guessed over the network.
const API_TOKEN_LENGTH: usize = 16;

pub(super) fn check(raw: &RawFile, findings: &Findings) {
    secrets(raw, findings);
    plain_http(raw, findings);
    listeners(raw, findings);
    countries(raw, findings);
    for user in &raw.users {
        let text = "[[user]] makes people without a password, which is for mode = \"emulator\"; remove it";
        findings.error(user.line, text);
    }
    if let Some(line) = raw.emulator.line {
        findings.error(line, "[emulator] is for mode = \"emulator\"; remove it");
    }
    approvals(raw, findings);
    if raw.idps.is_empty() {
        findings.warning(1, "there is no [[identity_provider]], so nobody can sign in; add one");
    }
    if raw.store_url.is_absent() {
        let example = "url = \"sqlite:///var/lib/doorward/doorward.db\"";
        findings.error(1, format!("there is no store; add [store] with {example}"));
    }
}

/// Whoever has to approve something hears of it by mail.
fn approvals(raw: &RawFile, findings: &Findings) {
    let policies = raw.apps.iter().flat_map(|app| &app.policies).chain(&raw.policies);
    let asks = policies.filter_map(|policy| policy.purpose.approval.as_ref()).find(|approval| approval.value);
    if let (Some(asks), None) = (asks, &raw.smtp) {
        let text = "nobody is told that somebody waits for approval, people have to pass the link on themselves; \
                    add [smtp] with host and from";
        findings.warning(asks.line, text);
    }
}

fn secrets(raw: &RawFile, findings: &Findings) {
    let make = "make one with: openssl rand -hex 32";
    match &raw.encryption_key {
        Written::Absent => findings.error(
            1,
            format!(
                "there is no encryption key; add [keys] with encryption_key = \"${{DOORWARD_ENCRYPTION_KEY}}\" ({make})"
            ),
        ),
        Written::Value(key) if key.value.expose().len() < ENCRYPTION_KEY_LENGTH => findings
            .error(key.line, format!("encryption_key is shorter than {ENCRYPTION_KEY_LENGTH} characters; {make}")),
        Written::Value(_) | Written::Unreadable => {}
    }
    if let Some(token) = raw.api_token.value()
        && token.value.expose().len() < API_TOKEN_LENGTH
    {
        findings.error(token.line, format!("api.token is shorter than {API_TOKEN_LENGTH} characters; {make}"));
    }
}

/// Codes, secrets and keys must not cross a network in the clear.
fn plain_http(raw: &RawFile, findings: &Findings) {
    let exposed = |url: &Url| url.scheme() == "http" && !is_loopback(url);
    for idp in &raw.idps {
        let urls = [("auth_url", &idp.auth_url), ("token_url", &idp.token_url), ("certs_url", &idp.certs_url)];
        for (key, url) in urls.into_iter().filter_map(|(key, url)| Some((key, url.as_ref()?))) {
            if exposed(&url.value) {
                findings
                    .error(url.line, format!("{key} is plain http, which anybody on the way can change; use https"));
            }
        }
        if let Some(issuer) = &idp.issuer
            && Url::parse(&issuer.value).is_ok_and(|url| exposed(&url))
        {
            findings.error(issuer.line, "issuer is plain http, which anybody on the way can change; use https");
        }
    }
    if let Some(url) = &raw.team.url
        && exposed(&url.value)
    {
        let text = "team.url is plain http, so sessions could be read on the way; write https://";
        findings.error(url.line, text);
    }
}

/// Where nobody says a country, a rule about countries is always unknown.
fn countries(raw: &RawFile, findings: &Findings) {
    if raw.geo_database.is_some() || !raw.listen.trusted_proxies.is_empty() {
        return;
    }
    let own = raw.apps.iter().flat_map(|app| &app.policies).chain(&raw.policies).map(|policy| &policy.rules);
    let rules = own.chain(raw.groups.iter().map(|group| &group.rules));
    let all = rules.flat_map(|rules| rules.include.iter().chain(&rules.require).chain(&rules.exclude));
    if let Some(rule) = all.into_iter().find(|rule| rule.value.get("geo").is_some()) {
        let text = "no country is ever known, so geo lets nobody in; add [geo] with database = \"…/country.mmdb\", or listen.trusted_proxies";
        findings.warning(rule.line, text);
    }
}

fn listeners(raw: &RawFile, findings: &Findings) {
    for network in raw.listen.trusted_proxies.iter().filter(|network| network.value.prefix_len() == 0) {
        let text = format!("{} trusts everybody to say who they are; name the networks of your proxies", network.value);
        findings.error(network.line, text);
    }
    let exposed = |address: SocketAddr| !address.ip().is_loopback();
    if let Some(admin) = &raw.listen.admin
        && exposed(admin.value)
        && raw.api_token.is_absent()
    {
        let text = "admin would be open to the network without a token; add [api] with token, or listen on 127.0.0.1";
        findings.error(admin.line, text);
    }
}
