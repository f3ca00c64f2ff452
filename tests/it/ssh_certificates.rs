//! Short-lived SSH certificates: asked for as `cloudflared access ssh-gen` asks,
//! read and used by OpenSSH's own programs.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, Config, MALLORY, app, route};
use crate::support::deadline::in_time;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;
use crate::support::ssh::{Forward, Key, Sshd, myself};

const HOST: &str = "ssh.localhost";
const POLICIES: &str = r#"policies = [
    { name = "Corp", decision = "allow", include = [{ email_domain = { domain = "corp.test" } }] },
    { name = "Machines", decision = "non_identity", include = [{ any_valid_service_token = {} }] },
]"#;

async fn gateway(change: impl FnOnce(Config) -> Config) -> Gateway {
    let origin = Origin::start().await;
    Gateway::serve(&change(Config::standard(&origin).and(&app("Ssh", HOST, POLICIES)))).await
}

async fn standard() -> Gateway {
    gateway(|config| config.and(&route(HOST, "tcp://127.0.0.1:1"))).await
}

/// Makes the authority of an application; what servers have to trust.
pub(crate) async fn authority(gateway: &Gateway, app: &str) -> String {
    let account = gateway.ready["account_id"].as_str().unwrap();
    let path = format!("/client/v4/accounts/{account}/access/apps/{}/ca", gateway.app_id(app));
    let (status, answer) = gateway.admin_call("POST", &path, None).await;
    assert_eq!(status, 200, "{answer}");
    answer["result"]["public_key"].as_str().unwrap().to_owned()
}

/// The question in the words of cloudflared, and the status and JSON of the answer.
async fn sign(gateway: &Gateway, key: &Key, token: &str) -> (u16, Value) {
    let body = json!({ "public_key": key.public(), "jwt": token, "issuer": gateway.team_url() });
    ask(gateway, body.to_string()).await
}

async fn ask(gateway: &Gateway, body: String) -> (u16, Value) {
    let url = format!("{}/cdn-cgi/access/cert_sign", gateway.team_url());
    let fields = [("Content-Type", "application/json"), ("User-Agent", "Go-http-client/1.1")];
    let reply = Client::new(gateway).request(Method::POST, &url, &fields, Some(body)).await;
    (reply.status, serde_json::from_str(&reply.body).unwrap_or_else(|_| panic!("JSON: {}", reply.body)))
}

async fn token(gateway: &Gateway, app: &str, email: &str) -> String {
    gateway.token(json!({ "app": app, "email": email })).await
}

#[tokio::test]
async fn cf_10_a_key_is_signed_for_the_user_before_the_at_for_minutes() {
    let gateway = standard().await;
    let authority = authority(&gateway, "Ssh").await;
    let (key, token) = (Key::generate().await, token(&gateway, "Ssh", ALICE).await);
    let (status, answer) = sign(&gateway, &key, &token).await;
    assert_eq!(status, 200, "{answer}");
    assert!(answer["id"].as_str().is_some_and(|id| !id.is_empty()));
    key.certified(answer["certificate"].as_str().unwrap());
    let shown = key.shown().await;
    let said = |text: &str| assert!(shown.contains(text), "{text:?} in {shown}");
    said("Type: ecdsa-sha2-nistp256-cert-v01@openssh.com user certificate");
    said("Key ID: \"alice@corp.test\"");
    said("Principals: \n                alice\n        Critical Options: (none)");
    said("permit-pty");
    assert!(authority.starts_with("ecdsa-sha2-nistp256 "), "{authority}");
    let ends = answer["expires_at"].as_str().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let left = seconds_of(ends) - now.as_secs() as i64;
    assert!((150..=180).contains(&left), "{ends}: {left} seconds are left");
    gateway.logs("signed an SSH certificate").await;
}

/// The seconds of an RFC 3339 time, by a program that is not ours.
fn seconds_of(text: &str) -> i64 {
    let output = std::process::Command::new("date").args(["-d", text, "+%s"]).output().expect("date is there");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{text} is a time"))
}

#[tokio::test]
async fn openssh_lets_in_by_the_certificate_through_the_gateway_and_nobody_without() {
    let me = myself().await;
    let email = format!("{me}@corp.test");
    // The authority is there only once the gateway runs, and the server trusts it alone.
    let later = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let service = format!("ssh://{}", later.local_addr().unwrap());
    let gateway = gateway(|config| {
        // The standard topology knows root already, who runs most machines of this kind.
        let person = if me == "root" { String::new() } else { format!("[[user]]\nemail = \"{email}\"\n") };
        config.and(&route(HOST, &service)).and(&person)
    })
    .await;
    let _server = Sshd::at(later, &authority(&gateway, "Ssh").await).await;
    let token = token(&gateway, "Ssh", &email).await;
    let forward = Forward::to(gateway.public(), HOST, &token).await;

    let key = Key::generate().await;
    let refused = key.run_at(forward.address, &me, "echo in").await.unwrap_err();
    assert!(refused.contains("Permission denied"), "without a certificate: {refused}");

    let (status, answer) = sign(&gateway, &key, &token).await;
    assert_eq!(status, 200, "{answer}");
    key.certified(answer["certificate"].as_str().unwrap());
    let said = in_time("ssh", key.run_at(forward.address, &me, "echo in, as; id -un")).await.unwrap();
    assert_eq!(said, format!("in, as\n{me}\n"));

    let other = gateway.token(json!({ "app": "Ssh", "email": ALICE })).await;
    let (status, answer) = sign(&gateway, &key, &other).await;
    assert_eq!(status, 200, "{answer}");
    key.certified(answer["certificate"].as_str().unwrap());
    let refused = key.run_at(forward.address, &me, "echo in").await.unwrap_err();
    assert!(refused.contains("Permission denied"), "alice is not {me}: {refused}");
}

#[tokio::test]
async fn an_application_without_an_authority_signs_nothing_and_says_what_is_missing() {
    let gateway = standard().await;
    authority(&gateway, "Other").await;
    let key = Key::generate().await;
    let (status, answer) = sign(&gateway, &key, &token(&gateway, "Ssh", ALICE).await).await;
    assert_eq!((status, &answer["status"]), (400, &json!(400)));
    assert_eq!(answer["message"], "Bad Request. Please create a ca for application");
    let (status, _) = sign(&gateway, &key, &token(&gateway, "Other", ALICE).await).await;
    assert_eq!(status, 200, "that of another application is of no use to it");
}

#[tokio::test]
async fn k_12_no_token_but_a_persons_of_that_application_is_worth_a_certificate() {
    let bound = app("Bound", "bound.localhost", &format!("enable_binding_cookie = true\n{POLICIES}"));
    let gateway = gateway(|config| {
        config.and(&route(HOST, "tcp://127.0.0.1:1")).and(&route("bound.localhost", "tcp://127.0.0.1:1")).and(&bound)
    })
    .await;
    for app in ["Ssh", "Bound"] {
        authority(&gateway, app).await;
    }
    let key = Key::generate().await;
    let good = token(&gateway, "Ssh", ALICE).await;
    let broken = format!("{}A{}", &good[..good.len() - 4], &good[good.len() - 3..]);
    let mint = |body: Value| gateway.token(body);
    for (what, token) in [
        ("nothing", String::new()),
        ("an altered one", broken),
        ("the organisation's", mint(json!({ "kind": "org", "email": ALICE })).await),
        ("a machine's", mint(json!({ "kind": "service", "app": "Ssh", "service_token": "Robot" })).await),
        ("of somebody whom no policy lets in", mint(json!({ "app": "Ssh", "email": MALLORY })).await),
        ("unsigned", mint(json!({ "app": "Ssh", "email": ALICE, "defect": "token-alg-none" })).await),
        ("of another team", mint(json!({ "app": "Ssh", "email": ALICE, "defect": "token-wrong-iss" })).await),
        ("one that counts beside a cookie alone", mint(json!({ "app": "Bound", "email": ALICE })).await),
    ] {
        let (status, answer) = sign(&gateway, &key, &token).await;
        assert_eq!((status, &answer["status"]), (403, &json!(403)), "{what}: {answer}");
        assert_eq!(answer["certificate"], Value::Null);
    }
    assert_eq!(sign(&gateway, &key, &good).await.0, 200);
    gateway.control("PUT", "/clock", json!({ "advance": "25h" })).await;
    assert_eq!(sign(&gateway, &key, &good).await.0, 403, "it is over");
}

#[tokio::test]
async fn g_10_who_is_revoked_gets_no_certificate() {
    let gateway = standard().await;
    authority(&gateway, "Ssh").await;
    let (key, token) = (Key::generate().await, token(&gateway, "Ssh", ALICE).await);
    assert_eq!(sign(&gateway, &key, &token).await.0, 200);
    // That of an application ends its tokens and no sign-in: the token itself is looked at.
    gateway.control("POST", "/revocations", json!({ "app": "Ssh" })).await;
    assert_eq!(sign(&gateway, &key, &token).await.0, 403);
    let token = gateway.token(json!({ "app": "Ssh", "email": ALICE })).await;
    assert_eq!(sign(&gateway, &key, &token).await.0, 200);
    gateway.control("POST", "/revocations", json!({ "email": ALICE })).await;
    assert_eq!(sign(&gateway, &key, &token).await.0, 403);
}

#[tokio::test]
async fn a_question_that_cannot_be_read_is_answered_with_what_is_missing() {
    let gateway = standard().await;
    authority(&gateway, "Ssh").await;
    let (key, token) = (Key::generate().await, token(&gateway, "Ssh", ALICE).await);
    let foreign = json!({ "public_key": key.public(), "jwt": token, "issuer": "https://evil.cloudflareaccess.com" });
    let keyless = json!({ "public_key": "ssh-rsa nonsense", "jwt": token, "issuer": gateway.team_url() });
    for (body, word) in [
        ("nonsense".to_owned(), "public_key, jwt and issuer"),
        (json!({ "jwt": token }).to_string(), "public_key, jwt and issuer"),
        (foreign.to_string(), "another team's"),
        (keyless.to_string(), "public key"),
    ] {
        let (status, answer) = ask(&gateway, body).await;
        assert_eq!((status, &answer["status"]), (400, &json!(400)), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains(word), "{answer}");
    }
    let url = format!("{}/cdn-cgi/access/cert_sign", gateway.team_url());
    assert_eq!(Client::new(&gateway).get(&url).await.status, 405);
    let on_app_host = gateway.at(HOST, "/cdn-cgi/access/cert_sign");
    let reply = Client::new(&gateway).request(Method::POST, &on_app_host, &[], Some(String::new())).await;
    assert_eq!(reply.status, 404, "it is the team's");
}
