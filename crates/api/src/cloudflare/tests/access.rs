//! Who may call what. Every route of the table is asked by everybody who may
//! not: a new one cannot be forgotten.

use doorward_model::document::Scope;
use http::Method;
use serde_json::{Value, json};

use super::door::{Door, START, TOKEN, uuid};
use crate::cloudflare::routes;

const JSON: (&str, &str) = ("content-type", "application/json");

/// Every route, with ids in it that nobody has.
fn asked(door: &Door) -> Vec<(Method, String)> {
    let path =
        |path: &str| path.replace("{id}", &uuid()).replace("{policy}", &uuid()).replace("{nonce}", "X1aXj1lFVcqqyoXF");
    routes().into_iter().map(|(method, route, _)| (method, door.path(&path(route)))).collect()
}

#[tokio::test]
async fn p_01_nobody_reaches_a_route_without_a_token_that_is_good() {
    let door = Door::open().await;
    let expired = door.token(Scope::Edit, Some(&START.to_rfc3339())).await;
    let expired = format!("Bearer {expired}");
    let bearer = format!("Bearer {TOKEN}");
    let wrong: [&[(&str, &str)]; 8] = [
        &[],
        &[("authorization", "Bearer wrong")],
        &[("authorization", TOKEN)],
        &[("authorization", "Basic dGhlOnRva2Vu")],
        &[("authorization", &bearer), ("authorization", "Bearer wrong")],
        &[("x-auth-key", TOKEN)],
        &[("x-auth-email", "a@b.test"), ("x-auth-key", "wrong")],
        &[("authorization", &expired)],
    ];
    for headers in wrong {
        let headers = [&[JSON], headers].concat();
        for (method, target) in asked(&door) {
            let answer = door.send(method.as_str(), &target, &headers, "{}").await;
            assert_eq!(answer.refused(401, 10000), "Authentication error", "{method} {target} {headers:?}");
            assert!(answer.headers.contains_key("www-authenticate"));
        }
        let query = format!("{}?token={TOKEN}", door.path("/access/groups"));
        door.send("GET", &query, &headers, "").await.refused(401, 10000);
    }
}

#[tokio::test]
async fn p_01_a_token_that_may_read_changes_nothing() {
    let door = Door::open().await;
    let bearer = format!("Bearer {}", door.token(Scope::Read, None).await);
    let before = door.objects.current().all().count();
    for (method, target) in asked(&door) {
        let answer = door.send(method.as_str(), &target, &[JSON, ("authorization", &bearer)], "{}").await;
        match method {
            Method::GET => assert!([200, 404].contains(&answer.status), "{method} {target}: {}", answer.body),
            _ => assert_eq!(answer.refused(403, 10000), "Authentication error", "{method} {target}"),
        }
    }
    assert_eq!(door.objects.current().all().count(), before);
}

#[tokio::test]
async fn p_02_another_account_is_as_little_there_as_one_that_nobody_has() {
    let door = Door::open().await;
    let bearer = format!("Bearer {TOKEN}");
    let own = door.path("");
    for account in ["023e105f4ecef8ad9ca31a8372d0c353", "x", &own["/client/v4/accounts/".len()..].to_uppercase()] {
        for (method, target) in asked(&door) {
            let target = target.replace(&own, &format!("/client/v4/accounts/{account}"));
            let answer = door.send(method.as_str(), &target, &[JSON, ("authorization", &bearer)], "{}").await;
            assert!(answer.refused(404, 7003).contains(&target), "{method} {target}");
        }
    }
}

#[tokio::test]
async fn every_way_to_show_a_token_is_taken_and_one_good_one_is_enough() {
    let door = Door::open().await;
    let edit =
        door.token(Scope::Edit, Some(&START.plus(doorward_model::time::Lifetime::from_secs(1)).to_rfc3339())).await;
    let bearer = format!("bearer {edit}");
    let good: [&[(&str, &str)]; 3] = [
        &[("authorization", &bearer)],
        &[("x-auth-email", "ops@example.com"), ("x-auth-key", &edit)],
        &[("authorization", "Bearer of-another-server"), ("x-auth-email", "a@b.test"), ("x-auth-key", TOKEN)],
    ];
    for headers in good {
        for target in ["/client/v4/user/tokens/verify", &door.path("/tokens/verify")] {
            let answer = door.send("GET", target, headers, "").await;
            assert_eq!((answer.status, &answer.body["result"]["status"]), (200, &json!("active")), "{headers:?}");
            assert_eq!(answer.body["result"]["id"].as_str().unwrap().len(), 32);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_says_so_in_the_envelope() {
    let door = Door::open().await;
    assert!(door.get("/access/nothing").await.refused(404, 7003).contains("/access/nothing"));
    door.call("PATCH", "/access/groups", json!({})).await.refused(405, 10001);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    door.send("GET", "/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/access/apps", &headers, "")
        .await
        .refused(404, 7003);
    for body in ["[1]", "{", "\"x\""] {
        let headers = [JSON, ("authorization", bearer.as_str())];
        door.send("POST", &door.path("/access/groups"), &headers, body).await.refused(400, 10001);
    }
}

#[test]
fn every_route_is_in_the_documentation_and_nothing_else() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let mut listed: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let mut served: Vec<String> = routes().iter().map(|(method, path, _)| format!("{method} {path}")).collect();
    listed.sort_unstable();
    served.sort_unstable();
    assert_eq!(listed, served);
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_ends_with_an_empty_one() {
    let door = Door::open().await;
    for number in 0..5 {
        let group = json!({ "name": format!("Group {number}"), "include": [{"everyone": {}}] });
        door.done(201, "POST", "/access/groups", group).await;
    }
    let mut found = Vec::new();
    for page in 1..=4 {
        let answer = door.get(&format!("/access/groups?page={page}&per_page=2")).await;
        let names = answer.body["result"].as_array().unwrap().iter().map(|group| group["name"].clone());
        found.extend(names);
        let count = if page == 4 {
            0
        } else if page == 3 {
            1
        } else {
            2
        };
        let info = json!({ "page": page, "per_page": 2, "count": count, "total_count": 5, "total_pages": 3 });
        assert_eq!((answer.status, &answer.body["result_info"]), (200, &info));
    }
    found.sort_by_key(Value::to_string);
    found.dedup();
    assert_eq!(found.len(), 5, "each is on one page");
    for (query, pointer) in [("page=0", "/page"), ("per_page=x", "/per_page"), ("page=-1", "/page")] {
        door.get(&format!("/access/groups?{query}")).await.invalid(pointer);
    }
    for (query, count) in [("name=Group%203", 1), ("name=Group", 0), ("search=gROUP", 5), ("search=4", 1)] {
        let answer = door.get(&format!("/access/groups?{query}")).await;
        assert_eq!(answer.body["result"].as_array().unwrap().len(), count, "{query}");
    }
}
