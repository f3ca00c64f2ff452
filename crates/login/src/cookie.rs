//! The cookies of the team domain: how they are read, and what is written into
//! each. The application's own cookie is written by `model::cookie`, because
//! the edge sets it too.

use std::time::{Duration, UNIX_EPOCH};

use doorward_model::cookie::{self, AUTHORIZATION, DEVICE, HOST_PENDING_PREFIX, PENDING_PREFIX, SESSION};
use doorward_model::login::{AtProvider, LOGIN_LIFETIME};
use doorward_model::secret::{Secret, sha256_hex};
use doorward_model::site::Team;
use doorward_model::time::{Lifetime, Timestamp};
use http::header::{COOKIE, HeaderMap, HeaderValue};
use tower_cookies::cookie::SameSite;
use tower_cookies::cookie::time::OffsetDateTime;
use tower_cookies::{Cookie, Cookies};

/// Sign-ins one browser may have under way at once (G-05).
const MOST_PENDING: usize = 5;
const SESSION_LIFETIME: Lifetime = Lifetime::from_hours(4);
const DEVICE_LIFETIME: Lifetime = Lifetime::from_days(30);

/// Every value of a cookie, in the order they were sent.
pub(crate) fn values<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    cookie::values(lines(headers), name)
}

fn lines(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes)
}

/// Gives the browser an organisation token.
pub(crate) fn give_org_token(cookies: &Cookies, token: String, now: Timestamp, expires: Timestamp) {
    cookies.add(lasting(AUTHORIZATION.to_owned(), token, now, expires));
}

/// Takes everything away that a sign-in leaves on the team domain.
pub(crate) fn take_org_token(cookies: &Cookies) {
    for name in [AUTHORIZATION, SESSION] {
        cookies.add(lasting(name.to_owned(), String::new(), Timestamp(0), Timestamp(0)));
    }
}

/// Names the browser for the time of its sign-in, unless it has a name.
pub(crate) fn name_browser(cookies: &Cookies, headers: &HeaderMap, now: Timestamp) {
    if values(headers, SESSION).next().is_none() {
        rename_browser(cookies, now);
    }
}

/// Gives the browser a new name: what somebody planted before the sign-in
/// names nothing after it (G-08).
pub(crate) fn rename_browser(cookies: &Cookies, now: Timestamp) {
    let name = Secret::random().expose().to_owned();
    cookies.add(lasting(SESSION.to_owned(), name, now, now.plus(SESSION_LIFETIME)));
}

/// Whether the browser was named at all.
pub(crate) fn is_named(headers: &HeaderMap) -> bool {
    values(headers, SESSION).next().is_some()
}

/// Names the device for longer than one sign-in, unless it has a name.
pub(crate) fn name_device(cookies: &Cookies, headers: &HeaderMap, now: Timestamp) {
    if values(headers, DEVICE).next().is_none() {
        let name = Secret::random().expose().to_owned();
        let mut cookie = lasting(DEVICE.to_owned(), name, now, now.plus(DEVICE_LIFETIME));
        cookie.set_same_site(SameSite::Strict);
        cookies.add(cookie);
    }
}

/// Binds a sign-in under way to this browser. Each has a cookie of its own, so
/// that several tabs can finish in any order (I-03) and the one that finishes
/// can rename the browser without ending the others.
pub(crate) fn remember_attempt(
    cookies: &Cookies,
    headers: &HeaderMap,
    attempt: &AtProvider,
    browser: &Secret,
    team: &Team,
    now: Timestamp,
) {
    let mut pending: Vec<&str> = cookie::pairs(lines(headers))
        .filter(|pair| cookie::is_pending(pair.name))
        .filter_map(|pair| std::str::from_utf8(pair.name).ok())
        .collect();
    // The names hold the moment at a fixed width, so the oldest sort first.
    pending.sort_unstable();
    let surplus = (pending.len() + 1).saturating_sub(MOST_PENDING);
    for name in pending.into_iter().take(surplus) {
        cookies.add(lasting(name.to_owned(), String::new(), Timestamp(0), Timestamp(0)));
    }
    let value = browser.expose().to_owned();
    let mut cookie = lasting(attempt_cookie(attempt, team), value, now, attempt.expires_at);
    cookie.set_same_site(SameSite::Lax);
    cookies.add(cookie);
}

/// The secrets that could prove this browser to be the one that began.
pub(crate) fn attempt_secrets(headers: &HeaderMap, attempt: &AtProvider, team: &Team) -> Vec<Secret> {
    values(headers, &attempt_cookie(attempt, team)).map(|value| Secret::new(value.to_owned())).collect()
}

/// Forgets a sign-in that is over.
pub(crate) fn forget_attempt(cookies: &Cookies, attempt: &AtProvider, team: &Team) {
    cookies.add(lasting(attempt_cookie(attempt, team), String::new(), Timestamp(0), Timestamp(0)));
}

fn attempt_cookie(attempt: &AtProvider, team: &Team) -> String {
    let prefix = if team.is_https() { HOST_PENDING_PREFIX } else { PENDING_PREFIX };
    let begun = attempt.expires_at.minus(LOGIN_LIFETIME).secs();
    format!("{prefix}{begun:010x}_{}", &sha256_hex(&attempt.attempt)[..8])
}

/// A cookie with the attributes of Access: this host only, not for scripts.
/// `Expires` is for clients that know nothing else, `Max-Age` for a moved clock.
fn lasting(name: String, value: String, now: Timestamp, expires: Timestamp) -> Cookie<'static> {
    let end = UNIX_EPOCH + Duration::from_millis(u64::try_from(expires.0).unwrap_or(0));
    Cookie::build((name, value))
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::None)
        .expires(OffsetDateTime::from(end))
        .max_age(tower_cookies::cookie::time::Duration::milliseconds(expires.since(now).millis()))
        .build()
}
