//! How often the gateway asks for memory while an authenticated request passes
//! through it. The whole test binary counts; client and origin here reuse what
//! they have, so that what is counted is the gateway's.

#![expect(clippy::unwrap_used, reason = "a test reports by panicking, in its own functions too")]

use std::alloc::System;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use doorward_testkit::Gateway;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATIONS: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What one request may take. It only ever falls.
const MOST: f64 = 29.0;

const REQUESTS: usize = 1000;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_authenticated_request_takes_no_more_allocations_than_it_did() {
    let gateway = Gateway::builder().app("wiki.localhost", &origin()).user("alice@example.com", &[]).start().await;
    let token = gateway.token("wiki.localhost", "alice@example.com").await;
    let public = gateway.ready().public.trim_start_matches("http://").to_owned();
    let each = tokio::task::spawn_blocking(move || {
        let mut client = Client::connected(&public, &token);
        // The token becomes known, and the connection to the origin is opened.
        (0..50).for_each(|_| client.ask());
        let before = count();
        (0..REQUESTS).for_each(|_| client.ask());
        (count() - before) as f64 / REQUESTS as f64
    })
    .await
    .unwrap();
    // Chores in the background take a few more now and then.
    assert!(each < MOST + 0.5, "{each} allocations for a request, at most {MOST} are allowed");
    gateway.stop().await;
}

fn count() -> usize {
    let stats = ALLOCATIONS.stats();
    stats.allocations + stats.reallocations
}

/// A browser on one connection, with the head that browsers send.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Client {
    fn connected(address: &str, token: &str) -> Self {
        let port = address.rsplit(':').next().unwrap();
        let request = format!(
            "GET /page?tab=1 HTTP/1.1\r\nHost: wiki.localhost:{port}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36\r\nAccept: text/html,*/*;q=0.8\r\n\
             Accept-Encoding: gzip, br\r\nAccept-Language: en\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\n\
             Sec-Fetch-Dest: document\r\nUpgrade-Insecure-Requests: 1\r\nCookie: theme=dark; CF_Authorization={token}\r\n\r\n"
        );
        Self { stream: TcpStream::connect(address).unwrap(), request: request.into_bytes(), buffer: vec![0; 4096] }
    }

    fn ask(&mut self) {
        self.stream.write_all(&self.request).unwrap();
        read_until(&mut self.stream, &mut self.buffer, BODY);
        assert!(self.buffer.starts_with(b"HTTP/1.1 200 "));
    }
}

const BODY: &[u8] = b"fourteen bytes";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n\r\nfourteen bytes";

/// An origin that answers everything alike.
fn origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut buffer = vec![0; 8192];
                while read_until(&mut stream, &mut buffer, b"\r\n\r\n") && stream.write_all(ANSWER).is_ok() {}
            });
        }
    });
    url
}

/// Reads until what came ends like this; `false` when the other side closed.
fn read_until(stream: &mut TcpStream, buffer: &mut [u8], end: &[u8]) -> bool {
    let mut filled = 0;
    while !buffer[..filled].ends_with(end) {
        match stream.read(&mut buffer[filled..]) {
            Ok(count @ 1..) => filled += count,
            _ => return false,
        }
    }
    true
}
