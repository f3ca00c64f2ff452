//! What a request costs in things that can be counted, whatever the machine
//! does meanwhile. Times are the benchmark's affair.

use std::process::Stdio;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::support::config::{ALICE, APP};
use crate::support::deadline::{eventually, in_time};
use crate::support::metrics::Metrics;
use crate::support::raw::Raw;
use crate::support::world::World;

/// Two reads and two writes, and a share of the waiting.
const MOST_SYSTEM_CALLS: f64 = 5.0;

const CLIENTS: usize = 64;
const REQUESTS_OF_EACH: usize = 40;

impl World {
    /// Many browsers of one person, each on a connection of its own, all at once.
    async fn crowd(&self, cookie: &str, requests: usize) {
        let request = format!("GET / HTTP/1.1\r\nHost: {APP}:{}\r\n{cookie}\r\n\r\n", self.public().port());
        let one = |request: String, address| async move {
            let mut connection = Raw::connect(address).await;
            for _ in 0..requests {
                connection.send(&request).await;
                assert_eq!(connection.reply().await.map(|reply| reply.status()), Some(200));
            }
        };
        let all: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(one(request.clone(), self.public()))).collect();
        for client in all {
            client.await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_authenticated_request_asks_the_store_nothing_once_its_token_is_known() {
    let world = World::start().await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    let queries = async || Metrics::of(&world.gateway).await.get("doorward_store_queries_total");
    let unknown = queries().await;
    assert_eq!(world.raw_get("/", &[&cookie]).await.status(), 200);
    assert!(queries().await > unknown, "the first request with a token asks for its sign-in");
    let known = queries().await;
    world.crowd(&cookie, 10).await;
    // What refreshes and sweeps in the background asks now and then.
    let asked = queries().await - known;
    assert!(asked < 10.0, "{asked} queries in {} requests", CLIENTS * 10);
}

#[tokio::test]
async fn an_authenticated_request_takes_five_system_calls_at_most() {
    let world = World::start().await;
    let cookie = format!("Cookie: CF_Authorization={}", world.token(ALICE, "App").await);
    world.crowd(&cookie, 2).await;
    let process = world.gateway.process_id().to_string();
    let mut tracer = Command::new("strace")
        .args(["-c", "-f", "-p", &process])
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("strace is there; scripts/test installs it");
    eventually("strace looks at every thread", async || {
        let tracer_of =
            |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let mut tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap().flatten();
        tasks.all(|task| !tracer_of(task).contains("TracerPid:\t0\n")).then_some(())
    })
    .await;
    world.crowd(&cookie, REQUESTS_OF_EACH).await;
    let id = tracer.id().expect("it still runs").to_string();
    assert!(Command::new("kill").args(["-s", "INT", &id]).status().await.unwrap().success());
    let mut summary = String::new();
    in_time("strace's summary", tracer.stderr.take().unwrap().read_to_string(&mut summary)).await.unwrap();
    let total = summary.lines().rfind(|line| line.ends_with(" total")).unwrap_or_else(|| panic!("{summary}"));
    let calls: f64 = total.split_whitespace().nth(3).unwrap().parse().unwrap();
    // Opening and closing the connections on both sides is not what is counted.
    let opening = calls_for_connections(&summary);
    let each = (calls - opening) / (CLIENTS * REQUESTS_OF_EACH) as f64;
    assert!(each <= MOST_SYSTEM_CALLS, "{each} system calls for a request\n{summary}");
    assert!(each >= 4.0, "the requests were counted\n{summary}");
}

/// Calls that come with a connection and not with a request.
fn calls_for_connections(summary: &str) -> f64 {
    let names = ["accept4", "socket", "connect", "close", "setsockopt", "getsockopt", "ioctl", "epoll_ctl", "shutdown"];
    let lines = summary.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let counted = lines.filter(|columns| columns.last().is_some_and(|name| names.contains(name)));
    counted.filter_map(|columns| columns.get(3)?.parse::<f64>().ok()).sum()
}
