//! What browsers speak besides HTTP/1.1 in the clear: TLS, HTTP/2, WebSockets.

use crate::Outcome;
use crate::doorward::{Setup, TEAM, WIKI};
use crate::load::{Order, Protocol};
use crate::report::Report;
use crate::rounds::{Measured, Target, measure};
use crate::section::{Bench, cookies};
use crate::spread::short;
use crate::{peers, tls};

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let mut rows = Vec::new();
    secured(bench, &mut rows)?;
    websocket(bench, &mut rows)?;
    let about = "64 clients on kept-alive connections, all on one core; with HTTP/2, eight of them share a connection. \
                 A WebSocket message has 64 bytes and is echoed by the origin.";
    let columns = ["", "", "CPU µs", "relative to nginx", "per second"];
    report.table("TLS, HTTP/2, WebSocket", about, &columns, rows);
    Ok(())
}

fn secured(bench: &Bench, rows: &mut Vec<Vec<String>>) -> Outcome<()> {
    let core = bench.server_core();
    let certificate = tls::certificate(bench.folder.path(), &[WIKI, TEAM])?;
    let gateway = bench.doorward(&Setup { tls: Some(&certificate), ..bench.setup() })?;
    let token = bench.token(&gateway)?;
    let nginx = peers::nginx_tls(core, bench.origin_port, &certificate)?;
    let haproxy = peers::haproxy(core, bench.origin_port, Some(&certificate))?;
    for (name, protocol) in [("HTTP/1.1 over TLS", Protocol::Http1Tls), ("HTTP/2 over TLS", Protocol::Http2Tls)] {
        let order = |port| Order {
            protocol,
            cert: Some(certificate.cert.clone()),
            ..bench.order(port, WIKI, &cookies(&token))
        };
        let targets = [
            Target { name: "Doorward", child: &gateway.child, order: order(gateway.port) },
            Target { name: "nginx", child: &nginx.child, order: order(nginx.port) },
            Target { name: "haproxy", child: &haproxy.child, order: order(haproxy.port) },
        ];
        tell(name, &measure(&targets, bench.plan(core)?)?, rows);
    }
    Ok(())
}

fn websocket(bench: &Bench, rows: &mut Vec<Vec<String>>) -> Outcome<()> {
    let core = bench.server_core();
    let gateway = bench.doorward(&bench.setup())?;
    let token = bench.token(&gateway)?;
    let nginx = peers::nginx_websocket(core, bench.origin_port)?;
    let haproxy = peers::haproxy(core, bench.origin_port, None)?;
    let order = |port| Order { protocol: Protocol::WebSocket, ..bench.order(port, WIKI, &cookies(&token)) };
    let targets = [
        Target { name: "Doorward", child: &gateway.child, order: order(gateway.port) },
        Target { name: "nginx", child: &nginx.child, order: order(nginx.port) },
        Target { name: "haproxy", child: &haproxy.child, order: order(haproxy.port) },
    ];
    tell("WebSocket message and echo", &measure(&targets, bench.plan(core)?)?, rows);
    Ok(())
}

fn tell(what: &str, measured: &Measured, rows: &mut Vec<Vec<String>>) {
    for name in measured.names() {
        rows.push(vec![
            what.to_owned(),
            (*name).to_owned(),
            measured.micros(name).to_string(),
            measured.ratio(name, "nginx").to_string(),
            short(measured.rate(name).median()),
        ]);
    }
}
