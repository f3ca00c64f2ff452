//! Whole requests as bytes, read by the HTTP library and then by the gate.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock, Mutex};

use doorward_edge::fuzzing::{STRANGER, clean, read};
use doorward_model::host::Host;
use http::request::Parts;
use http::{Method, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use tokio::io::AsyncWriteExt;

use crate::world::CATALOG;

static RUNTIME: LazyLock<tokio::runtime::Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));

/// Whatever comes first on a connection: each request that is read has one host
/// and one path, and what would be sent on reads as exactly that again.
pub(crate) fn head(input: &[u8]) {
    for head in requests(input) {
        judge(head);
    }
}

/// The heads that the HTTP library finds in these bytes.
fn requests(input: &[u8]) -> Vec<Parts> {
    let found = Arc::new(Mutex::new(Vec::new()));
    RUNTIME.block_on(async {
        let (mut client, server) = tokio::io::duplex(input.len() + 64);
        client.write_all(input).await.expect("there is room");
        client.shutdown().await.expect("a pipe");
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            found.lock().expect("not poisoned").push(request.into_parts().0);
            async { Ok::<_, Infallible>(Response::new(String::new())) }
        });
        let answers = tokio::spawn(async move {
            let mut answers = Vec::new();
            let _end = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut answers).await;
        });
        let _ended = http1::Builder::new().serve_connection(TokioIo::new(server), service).await;
        let _read = answers.await;
    });
    std::mem::take(&mut found.lock().expect("not poisoned"))
}

fn judge(mut head: Parts) {
    let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a network")];
    let Some(seen) = read(&head, STRANGER, &proxies) else { return };
    assert!(!matches!(head.method, Method::CONNECT | Method::TRACE), "{head:?}");
    assert_eq!(seen.client_ip, STRANGER, "a stranger says where it comes from: {head:?}");
    let hosts: Vec<_> = head.headers.get_all("host").iter().collect();
    assert!(hosts.len() <= 1, "{head:?}");
    if let Some(host) = hosts.first() {
        let text = host.to_str().expect("a host that was read is a text");
        assert_eq!(text.parse::<Host>().expect("it was read").to_string(), seen.host, "{head:?}");
    }
    // What would be sent reads the same again, and belongs to the same application.
    let target = seen.target.to_string();
    assert!(seen.target.authority().is_none() && target.starts_with('/'), "{target:?} of {head:?}");
    assert_eq!(seen.target.path(), seen.path.as_str(), "{head:?}");
    assert!(target.bytes().all(|byte| byte > b' ' && byte != 0x7f), "{target:?} of {head:?}");
    assert_eq!(seen.target.query(), head.uri.query(), "{head:?}");
    let host: Host = seen.host.parse().expect("it was written");
    clean(&mut head.headers);
    head.uri = target.parse().expect("a target that was written");
    let again = read(&head, STRANGER, &proxies).expect("what is sent can be read");
    assert_eq!((again.host.as_str(), &again.path), (seen.host.as_str(), &seen.path), "{head:?}");
    let name = |path| CATALOG.app_at(&host, path).map(|app| app.name.clone());
    assert_eq!(name(&again.path), name(&seen.path), "{head:?}");
    // Behind a proxy that is trusted, the address is one that was said, and canonical.
    let behind = read(&head, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), &proxies).expect("it was read before");
    assert_eq!(behind.client_ip, behind.client_ip.to_canonical());
}
