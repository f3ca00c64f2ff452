//! Client certificates (mutual TLS): asked for by host, judged for that host
//! and at that moment, told to origins, and of no use to anybody without the key.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::authority::{Authority, Identity, TlsClient, get_over};
use crate::support::client::Client;
use crate::support::config::{ALICE, APP, Config, OTHER, app, route};
use crate::support::deadline::eventually;
use crate::support::gateway::Gateway;
use crate::support::http2::Connection;
use crate::support::origin::Origin;
use crate::support::token;
use crate::support::wire::Wire;
use crate::support::world::World;

/// The host that machines enter by their certificates.
const MACHINES: &str = "machines.localhost";
/// The host that people enter who also have a certificate.
const LAPTOPS: &str = "laptops.localhost";

/// The standard topology behind TLS, with two hosts more, whose clients `authority` vouches for.
async fn world(folder: &Path, authority: &Authority, more: &str) -> World {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&config(folder, &origin, authority, more)).await;
    World { origin, gateway }
}

fn config(folder: &Path, origin: &Origin, authority: &Authority, more: &str) -> Config {
    let names = [APP, OTHER, MACHINES, LAPTOPS, "acme.localhost"].map(str::to_owned);
    let key = rcgen::KeyPair::generate().unwrap();
    let own = rcgen::CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&cert_file, own.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let tls = format!("[listen]\ntls = {{ cert = \"{}\", key = \"{}\" }}", cert_file.display(), key_file.display());
    Config::standard(origin)
        .with("[listen]", &tls)
        .and(&route("*.localhost", &origin.url()))
        .and(&app("Machines", MACHINES, BY_NAME))
        .and(&app("Laptops", LAPTOPS, PEOPLE_WITH))
        .and(&root("Clients", authority, &[MACHINES, LAPTOPS], more))
}

fn root(name: &str, authority: &Authority, hosts: &[&str], more: &str) -> String {
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    let pem = &authority.pem;
    format!(
        "\n[[certificate]]\nname = \"{name}\"\ncertificate = \"\"\"\n{pem}\"\"\"\nassociated_hostnames = [{}]\n{more}\n",
        hosts.join(", ")
    )
}

const BY_NAME: &str = r#"policies = [
  { name = "Robots", decision = "non_identity", include = [{ common_name = { common_name = "robot" } }] },
  { name = "Others", decision = "non_identity", include = [{ certificate = {} }], require = [{ ip = { ip = "10.0.0.0/8" } }] },
]"#;
const PEOPLE_WITH: &str = r#"policies = [
  { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }], require = [{ certificate = {} }] },
]"#;

async fn get(world: &World, identity: Option<&Identity>, host: &str) -> crate::support::raw::RawReply {
    TlsClient::new(identity, "http/1.1").get(world.public(), host, host, "/", &[]).await
}

#[tokio::test]
async fn a_machine_enters_by_its_certificate_and_is_told_to_the_origin_by_its_name() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let robot = authority.issue("robot");
    let reply = get(&world, Some(&robot), MACHINES).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let seen = world.origin.only();
    let assertion = seen.assertion().unwrap().to_owned();
    let claims = token::claims(&assertion);
    assert_eq!(
        (&claims["common_name"], &claims["sub"], &claims["type"], &claims["aud"]),
        (&json!("robot"), &json!(""), &json!("app"), &json!(world.gateway.aud("Machines")))
    );
    assert!(claims["email"].is_null() && seen.head.field("cf-access-authenticated-user-email").is_none());
    let cookie = reply.head.all("set-cookie").find(|line| line.starts_with("CF_Authorization=")).unwrap().to_owned();
    assert!(cookie.starts_with(&format!("CF_Authorization={assertion};")), "{cookie}");

    // The cookie is no substitute for the key.
    world.origin.forget();
    let cookie = format!("Cookie: CF_Authorization={assertion}");
    let stranger = TlsClient::new(None, "http/1.1");
    assert_eq!(stranger.get(world.public(), MACHINES, MACHINES, "/", &[&cookie]).await.status(), 403);
    world.origin.assert_untouched("a cookie without the certificate");
    let again = TlsClient::new(Some(&robot), "http/1.1").get(world.public(), MACHINES, MACHINES, "/", &[&cookie]).await;
    assert_eq!((again.status(), again.head.all("set-cookie").count()), (200, 0), "it has the cookie already");
}

#[tokio::test]
async fn whoever_has_no_certificate_that_counts_gets_a_page_and_no_redirect() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let of_another = Authority::new("Clients").issue("robot");
    let expired = authority.issue_with("robot", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = authority.issue_with("robot", |params| params.not_before = rcgen::date_time_ymd(2090, 1, 1));
    let for_servers = authority.issue_with("robot", |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let like_a_token = authority.issue("0123456789abcdef0123456789abcdef.access");
    for (identity, what) in [
        (None, "no certificate"),
        (Some(&of_another), "another authority of the same name"),
        (Some(&expired), "an expired one"),
        (Some(&early), "one of tomorrow"),
        (Some(&for_servers), "one for servers"),
        (Some(&authority.issue("Robot")), "another name"),
        (Some(&like_a_token), "one named like a service token"),
    ] {
        for host in [MACHINES, LAPTOPS] {
            if host == LAPTOPS && what == "another name" {
                continue;
            }
            let reply = get(&world, identity, host).await;
            assert_eq!((reply.status(), reply.head.field("location")), (403, None), "{what} on {host}");
            assert!(reply.text().contains("Forbidden"), "{what} on {host}");
        }
    }
    world.origin.assert_untouched("nobody's certificate");
}

#[tokio::test]
async fn a_certificate_is_asked_for_only_where_a_root_is_associated() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let robot = authority.issue("robot");
    // The origin of the bypassed path is told nothing, and nobody asked.
    let client = TlsClient::new(Some(&robot), "http/1.1");
    let reply = client.get(world.public(), APP, APP, "/public", &[]).await;
    assert_eq!(reply.status(), 200);
    assert!(world.origin.only().assertion().is_none());
    let stream = client.connect(world.public(), APP).await;
    assert!(stream.get_ref().1.peer_certificates().is_some(), "the server's own");
    assert_eq!(client.get(world.public(), APP, APP, "/", &[]).await.status(), 302, "there is only the sign-in");
}

#[tokio::test]
async fn people_need_their_certificate_and_their_sign_in() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let hosts = [LAPTOPS, "acme.localhost"];
    let mut browser = Client::presenting(&world.gateway, &authority.issue("laptop"), &hosts);
    let url = world.gateway.at(LAPTOPS, "/");
    let sent = browser.get(&url).await;
    assert!(sent.sends_to_sign_in(), "{}", sent.status);
    // The team's domain has no certificate to look at, but the edge's word.
    let location = sent.location();
    let meta = location.query_pairs().find(|(name, _)| name == "meta").unwrap().1.into_owned();
    let mtls = token::claims(&meta)["mtls_auth"].clone();
    assert_eq!((&mtls["cert_presented"], &mtls["auth_status"]), (&json!(true), &json!("SUCCESS")), "{mtls}");
    assert_eq!((&mtls["common_name"], &mtls["cert_issuer_dn"]), (&json!("laptop"), &json!("CN=Clients")), "{mtls}");
    let entered = browser.sign_in(&url, ALICE).await;
    assert_eq!(entered.status, 200, "{}", entered.body);
    let claims = token::claims(world.origin.only().assertion().unwrap());
    assert_eq!((&claims["email"], claims.get("common_name")), (&json!(ALICE), None));
    let told = browser.get(&world.gateway.at(LAPTOPS, "/cdn-cgi/access/get-identity")).await.json();
    assert_eq!((&told["common_name"], &told["mtls_auth"]["cert_presented"]), (&json!("laptop"), &json!(true)));

    let mut elsewhere = world.stranger();
    elsewhere.jar = browser.jar.clone();
    assert_eq!(elsewhere.get(&url).await.status, 403, "somebody whose certificate is elsewhere");
    let mut other = Client::presenting(&world.gateway, &Authority::new("Clients").issue("laptop"), &hosts);
    other.jar = browser.jar.clone();
    assert_eq!(other.get(&url).await.status, 403, "somebody whose certificate another authority made");
}

#[tokio::test]
async fn i4_the_handshake_and_the_request_name_one_host() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let robot = authority.issue("robot");
    let client = TlsClient::new(Some(&robot), "http/1.1");
    for (name, host, status) in [
        (LAPTOPS, MACHINES, 421),
        (MACHINES, LAPTOPS, 421),
        (MACHINES, APP, 421),
        (APP, MACHINES, 421),
        (MACHINES, "acme.localhost", 421),
        ("acme.localhost", MACHINES, 421),
        (APP, OTHER, 421),
        ("acme.localhost", APP, 302),
        ("unknown.localhost", APP, 302),
        (MACHINES, MACHINES, 200),
    ] {
        let reply = client.get(world.public(), name, host, "/", &[]).await;
        assert_eq!(reply.status(), status, "{name} in the handshake, {host} in the request");
    }
    let two = Connection::over(TlsClient::new(Some(&robot), "h2").connect(world.public(), MACHINES).await).await;
    let at = |host: &str| format!("https://{host}:{}/", world.public().port());
    assert_eq!(two.get(&at(MACHINES), &[]).await.status(), 200);
    assert_eq!(two.get(&at(LAPTOPS), &[]).await.status(), 421);
    assert_eq!(two.get(&at(APP), &[]).await.status(), 421, "whom a browser would ask over the same connection");
    assert_eq!(two.get(&at(MACHINES), &[]).await.status(), 200, "the connection goes on");
}

#[tokio::test]
async fn each_root_counts_on_its_own_hosts_and_as_long_as_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (Authority::new("First"), Authority::new("Second"));
    let origin = Origin::start().await;
    let both = config(folder.path(), &origin, &first, "").and(&root("Second", &second, &[MACHINES], ""));
    let world = World { gateway: Gateway::serve(&both).await, origin };
    for authority in [&first, &second] {
        assert_eq!(get(&world, Some(&authority.issue("robot")), MACHINES).await.status(), 200);
    }
    assert_eq!(get(&world, Some(&second.issue("robot")), LAPTOPS).await.status(), 403, "it is not for that host");

    // A connection that is open when its root goes has a certificate of nobody from then on.
    let client = TlsClient::new(Some(&second.issue("robot")), "http/1.1");
    let mut wire = Wire::new(client.connect(world.public(), MACHINES).await);
    assert_eq!(get_over(&mut wire, MACHINES, "/", &[]).await.status(), 200);
    world.gateway.rewrite(&config(folder.path(), &world.origin, &first, ""));
    world.gateway.signal("HUP");
    eventually("the second root is gone", async || {
        (get_over(&mut wire, MACHINES, "/", &[]).await.status() == 403).then_some(())
    })
    .await;
    assert_eq!(get(&world, Some(&second.issue("robot")), MACHINES).await.status(), 403);
    assert_eq!(get(&world, Some(&first.issue("robot")), MACHINES).await.status(), 200);
}

#[tokio::test]
async fn a_certificate_that_ends_while_its_connection_lasts_opens_nothing_more() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "").await;
    let robot = authority.issue_with("robot", |params| params.not_after = rcgen::date_time_ymd(2090, 1, 1));
    let client = TlsClient::new(Some(&robot), "http/1.1");
    let mut wire = Wire::new(client.connect(world.public(), MACHINES).await);
    assert_eq!(get_over(&mut wire, MACHINES, "/", &[]).await.status(), 200);
    let ends = token::claims(world.origin.only().assertion().unwrap())["exp"].as_i64().unwrap();
    assert!(ends < 3_786_912_000, "its token ends before it");
    world.gateway.control("PUT", "/clock", json!({ "set": "2090-01-01T00:00:01Z" })).await;
    assert_eq!(get_over(&mut wire, MACHINES, "/", &[]).await.status(), 403);
}

#[tokio::test]
async fn origins_are_told_of_the_certificate_where_that_is_wanted_and_never_by_the_client() {
    let (folder, authority) = (tempfile::tempdir().unwrap(), Authority::new("Clients"));
    let world = world(folder.path(), &authority, "client_certificate_forwarding = true").await;
    let robot = authority.issue("robot");
    let forged = [
        "Client-Cert: :AAAA:",
        "client_cert: :AAAA:",
        "Client-Cert-Chain: :AAAA:",
        "Cf-Client-Cert-Der-Base64: AAAA",
        "CF_CLIENT_CERT_SHA256: 00",
        "Cf-Cert-Verified: true",
    ];
    let reply = TlsClient::new(Some(&robot), "http/1.1").get(world.public(), MACHINES, MACHINES, "/", &forged).await;
    assert_eq!(reply.status(), 200);
    let seen = world.origin.only();
    let der = BASE64_STANDARD.encode(robot.der());
    assert_eq!(seen.head.all("client-cert").collect::<Vec<_>>(), [format!(":{der}:")]);
    assert_eq!(seen.head.all("cf-client-cert-der-base64").collect::<Vec<_>>(), [der]);
    assert_eq!(seen.head.field("cf-client-cert-sha256").map(str::len), Some(64));
    for name in ["client_cert", "client-cert-chain", "cf_client_cert_sha256", "cf-cert-verified"] {
        assert_eq!(seen.head.field(name), None, "{name}");
    }
    // On a host without certificates nothing of it remains.
    world.origin.forget();
    TlsClient::new(None, "http/1.1").get(world.public(), APP, APP, "/public", &forged).await;
    let seen = world.origin.only();
    assert!(seen.head.fields.iter().all(|(name, _)| !name.to_ascii_lowercase().contains("cert")), "{:?}", seen.head);
}
