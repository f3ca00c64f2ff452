//! Pages of the operator's own.

use doorward_model::custom_page::PageKind;
use serde_json::{Value, json};

use super::door::{Door, uuid};

const PAGES: &str = "/access/custom_pages";

fn page(html: &str) -> Value {
    json!({ "name": "No way in", "type": "forbidden", "custom_html": html })
}

#[tokio::test]
async fn a_page_is_shown_in_the_place_of_ours_and_its_text_by_its_id_alone() {
    let door = Door::open().await;
    let made = door.done(201, "POST", PAGES, page("<p>no")).await;
    assert!(made.get("custom_html").is_none(), "{made}");
    let path = format!("{PAGES}/{}", made["uid"].as_str().unwrap());
    assert_eq!(door.done(200, "GET", &path, Value::Null).await["custom_html"], "<p>no");
    assert_eq!(door.done(200, "GET", PAGES, Value::Null).await, json!([made]));

    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "custom_pages": [made["uid"]] });
    let app = door.done(201, "POST", "/access/apps", app).await;
    let shown = || {
        let catalog = door.catalog();
        let app = catalog.apps().next().unwrap().clone();
        catalog.custom_page(&app, PageKind::Forbidden).map(|page| page.html.clone())
    };
    assert_eq!(shown().as_deref(), Some("<p>no"));
    door.done(200, "PUT", &path, page("<p>never")).await;
    assert_eq!(shown().as_deref(), Some("<p>never"), "in force when the call has answered");

    assert!(door.call("DELETE", &path, Value::Null).await.refused(409, 12132).contains("Wiki"));
    door.done(202, "DELETE", &format!("/access/apps/{}", app["id"].as_str().unwrap()), Value::Null).await;
    door.done(200, "PUT", "/access/organizations", json!({ "custom_pages": { "forbidden": made["uid"] } })).await;
    door.call("DELETE", &path, Value::Null).await.refused(409, 12132);
    door.done(200, "PUT", "/access/organizations", json!({ "custom_pages": null })).await;
    assert_eq!(door.done(202, "DELETE", &path, Value::Null).await, json!({ "id": made["uid"] }));
    door.get(&path).await.refused(404, 12135);
}

#[tokio::test]
async fn what_is_no_page_is_refused_at_its_field() {
    let door = Door::open().await;
    for (change, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "type": "welcome" }), "/type"),
        (json!({ "custom_html": null }), "/custom_html"),
        (json!({ "custom_html": "{% if %}", "contract_version": 1 }), "/custom_html"),
        (json!({ "contract_version": "1" }), "/contract_version"),
    ] {
        let mut body = page("<p>no");
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        door.call("POST", PAGES, body).await.invalid(pointer);
    }
    door.done(201, "POST", PAGES, page("{% if %}")).await;
    door.call("PUT", &format!("{PAGES}/{}", uuid()), page("x")).await.refused(404, 12135);
    let app = json!({ "name": "x", "type": "self_hosted", "domain": "x.test", "custom_pages": [uuid()] });
    door.call("POST", "/access/apps", app).await.invalid("/custom_pages/0");
}
