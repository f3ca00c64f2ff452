//! Large answers, handed through.

use crate::Outcome;
use crate::load::Order;
use crate::origin::LARGE;
use crate::peers::{self, Buffers};
use crate::report::{Goal, Report};
use crate::rounds::{Target, measure};
use crate::section::{Bench, cookies};
use crate::spread::short;

pub(super) fn run(bench: &Bench, report: &mut Report) -> Outcome<()> {
    let core = bench.server_core();
    let gateway = bench.doorward(&bench.setup())?;
    let token = bench.token(&gateway)?;
    let nginx = peers::nginx(core, bench.origin_port, Buffers::Default)?;
    let large = peers::nginx(core, bench.origin_port, Buffers::Large)?;
    let haproxy = peers::haproxy(core, bench.origin_port, None)?;
    let mut rows = Vec::new();
    for size in LARGE {
        let sized = |order: Order| Order { path: format!("/bytes/{size}"), body: size, clients: 32, ..order };
        let peer = |port| sized(bench.order(port, "peer.example.com", &cookies(&token)));
        let targets = [
            Target { name: "Doorward", child: &gateway.child, order: sized(bench.authenticated(&gateway, &token)) },
            Target { name: "nginx", child: &nginx.child, order: peer(nginx.port) },
            Target { name: "nginx, large buffers", child: &large.child, order: peer(large.port) },
            Target { name: "haproxy", child: &haproxy.child, order: peer(haproxy.port) },
        ];
        let measured = measure(&targets, bench.plan(core)?)?;
        let name = if size == LARGE[0] { "64 KiB" } else { "1 MiB" };
        let goals =
            if size == LARGE[0] { [Goal::AtMost(0.8, 1.0), Goal::AtMost(1.2, 1.6)] } else { [Goal::Told, Goal::Told] };
        for (to, goal) in ["nginx", "nginx, large buffers"].into_iter().zip(goals) {
            let ratio = measured.ratio("Doorward", to);
            report.figure(&format!("{name} body relative to {to}"), ratio.median(), &ratio.to_string(), "", goal);
        }
        for target in measured.names() {
            rows.push(vec![
                name.to_owned(),
                (*target).to_owned(),
                measured.micros(target).to_string(),
                measured.ratio(target, "nginx").to_string(),
                short(measured.rate(target).median()),
            ]);
        }
    }
    let about = "An origin's answer of this size to an authenticated request, all on one core, 32 connections. \
                 Large buffers: `proxy_buffer_size 16k; proxy_buffers 8 64k`.";
    report.table("Bodies", about, &["body", "", "CPU µs", "relative to nginx", "requests/s"], rows);
    Ok(())
}
