//! `doorward import cloudflare`: an account as a configuration file, of
//! Doorward itself and of an API that has everything there is to stumble over.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::authority::Authority;
use crate::support::carrying::{TOKEN, filled_in, import};
use crate::support::client::Client;
use crate::support::config::{ALICE, Config, MALLORY, route};
use crate::support::elsewhere::{ACCOUNT, Elsewhere, Told, page, refusal};
use crate::support::gateway::{Gateway, run_with};
use crate::support::origin::Origin;
use crate::support::raw::exchange;

/// The status of a plain request with these header lines.
async fn status(gateway: &Gateway, host: &str, path: &str, fields: &[(&str, &str)]) -> u16 {
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{fields}\r\n");
    exchange(gateway.public(), request).await.expect("an answer").status()
}

/// What each of several callers is answered at each of several places.
async fn verdicts(gateway: &Gateway, robot: &[(&str, &str)]) -> Vec<(String, u16)> {
    let mut verdicts = Vec::new();
    let wrong = [robot[0], ("CF-Access-Client-Secret", "not-the-secret-of-the-robot-0123456789")];
    for (host, path) in
        [("app.localhost", "/"), ("app.localhost", "/hooks/x"), ("api.localhost", "/"), ("own.localhost", "/")]
    {
        for (who, fields) in [("nobody", &[][..]), ("the robot", robot), ("a liar", &wrong)] {
            verdicts.push((format!("{who} at {host}{path}"), status(gateway, host, path, fields).await));
        }
        // At the last one people are sent to a provider that is not there.
        for person in [ALICE, MALLORY].into_iter().filter(|_| path == "/" && host != "own.localhost") {
            let reply = Client::new(gateway).sign_in(&gateway.at(host, path), person).await;
            // Whoever is refused stays on the sign-in page.
            verdicts.push((format!("{person} at {host}{path}"), if reply.body == "ok" { 200 } else { 0 }));
        }
    }
    verdicts
}

#[tokio::test]
async fn an_imported_gateway_decides_as_the_one_it_was_read_from() {
    let origin = Origin::start().await;
    let hosts = ["app.localhost", "api.localhost", "own.localhost"];
    let routes = hosts.map(|host| route(host, &origin.url())).concat();
    let first = Gateway::serve(&Config::bare().and(&routes)).await;
    let made = configure(&first).await;
    let robot = [
        ("CF-Access-Client-Id", made["client_id"].as_str().unwrap()),
        ("CF-Access-Client-Secret", made["client_secret"].as_str().unwrap()),
    ];

    let file = first.folder().join("imported.toml");
    let file = file.to_str().unwrap();
    let base = format!("http://{}/client/v4", first.admin());
    let [account, token] = ["account_id", "api_token"].map(|name| first.ready[name].as_str().unwrap());
    let (code, output, errors) = import(&base, token, account, &["--mode", "emulator", "--out", file]).await;
    assert_eq!((code, output.as_str()), (0, ""), "{errors}");
    assert!(errors.contains("to be filled in: SERVICE_TOKEN_ROBOT_SECRET: "), "{errors}");

    let text = std::fs::read_to_string(file).unwrap();
    let origin_url = origin.url();
    let values = [("ROBOT_SECRET", robot[1].1), ("TEAM_NAME", "acme"), ("LOCALHOST", origin_url.as_str())];
    let environment = filled_in(&text, &values);
    let (code, _, missing) = run_with(&["check", "--config", file], &[]).await;
    assert_eq!(code, 2);
    environment.iter().for_each(|(name, _)| assert!(missing.contains(name), "{name}: {missing}"));
    let (code, good, wrong) = run_with(&["check", "--config", file], &environment).await;
    assert_eq!(code, 0, "{good}{wrong}");

    let second = Gateway::serve_with(&Config::whole(&text), &environment).await;
    assert_eq!(second.ready["account_id"], account);
    for app in ["App", "Api", "Own", "Hooks"] {
        let id = made[app].as_str().unwrap();
        assert_eq!(
            (second.app_id(app), second.aud(app)),
            (id, made[&format!("{app} aud")].as_str().unwrap().to_owned())
        );
    }
    let (before, after) = (verdicts(&first, &robot).await, verdicts(&second, &robot).await);
    assert_eq!(after, before);
    let of = |who: &str| after.iter().find(|(whose, _)| whose == who).map(|(_, status)| *status).unwrap();
    assert_eq!(of("nobody at app.localhost/hooks/x"), 200, "some are let in: {after:?}");
    assert_eq!(of("the robot at api.localhost/"), 200, "{after:?}");
    assert_ne!(of("a liar at api.localhost/"), 200, "{after:?}");
    assert_eq!(of(&format!("{ALICE} at app.localhost/")), 200, "{after:?}");
    assert_ne!(of(&format!("{MALLORY} at app.localhost/")), 200, "{after:?}");
}

/// Objects of every kind, made over the API; their ids by their names.
async fn configure(gateway: &Gateway) -> Value {
    let account = gateway.ready["account_id"].as_str().unwrap();
    let create = async |path: &str, body: Value| {
        let path = format!("/client/v4/accounts/{account}/access/{path}");
        let (status, answer) = gateway.admin_call("POST", &path, Some(body)).await;
        assert_eq!(status, 201, "{path}: {answer}");
        answer["result"].clone()
    };
    let staff = json!({ "name": "Staff", "include": [{ "email_domain": { "domain": "corp.test" } }] });
    let staff = create("groups", staff).await["id"].clone();
    let robot = create("service_tokens", json!({ "name": "Robot" })).await;
    create("tags", json!({ "name": "docs" })).await;
    let oidc = json!({
        "client_id": "doorward", "client_secret": "a-secret", "auth_url": "https://kc.example.com/auth",
        "token_url": "https://kc.example.com/token", "certs_url": "https://kc.example.com/certs",
    });
    let keycloak = create("identity_providers", json!({ "name": "Keycloak", "type": "oidc", "config": oidc })).await;
    let keycloak = keycloak["id"].clone();
    let machines = json!({
        "name": "Machines", "decision": "non_identity", "include": [{ "service_token": { "token_id": robot["id"] } }],
    });
    let machines = create("policies", machines).await["id"].clone();
    let everybody = json!({ "name": "Everybody", "decision": "bypass", "include": [{ "everyone": {} }] });
    let people = json!({
        "name": "Staff", "decision": "allow", "include": [{ "group": { "id": staff } }],
        "exclude": [{ "login_method": { "id": keycloak } }],
    });
    let mut made = robot;
    for (name, domain, policies, more) in [
        ("App", "app.localhost", json!([people]), json!({ "tags": ["docs"], "session_duration": "2h" })),
        ("Hooks", "app.localhost/hooks", json!([everybody]), json!({})),
        ("Api", "api.localhost", json!([machines, people]), json!({ "service_auth_401_redirect": true })),
        ("Own", "own.localhost", json!([people]), json!({ "allowed_idps": [keycloak] })),
    ] {
        let mut app = json!({ "name": name, "type": "self_hosted", "domain": domain, "policies": policies });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let app = create("apps", app).await;
        made[name] = app["id"].clone();
        made[format!("{name} aud")] = app["aud"].clone();
    }
    made
}

const SAML: &str = "11111111-1111-4111-8111-111111111111";
const OKTA: &str = "22222222-2222-4222-8222-222222222222";
const LIST: &str = "33333333-3333-4333-8333-333333333333";
const PAGE: &str = "44444444-4444-4444-8444-444444444444";
const ROOT: &str = "55555555-5555-4555-8555-555555555555";

fn policy(name: &str, decision: &str, include: Value, more: Value) -> Value {
    let mut policy = json!({ "name": name, "decision": decision, "include": include, "session_duration": "24h" });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

fn app(number: u32, kind: &str, domain: &str, policies: Value, more: Value) -> Value {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let mut app = json!({ "id": id, "name": domain, "type": kind, "domain": domain, "policies": policies });
    app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    app
}

/// An account with what a file has no words for.
fn awkward(path: &str, number: usize, _: usize) -> Told {
    let everyone = json!([{ "everyone": {} }]);
    let open = policy("Open", "bypass", everyone.clone(), json!({}));
    let people = policy("People", "allow", everyone.clone(), json!({}));
    let items = match path {
        "access/organizations" => {
            return page(json!({ "auth_domain": "acme.cloudflareaccess.com", "name": "Acme" }));
        }
        "access/identity_providers" => json!([
            { "id": SAML, "name": "ADFS\nmode = \"emulator\"", "type": "saml", "config": {} },
            { "id": OKTA, "name": "Okta", "type": "okta", "config": { "client_id": "c", "okta_account": "https://acme.okta.com" } },
        ]),
        "access/certificates" => json!([{ "id": ROOT, "name": "Machines", "associated_hostnames": ["wide.test"] }]),
        "access/custom_pages" => json!([{ "uid": PAGE, "name": "No", "type": "forbidden" }]),
        "gateway/lists" => json!([
            { "id": LIST, "name": "Offices", "type": "IP" }, { "id": SAML, "name": "Others", "type": "URL" },
        ]),
        "access/apps" => json!([
            app(1, "self_hosted", "*.wide.test", json!([open]), json!({})),
            app(2, "ssh", "shell.wide.test", json!([people]), json!({})),
            app(3, "self_hosted", "saml.wide.test", json!([people]), json!({ "allowed_idps": [SAML] })),
            app(
                4,
                "self_hosted",
                "posture.wide.test",
                json!([
                    policy("Odd", "allow", json!([{ "nobody_knows": {} }]), json!({})),
                    policy("Excluded", "allow", everyone, json!({ "exclude": [{ "nobody_knows": {} }] })),
                ]),
                json!({})
            ),
            app(
                5,
                "self_hosted",
                "asked.wide.test",
                json!([policy("Asked", "allow", json!([{ "everyone": {} }]), json!({ "isolation_required": true }))]),
                json!({})
            ),
            app(
                6,
                "self_hosted",
                "lists.wide.test",
                json!([policy("Offices", "bypass", json!([{ "ip_list": { "id": LIST } }]), json!({}))]),
                json!({ "custom_pages": [PAGE], "mfa_config": { "mfa_disabled": true } })
            ),
            app(7, "saas", "saas.wide.test", json!([]), json!({})),
            app(
                8,
                "self_hosted",
                "mixed.wide.test",
                json!([policy(
                    "Ours",
                    "allow",
                    json!([{ "login_method": { "id": SAML } }, { "email": { "email": ALICE } }]),
                    json!({})
                ),]),
                json!({})
            ),
        ]),
        _ if path.starts_with("access/custom_pages/") => {
            return page(
                json!({ "uid": PAGE, "name": "No", "type": "forbidden", "custom_html": "<p>${ray}</p>\n'''" }),
            );
        }
        "gateway/lists/33333333-3333-4333-8333-333333333333/items" => {
            json!([[{ "value": "10.0.0.0/8", "description": "here" }, { "value": "192.0.2.1" }]])
        }
        "access/certificates/settings" | "access/tags" => return refusal(403, 10000, "Authentication error"),
        _ => json!([]),
    };
    page(if number == 1 { items } else { json!([]) })
}

/// The verdict on somebody at a host, by the imported file.
async fn verdict(file: &Path, environment: &[(&str, &str)], host: &str, words: &[&str]) -> String {
    let url = format!("https://{host}/");
    let words = [&["explain", "--config", file.to_str().unwrap(), "--json"], words, &[&url]].concat();
    let (code, output, errors) = run_with(&words, environment).await;
    assert_eq!(code, 0, "{errors}");
    serde_json::from_str::<Value>(&output).unwrap()["verdict"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_cannot_be_carried_over_is_told_and_opens_nothing() {
    let account = Elsewhere::start(awkward).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    let path = file.to_str().unwrap();
    let (code, _, errors) = import(&account.url(), TOKEN, ACCOUNT, &["--out", path]).await;
    assert_eq!(code, 3, "tags may not be read: {errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    for told in [
        "the identity provider \"ADFS\u{fffd}mode = \"emulator\"\": people cannot sign in with a provider of type saml here",
        "the application \"saas.wide.test\": applications of type saas",
        "the type ssh of the application \"shell.wide.test\"",
        "isolation_required of the application \"asked.wide.test\", the policy \"Asked\"",
        "the people of the application \"saml.wide.test\": none of the identity providers it allows",
        "on nobody_knows: there are no such rules here",
        "tags: they could not be read (403 Forbidden: Authentication error)",
    ] {
        assert!(errors.contains(&format!("not carried over: {told}")) || errors.contains(told), "{told}\n{errors}");
        assert!(text.lines().any(|line| line.starts_with("#   ") && line.contains(told)), "{told}\n{text}");
    }
    assert!(!text.contains("saas.wide.test\"\ntype"), "{text}");

    let root = Authority::new("Machines");
    let values = [("_PEM", root.pem.as_str()), ("_SECRET", TOKEN), ("_KEY", TOKEN), ("_TOKEN", TOKEN)];
    let environment = filled_in(&text, &values);
    let (code, good, wrong) = run_with(&["check", "--config", path], &environment).await;
    assert_eq!(code, 0, "{good}{wrong}");
    assert!(good.contains("7 applications"), "{good}");

    let alice: &[&str] = &["--user", ALICE];
    for (host, words, expected) in [
        ("any.wide.test", &[][..], "bypass"),
        // Left out, the wildcard would open it.
        ("shell.wide.test", &[], "login"),
        ("shell.wide.test", alice, "allow"),
        ("saml.wide.test", alice, "deny"),
        ("saml.wide.test", &[], "deny"),
        ("posture.wide.test", alice, "deny"),
        ("asked.wide.test", alice, "deny"),
        ("mixed.wide.test", alice, "allow"),
        ("mixed.wide.test", &["--user", MALLORY], "deny"),
        ("lists.wide.test", &["--ip", "10.1.2.3"], "bypass"),
        ("lists.wide.test", &["--ip", "192.0.2.2"], "deny"),
    ] {
        assert_eq!(verdict(&file, &environment, host, words).await, expected, "{host} {words:?}\n{text}");
    }
}

#[tokio::test]
async fn an_account_is_only_read_and_at_the_pace_that_it_allows() {
    let account = Elsewhere::start(|path, number, before| match (path, number, before) {
        ("access/apps", 1, 0 | 1) => (429, vec![("Retry-After", "0".to_owned())], json!({})),
        ("access/apps", 1..=3, _) => {
            page(json!([app(number as u32, "self_hosted", &format!("{number}.test"), json!([]), json!({}))]))
        }
        // One that knows nothing of pages.
        ("access/groups", ..) => page(json!([{ "id": LIST, "name": "Staff", "include": [{ "everyone": {} }] }])),
        ("access/organizations", ..) => refusal(404, 1000, "none"),
        _ => page(json!([])),
    })
    .await;
    let (code, output, errors) = import(&account.url(), TOKEN, ACCOUNT, &[]).await;
    assert_eq!(code, 0, "{errors}");
    let names: Vec<&str> = output.lines().filter(|line| line.starts_with("domain = ")).collect();
    assert_eq!(names, ["domain = \"1.test\"", "domain = \"2.test\"", "domain = \"3.test\""], "every page: {output}");
    assert_eq!(output.matches("[[group]]").count(), 1, "{output}");
    let asked = account.asked();
    let wrong = asked.iter().find(|one| !one.starts_with("GET /") || !one.ends_with(&format!(" Bearer {TOKEN}")));
    assert_eq!(wrong, None);
    assert_eq!(asked.iter().filter(|one| one.contains("/access/apps?page=1 ")).count(), 3, "{asked:?}");
}

#[tokio::test]
async fn an_import_that_cannot_be_says_what_to_do_and_writes_nothing() {
    let account = Elsewhere::start(|path, _, _| match path {
        "access/organizations" => refusal(404, 1000, "none"),
        _ => refusal(403, 10000, "Authentication error\u{1b}[31m"),
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    let path = file.to_str().unwrap();
    let (code, _, errors) = import(&account.url(), TOKEN, ACCOUNT, &["--out", path]).await;
    assert_eq!(code, 1);
    for told in
        ["shows nothing of this account", "CLOUDFLARE_API_TOKEN", "\"Access: Service Tokens Read\"", "--account"]
    {
        assert!(errors.contains(told) && !errors.contains('\u{1b}'), "{told}: {errors}");
    }
    assert!(!file.exists());

    std::fs::write(&file, "mine").unwrap();
    let good = Elsewhere::start(awkward).await;
    let (code, _, errors) = import(&good.url(), TOKEN, ACCOUNT, &["--out", path]).await;
    assert!(code == 1 && errors.contains("--force") && good.asked().is_empty(), "{errors}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(import(&good.url(), TOKEN, ACCOUNT, &["--out", path, "--force"]).await.0, 3);

    for (base, token, mend) in
        [("http://api.example.com/client/v4", TOKEN, "is not https"), (good.url().as_str(), "", "CLOUDFLARE_API_TOKEN")]
    {
        let (code, _, errors) = import(base, token, ACCOUNT, &[]).await;
        assert!(code == 1 && errors.contains(mend), "{errors}");
    }
    assert_eq!(import(&good.url(), TOKEN, "acme", &[]).await.0, 2, "an id that is none");
}
