//! Every operation of Access' API, by the list of them in `operations.csv`:
//! those that its clients need are served, and the others say that they are not.

use std::collections::BTreeSet;

use serde_json::json;

use super::door::{Door, TOKEN, uuid};
use crate::cloudflare::site;

/// Method, path with names in braces, and how much it is needed: 1 and 2 have to be there, 3 may be.
fn operations() -> impl Iterator<Item = (&'static str, &'static str, u8)> {
    let lines = include_str!("operations.csv").lines().skip(1);
    lines.map(|line| {
        let [method, path, priority] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        (method, path, priority.parse().unwrap())
    })
}

/// As `GET /zones/{}/access/apps`: what stands in the braces is everybody's own word.
fn named(method: &str, path: &str) -> String {
    let part = |part: &str| if part.starts_with('{') { "{}".to_owned() } else { part.to_owned() };
    format!("{method} {}", path.split('/').map(part).collect::<Vec<_>>().join("/"))
}

fn served() -> BTreeSet<String> {
    site().iter().map(|(method, path)| named(method.as_str(), path)).collect()
}

#[test]
fn every_operation_that_clients_need_is_served() {
    let served = served();
    let needed = operations().filter(|(.., priority)| *priority < 3);
    let missing: Vec<String> =
        needed.map(|(method, path, _)| named(method, path)).filter(|name| !served.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(operations().count(), 180, "and the list is whole");
}

#[tokio::test]
async fn an_operation_that_is_not_served_says_so_and_is_never_a_silent_success() {
    let account = Door::open().await;
    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.zone.test" });
    account.done(201, "POST", "/access/apps", app).await;
    let zone = account.of_zone("zone.test").await;
    let lines = async || account.get("/audit_logs").await.body["result_info"]["total_count"].clone();
    let (served, before) = (served(), lines().await);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let absent: Vec<_> = operations().filter(|(method, path, _)| !served.contains(&named(method, path))).collect();
    assert!(absent.iter().any(|(_, path, _)| path.contains("/bookmarks")), "{absent:?}");
    for (method, path, _) in absent {
        let ids = |part: &str| match part {
            "{account_id}" | "{zone_id}" => String::new(),
            part if part.starts_with('{') => uuid(),
            part => part.to_owned(),
        };
        let below: Vec<String> = path.split('/').skip(3).map(ids).collect();
        let door = if path.starts_with("/zones/") { &zone } else { &account };
        let target = door.path(&format!("/{}", below.join("/")));
        for body in ["", "{}", r#"{"name":"x"}"#, "[]"] {
            let answer = door.send(method, &target, &headers, body).await;
            match answer.status {
                501 => answer.refused(501, 9999),
                _ => answer.refused(404, 7003),
            };
        }
    }
    assert_eq!(lines().await, before, "nothing was done");
    assert_eq!(account.get("/access/apps").await.body["result"].as_array().map(Vec::len), Some(1));
}
