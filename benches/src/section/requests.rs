//! What every page view costs: one authenticated request beside the same
//! request through a plain proxy and through other ways to authenticate it.

use crate::Outcome;
use crate::browser::Browser;
use crate::doorward::{Doorward, OPEN};
use crate::peers::{self, Buffers};
use crate::report::{Goal, Report};
use crate::rounds::{Measured, Target, measure};
use crate::section::{Bench, cookies};
use crate::spread::short;

const AUTHENTICATED: &str = "Doorward";
const BYPASSED: &str = "Doorward, bypassed";
const OTHER: &str = "Doorward, the other build";
const NGINX: &str = "nginx";
const HAPROXY: &str = "haproxy";
const AUTH_REQUEST: &str = "nginx + auth_request";
const APACHE: &str = "Apache + mod_auth_openidc";

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let core = bench.server_core();
    let gateway = bench.doorward(&bench.setup())?;
    let token = bench.token(&gateway)?;
    let (nginx, haproxy) =
        (peers::nginx(core, bench.origin_port, Buffers::Default)?, peers::haproxy(core, bench.origin_port, None)?);
    let auth_request = peers::nginx_auth_request(core, bench.origin_port)?;
    let apache = peers::apache(core, bench.origin_port, &bench.provider.issuer)?;
    let apache_cookies = bench.runtime.block_on(apache_session(apache.port))?;
    let other = bench.settings.versus.as_ref();
    let other = other.map(|binary| Doorward::start(binary, &bench.setup(), Some(core))).transpose()?;

    // The same head for all: the token is there, whoever reads it or not.
    let peer = |port, host| bench.order(port, host, &cookies(&token));
    let mut targets = vec![
        Target { name: AUTHENTICATED, child: &gateway.child, order: bench.authenticated(&gateway, &token) },
        Target { name: BYPASSED, child: &gateway.child, order: peer(gateway.port, OPEN) },
        Target { name: NGINX, child: &nginx.child, order: peer(nginx.port, "nginx.example.com") },
        Target { name: HAPROXY, child: &haproxy.child, order: peer(haproxy.port, "haproxy.example.com") },
        Target { name: AUTH_REQUEST, child: &auth_request.child, order: peer(auth_request.port, "auth.example.com") },
        Target {
            name: APACHE,
            child: &apache.child,
            order: bench.order(apache.port, peers::APACHE, &format!("{}; {apache_cookies}", cookies(&token))),
        },
    ];
    if let Some(other) = &other {
        let token = bench.token(other)?;
        targets.push(Target { name: OTHER, child: &other.child, order: bench.authenticated(other, &token) });
    }

    let same = measure(&targets, bench.plan(core)?)?;
    let head: usize = targets[0].order.fields.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
    let about = format!(
        "64 kept-alive connections, {head} bytes of header fields with a token of {} bytes in the cookie, 13 bytes of \
         body. Median (smallest … largest) of {} rounds.",
        token.len(),
        bench.settings.rounds,
    );
    figures(&same, "same core", report);
    table(&same, "One request, all on one core", &about, report);
    if let Some(other_core) = bench.other_core() {
        let split = measure(&targets, bench.plan(other_core)?)?;
        report.figure(
            "… the same, server on one core, origin and load on another",
            split.ratio(AUTHENTICATED, NGINX).median(),
            &split.ratio(AUTHENTICATED, NGINX).to_string(),
            "",
            Goal::AtMost(1.1, 1.5),
        );
        table(&split, "One request, server on one core, origin and load on another", &about, report);
    }
    Ok(())
}

/// Signs in to Apache, as a browser does.
async fn apache_session(port: u16) -> Outcome<String> {
    let mut browser = Browser::default();
    let page = browser.visit(&format!("http://{}:{port}/head", peers::APACHE)).await?;
    let cookies = browser.cookies(peers::APACHE);
    match page.status.is_success() && cookies.contains("mod_auth_openidc_session=") {
        true => Ok(cookies),
        false => Err(format!("nobody can sign in to Apache: {}", String::from_utf8_lossy(&page.body)).into()),
    }
}

fn figures(measured: &Measured, placement: &str, report: &mut Report) {
    let mut ratio = |name: &str, to: &str, target, limit| {
        let ratio = measured.ratio(AUTHENTICATED, to);
        report.figure(name, ratio.median(), &ratio.to_string(), "", Goal::AtMost(target, limit));
    };
    ratio(
        &format!("CPU of an authenticated request relative to nginx without authentication, {placement}"),
        NGINX,
        1.1,
        1.5,
    );
    ratio("… relative to nginx + `auth_request`", AUTH_REQUEST, 0.7, 1.0);
    ratio("… relative to Apache + mod_auth_openidc", APACHE, 0.22, 0.35);
    let more = measured.difference(AUTHENTICATED, BYPASSED);
    report.figure("authenticated minus bypassed", more.median(), &more.to_string(), " µs", Goal::AtMost(4.0, 8.0));
}

fn table(measured: &Measured, title: &str, about: &str, report: &mut Report) {
    let row = |name: &&'static str| {
        vec![
            (*name).to_owned(),
            measured.micros(name).to_string(),
            measured.ratio(name, NGINX).to_string(),
            short(measured.rate(name).median()),
            short(measured.p99(name).median()),
        ]
    };
    let rows = measured.names().iter().map(row).collect();
    report.table(title, about, &["", "CPU µs", "relative to nginx", "requests/s", "p99 ms"], rows);
}
