//! Accounts that cannot be read whole, or not at once: what is told, what is
//! written all the same, and how the command ends.

use serde_json::{Value, json};

use crate::support::carrying::{TOKEN, filled_in, import};
use crate::support::config::ALICE;
use crate::support::elsewhere::{ACCOUNT, Elsewhere, Told, page, refusal};
use crate::support::gateway::run_with;

const LIST: &str = "33333333-3333-4333-8333-333333333333";
const PAGE: &str = "44444444-4444-4444-8444-444444444444";

/// An id for each kind and number.
fn id(kind: usize, number: usize) -> String {
    format!("00000000-0000-4000-8{kind:03}-{number:012}")
}

fn allows(name: &str, more: Value) -> Value {
    let mut policy = json!({ "name": name, "decision": "allow", "include": [{ "everyone": {} }] });
    policy.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    policy
}

fn app(number: usize, domain: &str, policies: Value) -> Value {
    let (id, name) = (id(1, number), format!("App {number}"));
    json!({ "id": id, "name": name, "type": "self_hosted", "domain": domain, "policies": policies })
}

/// An account whose groups, items of lists and texts of pages this token may not read.
fn half(path: &str, number: usize, _: usize) -> Told {
    if number > 1 {
        return page(json!([]));
    }
    let excluded = |rule: Value| json!([allows("But some", json!({ "exclude": [rule] }))]);
    page(match path {
        "access/organizations" => json!({ "auth_domain": "acme.cloudflareaccess.com" }),
        "access/identity_providers" => json!([{
            "id": id(9, 1), "name": "Okta", "type": "okta", "config": { "client_id": "c", "okta_account": "https://a.okta.com" },
        }]),
        "access/apps" => json!([
            app(1, "open.test", json!([allows("All", json!({}))])),
            app(2, "group.test", excluded(json!({ "group": { "id": id(3, 1) } }))),
            app(3, "list.test", excluded(json!({ "email_list": { "id": LIST } }))),
            app(4, "certificate.test", excluded(json!({ "certificate": {} }))),
        ]),
        "access/custom_pages" => json!([{ "uid": PAGE, "name": "No entry", "type": "forbidden" }]),
        "gateway/lists" => json!([{ "id": LIST, "name": "Interns", "type": "EMAIL" }]),
        "access/groups" | "access/certificates" => return refusal(403, 10000, "Authentication error"),
        _ if path.ends_with("/items") || path.starts_with("access/custom_pages/") => {
            return refusal(403, 9109, "Unauthorized to access requested resource");
        }
        _ => json!([]),
    })
}

#[tokio::test]
async fn what_a_token_may_not_read_is_told_and_opens_nothing_and_the_rest_is_written() {
    let account = Elsewhere::start(half).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    let path = file.to_str().unwrap();
    let (code, _, errors) = import(&account.url(), TOKEN, ACCOUNT, &["--out", path]).await;
    assert_eq!(code, 3, "{errors}");
    let text = std::fs::read_to_string(&file).unwrap();
    for (what, permission) in [
        ("groups", "Access: Organizations, Identity Providers, and Groups Read"),
        ("certificates", "Access: Mutual TLS Certificates Read"),
        ("the list \"Interns\"", "Zero Trust Read"),
        ("the custom page \"No entry\"", "Access: Custom Pages Read"),
    ] {
        let told = |line: &&str| {
            line.contains(&format!("{what}: they could not be read (403 Forbidden: ")) && line.contains(permission)
        };
        assert!(errors.lines().any(|line| told(&line)), "{what}: {errors}");
        assert!(text.lines().any(|line| told(&line)), "{what}: {text}");
    }
    assert!(errors.contains("not the whole account"), "{errors}");
    let environment = filled_in(&text, &[("_SECRET", TOKEN), ("_KEY", TOKEN), ("_TOKEN", TOKEN)]);
    let (code, good, wrong) = run_with(&["check", "--config", path], &environment).await;
    assert_eq!(code, 0, "{good}{wrong}");
    for (host, expected) in [("open", "allow"), ("group", "deny"), ("list", "deny"), ("certificate", "deny")] {
        let url = format!("https://{host}.test/");
        let words = ["explain", "--config", path, "--json", "--user", ALICE, &url];
        let (_, answer, errors) = run_with(&words, &environment).await;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{errors}"));
        assert_eq!(answer["verdict"], expected, "{host}: {answer}");
    }

    let base = account.url();
    let environment = [("CLOUDFLARE_BASE_URL", base.as_str()), ("CLOUDFLARE_API_TOKEN", TOKEN)];
    let (code, hcl, errors) = run_with(&["export", "terraform", "--account", ACCOUNT], &environment).await;
    assert!(code == 3 && hcl.contains("\"app_1\"") && errors.contains("not the whole account"), "{code} {errors}");
}

/// Three pages of each, with one object on each.
fn in_pages(path: &str, number: usize, _: usize) -> Told {
    let name = format!("Number {number}");
    let urls = json!({ "client_id": "c", "okta_account": "https://a.okta.com" });
    let everyone = json!([{ "everyone": {} }]);
    let object = match path {
        "access/organizations" => return page(json!({ "auth_domain": "acme.cloudflareaccess.com" })),
        "access/certificates/settings" if number == 1 => return page(json!([])),
        _ if path.starts_with("access/custom_pages/") => {
            let (uid, number) = (path.rsplit('/').next().unwrap(), path.chars().last().unwrap());
            return page(
                json!({ "uid": uid, "name": format!("Number {number}"), "type": "forbidden", "custom_html": "x" }),
            );
        }
        _ if number > 3 => return page(json!([])),
        "access/identity_providers" => json!({ "id": id(2, number), "name": name, "type": "okta", "config": urls }),
        "access/groups" => json!({ "id": id(3, number), "name": name, "include": everyone }),
        "access/service_tokens" => json!({
            "id": id(4, number), "name": name, "client_id": format!("{number:032}.access"), "duration": "forever",
        }),
        "access/policies" => json!({ "id": id(5, number), "name": name, "decision": "allow", "include": everyone }),
        "access/apps" => {
            let listed = allows("Own", json!({ "require": [{ "ip_list": { "id": id(8, number) } }] }));
            app(number, &format!("{number}.test"), json!([listed]))
        }
        "access/tags" => json!({ "name": name }),
        "access/custom_pages" => json!({ "uid": id(6, number), "name": name, "type": "forbidden" }),
        "access/certificates" => json!({
            "id": id(7, number), "name": name, "associated_hostnames": [format!("{number}.test")],
        }),
        "gateway/lists" => json!({ "id": id(8, number), "name": name, "type": "IP" }),
        _ if path.ends_with("/items") => json!([{ "value": format!("192.0.2.{number}") }]),
        _ => return page(json!([])),
    };
    page(json!([object]))
}

#[tokio::test]
async fn every_page_of_every_kind_is_read() {
    let account = Elsewhere::start(in_pages).await;
    let (code, text, errors) = import(&account.url(), TOKEN, ACCOUNT, &[]).await;
    assert_eq!(code, 0, "{errors}");
    for kind in ["identity_provider", "group", "service_token", "policy", "app", "custom_page", "certificate", "list"] {
        assert_eq!(text.matches(&format!("[[{kind}]]")).count(), 3, "{kind}: {text}");
    }
    assert_eq!(
        text.matches("items = [\"192.0.2.1\", \"192.0.2.2\", \"192.0.2.3\"]").count()
            + text.matches("  \"192.0.2.3\",").count(),
        3,
        "{text}"
    );
    let base = account.url();
    let environment = [("CLOUDFLARE_BASE_URL", base.as_str()), ("CLOUDFLARE_API_TOKEN", TOKEN)];
    let (_, hcl, errors) = run_with(&["export", "terraform", "--account", ACCOUNT], &environment).await;
    assert_eq!(hcl.matches("resource \"cloudflare_zero_trust_access_tag\"").count(), 3, "{errors}");
}

#[tokio::test]
async fn an_api_that_fails_for_the_moment_is_asked_again_but_not_for_ever() {
    let soon = || vec![("Retry-After", "0".to_owned())];
    let shaky = Elsewhere::start(move |path, _, before| match (path, before) {
        ("access/organizations", _) => page(json!({ "auth_domain": "acme.cloudflareaccess.com" })),
        ("access/apps", 0) => (500, soon(), json!({})),
        ("access/apps", 1) => (503, soon(), json!({})),
        ("access/apps", 2) => (522, soon(), json!({})),
        ("access/apps", 3) => (429, soon(), json!({})),
        _ => page(json!([])),
    })
    .await;
    let (code, _, errors) = import(&shaky.url(), TOKEN, ACCOUNT, &[]).await;
    assert_eq!(code, 0, "{errors}");

    let down = Elsewhere::start(move |_, _, _| (502, soon(), json!({}))).await;
    let (code, output, errors) = import(&down.url(), TOKEN, ACCOUNT, &[]).await;
    assert!(code == 1 && output.is_empty() && errors.contains("502 Bad Gateway"), "{output}{errors}");
    assert_eq!(down.asked().len(), 5, "{:?}", down.asked());
}

#[tokio::test]
async fn whatever_stands_in_the_way_is_named_with_what_to_do() {
    let says =
        |status: u16, code: u32, message: &'static str| Elsewhere::start(move |_, _, _| refusal(status, code, message));
    let (expired, malformed) =
        (says(401, 1000, "Invalid API Token").await, says(400, 6003, "Invalid request headers").await);
    let moved = Elsewhere::start(|_, _, _| (302, vec![("Location", "https://x.test".to_owned())], json!({}))).await;
    let nowhere = Elsewhere::start(|_, _, _| refusal(404, 7003, "Could not route to it")).await;
    let no_such = format!("{}/nowhere/doorward.toml", std::env::temp_dir().display());
    let folder = std::env::temp_dir().display().to_string();
    for (base, token, words, code, mend) in [
        (expired.url(), TOKEN, &[][..], 1, "CLOUDFLARE_API_TOKEN has to hold one that is there and has not expired"),
        (malformed.url(), TOKEN, &[], 1, "CLOUDFLARE_API_TOKEN has to hold one that is there and has not expired"),
        (moved.url(), TOKEN, &[], 1, "write in --base-url where that leads"),
        (nowhere.url(), TOKEN, &[], 1, "look at --account"),
        // Nothing listens on the first port.
        ("http://127.0.0.1:1/client/v4".to_owned(), TOKEN, &[], 1, "is it running, and is --base-url right?"),
        ("http://api.example.com".to_owned(), TOKEN, &[], 1, "write https://"),
        ("api.example.com".to_owned(), TOKEN, &[], 2, "write it like https://api.cloudflare.com/client/v4"),
        (moved.url(), "two words", &[], 1, "copy the token itself"),
        (moved.url(), "", &[], 1, "set CLOUDFLARE_API_TOKEN"),
        (moved.url(), TOKEN, &["--out", &no_such], 1, "make it, or name another file"),
        (moved.url(), TOKEN, &["--out", &folder, "--force"], 1, "is a folder; name a file in it"),
    ] {
        let (ended, output, errors) = import(&base, token, ACCOUNT, words).await;
        assert!(
            ended == code && output.is_empty() && errors.contains(mend),
            "{base} {words:?}: {ended} {output}{errors}"
        );
        assert!(!errors.contains(TOKEN), "{errors}");
    }
    let (code, _, errors) = import(&moved.url(), TOKEN, "acme", &[]).await;
    assert!(code == 2 && errors.contains("dash.cloudflare.com/"), "{errors}");
    let through = [("HTTPS_PROXY", "http://127.0.0.1:1"), ("CLOUDFLARE_API_TOKEN", TOKEN)];
    let words = ["import", "cloudflare", "--account", ACCOUNT, "--base-url", "https://api.example.invalid/client/v4"];
    let (code, _, errors) = run_with(&words, &through).await;
    assert!(code == 1 && errors.contains("through the proxy that HTTPS_PROXY names"), "{errors}");
    let (code, _, errors) = run_with(&["export", "terraform"], &[]).await;
    assert!(code == 2 && errors.contains("--config <FILE>|--account <ID>"), "{errors}");
}
