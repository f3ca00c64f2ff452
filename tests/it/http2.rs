//! HTTP/2 and TLS towards clients: the same rules as over HTTP/1.1 in the clear.

use std::path::Path;

use http::HeaderMap;

use crate::support::config::{ALICE, APP};
use crate::support::deadline::eventually;
use crate::support::http2::{Connection, tls};
use crate::support::token;
use crate::support::wire::Wire;
use crate::support::world::World;

/// The standard topology behind a certificate, which `ready` names.
async fn world_with_tls(folder: &tempfile::TempDir) -> World {
    let names = [APP, "api.localhost", "other.localhost", "acme.localhost"].map(str::to_owned);
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    write_pair(&cert, &key, rcgen::CertificateParams::new(names).unwrap());
    world_with_pair(&cert, &key).await
}

async fn world_with_pair(cert: &Path, key: &Path) -> World {
    let lines = format!("[listen]\ntls = {{ cert = \"{}\", key = \"{}\" }}", cert.display(), key.display());
    World::with(|config| config.with("[listen]", &lines)).await
}

/// A certificate that nobody else signed, and its key.
fn write_pair(cert: &Path, key: &Path, params: rcgen::CertificateParams) {
    let made = rcgen::KeyPair::generate().unwrap();
    std::fs::write(cert, params.self_signed(&made).unwrap().pem()).unwrap();
    std::fs::write(key, made.serialize_pem()).unwrap();
}

fn url(world: &World, scheme: &str, path: &str) -> String {
    format!("{scheme}://{APP}:{}{path}", world.public().port())
}

#[tokio::test]
async fn over_tls_both_versions_of_http_are_served_and_the_team_is_https() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_with_tls(&folder).await;
    let ca = std::path::PathBuf::from(world.gateway.ready["ca"].as_str().expect("what to trust"));
    assert!(world.gateway.team_url().starts_with("https://acme.localhost:"), "{}", world.gateway.team_url());

    let two = Connection::over(tls(world.public(), APP, &ca, "h2").await).await;
    assert_eq!(two.get(&url(&world, "https", "/public"), &[]).await.status(), 200);
    assert_eq!(world.origin.only().head.field("x-forwarded-proto"), Some("https"));
    let stranger = two.get(&url(&world, "https", "/"), &[]).await;
    let location = stranger.headers()["location"].to_str().unwrap();
    assert!(stranger.status() == 302 && location.starts_with("https://acme.localhost:"), "{location}");

    let mut one = Wire::new(tls(world.public(), APP, &ca, "http/1.1").await);
    let request = format!("GET /public HTTP/1.1\r\nHost: {APP}\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut one.stream, request.as_bytes()).await.unwrap();
    assert_eq!(one.head().await.unwrap().status(), 200);
}

#[tokio::test]
async fn people_sign_in_over_tls_whatever_the_certificate_is_good_for() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    // What `openssl req -x509` makes: an authority, in nobody's list, of another name.
    let mut params = rcgen::CertificateParams::new(["elsewhere.test".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    write_pair(&cert, &key, params);
    let world = world_with_pair(&cert, &key).await;
    world.signed_in(ALICE).await;
}

#[tokio::test]
async fn a_renewed_certificate_is_presented_after_a_reload_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let world = world_with_tls(&folder).await;
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let before = std::fs::read(&cert).unwrap();
    let reload = async |log: &str| {
        let lines = world.gateway.log().matches(log).count();
        world.gateway.signal("HUP");
        let said = async || (world.gateway.log().matches(log).count() > lines).then_some(());
        eventually(&format!("the log says {log:?}"), said).await;
    };

    let renewed = rcgen::CertificateParams::new([APP.to_owned()]).unwrap();
    write_pair(&cert, &key, renewed);
    reload("configuration was reloaded").await;
    // Whoever trusts the new certificate alone gets through; `tls` panics otherwise.
    tls(world.public(), APP, &cert, "h2").await;

    let now = folder.path().join("now.pem");
    std::fs::copy(&cert, &now).unwrap();
    std::fs::write(&cert, &before).unwrap();
    reload("was not reloaded").await;
    world.gateway.logs("do not belong together").await;
    tls(world.public(), APP, &now, "h2").await;
}

#[tokio::test]
async fn a_01_a_forged_assertion_over_http_2_is_replaced_however_often_it_comes() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let cookie = format!("CF_Authorization={token}");
    let fields = [
        ("cf-access-jwt-assertion", "x"),
        ("cookie", cookie.as_str()),
        ("cf-access-jwt-assertion", "y"),
        ("cf_access_authenticated_user_email", "root@corp.test"),
    ];
    let answer = Connection::plain(world.public()).await.get(&url(&world, "http", "/"), &fields).await;
    assert_eq!(answer.status(), 200);
    let seen = world.origin.only();
    assert_eq!(seen.access_fields().len(), 2, "{:?}", seen.head);
    assert_eq!(seen.head.all("cf-access-jwt-assertion").collect::<Vec<_>>(), [token.as_str()]);
    assert_eq!(seen.head.field("cf-access-authenticated-user-email"), Some(ALICE));
}

#[tokio::test]
async fn a_07_trailers_over_http_2_are_dropped() {
    let world = World::start().await;
    let cookie = format!("CF_Authorization={}", world.token(ALICE, "App").await);
    let mut trailers = HeaderMap::new();
    for (name, value) in [("cf-access-jwt-assertion", "evil"), ("content-length", "9"), ("host", "b")] {
        trailers.insert(name, value.parse().unwrap());
    }
    let fields = [("cookie", cookie.as_str())];
    let connection = Connection::plain(world.public()).await;
    let answer = connection.post_with_trailers(&url(&world, "http", "/"), &fields, "abc", trailers).await;
    assert_eq!(answer.status(), 200);
    let seen = world.origin.only();
    assert_eq!((seen.body.as_slice(), seen.trailers.len()), (b"abc".as_slice(), 0));
    assert!(!format!("{:?}", seen.head).contains("evil"));
}

#[tokio::test]
async fn e_06_cookies_in_several_fields_are_one_cookie_header() {
    let world = World::start().await;
    let cookie = format!("CF_Authorization={}", world.token(ALICE, "App").await);
    let fields = [("cookie", "a=1"), ("cookie", cookie.as_str()), ("cookie", "b=2")];
    let answer = Connection::plain(world.public()).await.get(&url(&world, "http", "/"), &fields).await;
    assert_eq!(answer.status(), 200);
    let seen = world.origin.only();
    assert_eq!(seen.head.all("cookie").count(), 1);
    let mut names: Vec<_> =
        seen.head.field("cookie").unwrap().split("; ").filter_map(|c| c.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["CF_Authorization", "a", "b"]);
}

#[tokio::test]
async fn d_14_every_stream_of_a_connection_is_judged_by_itself() {
    let world = World::start().await;
    let cookie = format!("CF_Authorization={}", world.token(ALICE, "App").await);
    let connection = Connection::plain(world.public()).await;
    let address = url(&world, "http", "/");
    let with = [("cookie", cookie.as_str())];
    let answers =
        tokio::join!(connection.get(&address, &with), connection.get(&address, &[]), connection.get(&address, &with));
    assert_eq!(
        (answers.0.status().as_u16(), answers.1.status().as_u16(), answers.2.status().as_u16()),
        (200, 302, 200)
    );
    for seen in world.origin.seen() {
        assert_eq!(token::claims(seen.assertion().unwrap())["email"], ALICE);
    }
}

#[tokio::test]
async fn c_01_b_03_paths_and_hosts_over_http_2_are_read_as_over_http_1() {
    let world = World::start().await;
    let connection = Connection::plain(world.public()).await;
    let answer = connection.get(&url(&world, "http", "/public/%2e%2e/admin"), &[]).await;
    let location = answer.headers()["location"].to_str().unwrap();
    world.assert_sent_to_sign_in(answer.status().as_u16(), Some(location), "Admin", "encoded dots");
    let answer = connection.get(&url(&world, "http", "/public/..%2fadmin"), &[]).await;
    assert_eq!(answer.status(), 400);
    let answer = connection.get(&url(&world, "http", "/public"), &[("host", "none.localhost")]).await;
    assert_eq!(answer.status(), 400, "the authority and the Host field differ");
    world.origin.assert_untouched("what is refused");
}
