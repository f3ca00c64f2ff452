//! The names that only the real service has: through the proxy the gateway
//! answers to them over TLS, and clients that know no other address come here.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config};
use crate::support::deadline::in_time;
use crate::support::gateway::{Gateway, run_with};
use crate::support::node::{reach, reach_with_pyjwt};
use crate::support::raw::exchange;
use crate::support::token;
use crate::support::world::World;

pub(crate) const DOMAIN: &str = "acme.cloudflareaccess.com";
pub(crate) const ISSUER: &str = "https://acme.cloudflareaccess.com";

pub(crate) fn proxied(config: Config) -> Config {
    config.with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\nproxy = \"127.0.0.1:0\"")
}

async fn world() -> World {
    World::with(proxied).await
}

fn proxy(gateway: &Gateway) -> std::net::SocketAddr {
    gateway.ready["proxy"].as_str().unwrap().trim_start_matches("http://").parse().unwrap()
}

#[tokio::test]
async fn a_sign_in_by_the_real_names_stays_among_them_from_the_challenge_to_the_token() {
    let world = world().await;
    let mut browser = Client::through_proxy(&world.gateway);
    let reply = browser.sign_in(&format!("https://{APP}/page?x=1"), ALICE).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    for visited in &browser.history {
        assert_eq!((visited.scheme(), visited.port()), ("https", None), "{visited}");
        assert!([APP, DOMAIN].contains(&visited.host_str().unwrap()), "{visited}");
    }
    let seen = world.origin.only();
    assert_eq!(seen.head.target(), "/page?x=1");
    let claims = token::claims(seen.assertion().unwrap());
    assert_eq!((&claims["iss"], &claims["email"]), (&json!(ISSUER), &json!(ALICE)));
    let identity = browser.get(&format!("https://{DOMAIN}/cdn-cgi/access/get-identity")).await.json();
    assert_eq!((&identity["email"], &identity["user_uuid"]), (&json!(ALICE), &claims["sub"]));
}

#[tokio::test]
async fn the_public_listener_keeps_its_own_name_and_takes_tokens_of_both() {
    let world = world().await;
    let mut browser = world.signed_in(ALICE).await;
    browser.get(&world.app("/")).await;
    let claims = token::claims(world.origin.only().assertion().unwrap());
    assert_eq!(claims["iss"], world.gateway.team_url());
    world.origin.forget();

    let named = json!({ "app": "App", "email": ALICE, "issuer": ISSUER });
    let named = world.gateway.token(named).await;
    let unnamed = world.token(ALICE, "App").await;
    for token in [&named, &unnamed] {
        let cookie = format!("CF_Authorization={token}");
        let here = Client::new(&world.gateway).request_with(&world.app("/"), "Cookie", &cookie).await;
        let there =
            Client::through_proxy(&world.gateway).request_with(&format!("https://{APP}/"), "Cookie", &cookie).await;
        assert_eq!((here.status, there.status), (200, 200));
    }
}

#[tokio::test]
async fn what_is_revoked_is_revoked_under_both_names() {
    let world = world().await;
    let mut browser = Client::through_proxy(&world.gateway);
    let url = format!("https://{APP}/");
    assert_eq!(browser.sign_in(&url, ALICE).await.status, 200);
    assert_eq!(browser.get(&url).await.status, 200);
    world.gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(browser.get(&url).await.status, 302);
}

#[tokio::test]
async fn a_client_that_names_no_protocol_speaks_http_1_1_without_a_connect() {
    let world = world().await;
    let mut stream = tls(&world.gateway, APP).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {APP}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Who ends a connection without a close_notify is the server's affair here.
    let _ended = in_time("the answer ends", stream.read_to_end(&mut answer)).await;
    assert!(answer.starts_with(b"HTTP/1.1 302 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(stream.get_ref().1.alpn_protocol(), None);
}

#[tokio::test]
async fn a_name_that_is_not_emulated_gets_no_certificate() {
    let world = world().await;
    for name in ["www.example.com", "other.cloudflareaccess.com", "evil-app.localhost"] {
        assert!(tls(&world.gateway, name).await.is_err(), "{name}");
    }
    assert!(tls(&world.gateway, DOMAIN).await.is_ok());
}

#[tokio::test]
async fn other_hosts_pass_through_the_proxy_untouched() {
    let world = world().await;
    let other = crate::support::origin::Origin::start().await;
    let address = other.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(proxy(&world.gateway)).await.unwrap();
    stream.write_all(format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = [0; 256];
    let length = in_time("the tunnel opens", stream.read(&mut head)).await.unwrap();
    assert!(head[..length].starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&head[..length]));
    let request = "GET /a//b?c HTTP/1.1\r\nHost: elsewhere\r\nCf-Access-Jwt-Assertion: mine\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    in_time("the answer ends", stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.ends_with(b"ok"), "{}", String::from_utf8_lossy(&answer));
    let seen = other.only();
    assert_eq!((seen.head.target(), seen.assertion()), ("/a//b?c", Some("mine")));
    world.origin.assert_untouched("it was for another host");
}

#[tokio::test]
async fn what_the_proxy_does_not_do_is_told_with_the_mend() {
    let world = world().await;
    let proxy = proxy(&world.gateway);
    let plain = exchange(proxy, "GET http://app.localhost/ HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await.unwrap();
    assert_eq!(plain.status(), 405);
    assert!(plain.text().contains("HTTPS_PROXY"), "{}", plain.text());
    let portless = exchange(proxy, "CONNECT app.localhost HTTP/1.1\r\nHost: app.localhost\r\n\r\n").await.unwrap();
    assert_eq!(portless.status(), 400);
    let nobody = "CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n";
    assert_eq!(exchange(proxy, nobody).await.unwrap().status(), 502);
}

#[tokio::test]
async fn the_variables_of_env_lead_unmodified_clients_to_the_emulator() {
    let world = world().await;
    let token = world.gateway.token(json!({ "app": "App", "email": ALICE, "issuer": ISSUER })).await;
    let aud = world.gateway.aud("App");
    let variables = variables(&world.gateway).await;
    for client in ["jose", "jose-6", "hono"] {
        let verdict = reach(client, &token, DOMAIN, &aud, &variables).await;
        assert_eq!(verdict.unwrap_or_else(|error| panic!("{client}: {error}"))["claims"]["email"], ALICE);
        let other = reach(client, &token, DOMAIN, &world.gateway.aud("Other"), &variables).await;
        assert!(other.is_err(), "{client} refuses what is for another application");
    }
    let verdict = reach_with_pyjwt(&token, DOMAIN, &aud, &variables).await;
    assert_eq!(verdict.unwrap_or_else(|error| panic!("PyJWT: {error}"))["claims"]["email"], ALICE);
}

#[tokio::test]
async fn env_says_where_there_is_no_proxy_and_no_emulator() {
    let world = World::start().await;
    let admin = world.gateway.ready["admin"].as_str().unwrap();
    let folder = world.gateway.folder().to_str().unwrap();
    let home = [("XDG_RUNTIME_DIR", folder), ("XDG_DATA_HOME", folder)];
    let (code, _, errors) = run_with(&["env", "--admin", admin], &home).await;
    assert!(code == 1 && errors.contains("has no proxy"), "{code} {errors}");
    let (code, _, errors) = run_with(&["env", "--admin", "http://127.0.0.1:1"], &home).await;
    assert!(code == 1 && errors.contains("start one"), "{code} {errors}");
}

#[tokio::test]
async fn a_seed_makes_keys_tags_and_authority_the_same_on_every_machine() {
    let flags = ["--seed", "the project", "--app", "wiki=http://127.0.0.1:1"];
    let (one, other) = (Gateway::dev(&flags).await, Gateway::dev(&flags).await);
    let certs = async |gateway: &Gateway| Client::new(gateway).get(&gateway.certs_url()).await.body;
    let first = certs(&one).await;
    assert_eq!(first, certs(&other).await, "byte for byte");
    assert_eq!(one.aud("Wiki"), other.aud("Wiki"));
    for gateway in [&one, &other] {
        gateway.control("POST", "/keys/rotate", json!({ "drop_previous": true })).await;
    }
    let rotated = certs(&one).await;
    assert_ne!(rotated, first);
    assert_eq!(rotated, certs(&other).await, "after a rotation too");

    let authority = async |gateway: &Gateway| {
        let home = [("XDG_DATA_HOME", gateway.folder().to_str().unwrap())];
        let (code, pem, errors) = run_with(&["ca", "print", "--seed", "the project"], &home).await;
        assert_eq!(code, 0, "{errors}");
        pem
    };
    let pem = authority(&one).await;
    assert_eq!(pem, authority(&other).await);
    let bundle = std::fs::read_to_string(one.ready["ca"].as_str().unwrap()).unwrap();
    assert!(bundle.ends_with(&pem), "the proxy's clients trust that very authority");
}

#[tokio::test]
async fn an_authority_that_everybody_can_be_is_not_trusted_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let home = [("XDG_DATA_HOME", folder.path().to_str().unwrap())];
    let (code, output, errors) = run_with(&["ca", "install", "--seed", "x", "--dry-run"], &home).await;
    assert!(code == 2 && output.is_empty() && errors.contains("--trust-seed"), "{code} {output} {errors}");
    let (own, again) = (run_with(&["ca", "print"], &home).await, run_with(&["ca", "print"], &home).await);
    assert_eq!(own, again, "it is made once");
    assert_ne!(own.1, run_with(&["ca", "print", "--seed", "x"], &home).await.1);
    let bundle = run_with(&["ca", "bundle"], &home).await.1;
    assert!(bundle.ends_with(&own.1));
}

#[tokio::test]
async fn n_05_emulation_stays_on_this_machine_unless_it_is_told_twice() {
    let world = World::start().await;
    let check = async |config: Config| {
        world.gateway.rewrite(&config);
        let path = world.gateway.folder().join("doorward.toml");
        run_with(&["check", "--config", path.to_str().unwrap()], &[]).await
    };
    let standard = || Config::standard(&world.origin);
    let open = || standard().with("public = \"127.0.0.1:0\"", "public = \"0.0.0.0:0\"");
    let (code, _, errors) = check(open()).await;
    assert!(code == 2 && errors.contains("beyond_loopback = true"), "{code} {errors}");
    let (code, _, errors) = check(open().and("[emulator]\nbeyond_loopback = true\n")).await;
    assert_eq!(code, 0, "{errors}");
    let far = standard().with("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:0\"\nproxy = \"0.0.0.0:0\"");
    let (code, _, errors) = check(far).await;
    assert!(code == 2 && errors.contains("let it listen on 127.0.0.1"), "{code} {errors}");
    let (code, _, errors) = check(proxied(standard()).and("[emulator]\nseed = \"x\"\n").in_production()).await;
    assert!(code == 2 && errors.contains("the proxy imitates") && errors.contains("[emulator] is for"), "{errors}");
}

/// What `doorward env --shell dotenv` says, as a client's environment.
pub(crate) async fn variables(gateway: &Gateway) -> Vec<(String, String)> {
    let folder = gateway.folder().to_str().unwrap();
    let home = [("XDG_RUNTIME_DIR", folder), ("XDG_DATA_HOME", folder)];
    let admin = gateway.ready["admin"].as_str().unwrap();
    let (code, output, errors) = run_with(&["env", "--shell", "dotenv", "--admin", admin], &home).await;
    assert_eq!(code, 0, "{errors}");
    output.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
}

/// TLS to the proxy's port itself, for this name and without ALPN.
async fn tls(gateway: &Gateway, name: &str) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    let bundle = CertificateDer::pem_file_iter(gateway.ready["ca"].as_str().unwrap()).unwrap();
    roots.add(bundle.last().unwrap().unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(proxy(gateway)).await?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    in_time("the handshake ends", tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream)).await
}

#[tokio::test]
async fn the_ready_object_can_be_asked_for_later() {
    let world = world().await;
    let (status, told) = world.gateway.admin_call("GET", "/emulator/v1/ready", None).await;
    assert_eq!((status, &told), (200, &world.gateway.ready));
    assert!(told["proxy"].is_string() && told["ca"].is_string() && told != Value::Null);
}
