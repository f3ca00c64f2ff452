//! The small resources: roots of client certificates and what hosts are told
//! of them, certificate authorities for SSH, the signing keys, custom pages.

use serde_json::{Value, json};

use super::super::certificates::ROOT;
use super::super::door::Door;
use super::app;
use super::provider::{APPLICATION, Managed, Nothing, Resource};

pub(super) const CERTIFICATE: Resource = Resource {
    path: "/access/certificates",
    id: Some("id"),
    made_by: ("POST", 201),
    computed: &["id", "fingerprint", "expires_on", "created_at", "updated_at"],
    not_read: &["certificate"],
    defaults: |_| json!({}),
    nothing: &[("associated_hostnames", Nothing::Empty)],
    sets: &["associated_hostnames"],
};

const CUSTOM_PAGE: Resource = Resource {
    path: "/access/custom_pages",
    id: Some("uid"),
    made_by: ("POST", 201),
    computed: &["uid", "created_at", "updated_at"],
    not_read: &[],
    defaults: |_| json!({}),
    nothing: &[],
    sets: &[],
};

/// There always are some, so that making them is a `PUT`.
const KEYS: Resource = Resource {
    path: "/access/keys",
    id: None,
    made_by: ("PUT", 200),
    computed: &["days_until_next_rotation", "last_key_rotation_at"],
    not_read: &[],
    defaults: |_| json!({}),
    nothing: &[],
    sets: &[],
};

/// The provider takes the hosts off first, looks whether they are, and only then removes the root.
pub(super) async fn destroy(door: &Door, root: Managed<'_>) {
    door.done(200, "GET", &root.path(), Value::Null).await;
    door.done(200, "PUT", &root.path(), json!({})).await;
    let seen = door.done(200, "GET", &root.path(), Value::Null).await;
    assert_eq!(seen["associated_hostnames"], json!([]), "at once, or the provider waits a minute");
    root.destroy().await;
}

#[tokio::test]
async fn a_root_comes_back_as_it_was_written_and_goes_when_its_hosts_are_taken_off() {
    let door = Door::open().await;
    let root = |name: &str, hosts: Value| json!({ "name": name, "certificate": ROOT, "associated_hostnames": hosts });
    let mut made = Managed::create(&door, &CERTIFICATE, root("Clients", json!(["a.zone.test", "b.zone.test"]))).await;
    assert!(made.state["fingerprint"].is_string() && made.state["expires_on"].is_string());
    made.imported(&["certificate"]).await;
    made.update(root("Others", json!(["b.zone.test"]))).await;
    made.update(root("Others", Value::Null)).await;
    assert_eq!(door.get(&made.path()).await.body["result"]["associated_hostnames"], json!([]));
    made.update(root("Others", json!(["a.zone.test"]))).await;
    door.call("DELETE", &made.path(), Value::Null).await.refused(409, 12132);
    destroy(&door, made).await;

    let minimal = Managed::create(&door, &CERTIFICATE, json!({ "name": "Clients", "certificate": ROOT })).await;
    destroy(&door, minimal).await;
}

#[tokio::test]
async fn settings_of_hosts_are_made_by_a_change_and_read_as_they_were_written() {
    let door = Door::open().await;
    let root =
        json!({ "name": "Clients", "certificate": ROOT, "associated_hostnames": ["a.zone.test", "b.zone.test"] });
    let root = Managed::create(&door, &CERTIFICATE, root).await;
    let path = format!("{}/settings", CERTIFICATE.path);
    let settings = |told: [bool; 2]| -> Value {
        let hosts = ["a.zone.test", "b.zone.test"].into_iter().zip(told);
        let setting =
            |(host, told)| json!({ "hostname": host, "china_network": false, "client_certificate_forwarding": told });
        hosts.map(setting).collect()
    };
    for told in [[true, false], [true, true], [false, false]] {
        let written = door.done(202, "PUT", &path, json!({ "settings": settings(told) })).await;
        assert_eq!(written, settings(told));
        assert_eq!(door.done(200, "GET", &path, Value::Null).await, settings(told), "the plan is empty");
    }
    root.plan_is_empty("after its hosts were set").await;
    destroy(&door, root).await;
    assert_eq!(door.done(200, "GET", &path, Value::Null).await, json!([]));
}

#[tokio::test]
async fn an_authority_for_ssh_is_made_without_a_body_and_is_not_there_without_it() {
    let door = Door::open().await;
    let app = Managed::create(&door, &APPLICATION, app(json!({ "domain": "a.test" }))).await;
    let path = format!("{}/ca", app.path());
    assert_eq!(door.get(&path).await.status, 404);
    let made = door.done(200, "POST", &path, Value::Null).await;
    assert!(made["public_key"].as_str().unwrap().starts_with("ecdsa-sha2-nistp256 "), "{made}");
    assert_eq!(made["aud"], app.state["aud"]);
    for _ in 0..2 {
        assert_eq!(door.done(200, "GET", &path, Value::Null).await, made, "what the API decided stays so");
    }
    app.plan_is_empty("with an authority").await;
    door.done(202, "DELETE", &path, Value::Null).await;
    assert_eq!(door.get(&path).await.status, 404, "a resource that is gone is dropped from the state");
    app.destroy().await;
}

#[tokio::test]
async fn the_keys_are_configured_by_a_change_of_what_is_there() {
    let door = Door::open().await;
    let mut made = Managed::create(&door, &KEYS, json!({ "key_rotation_interval_days": 60 })).await;
    assert!(made.state["days_until_next_rotation"].is_number() && made.state["last_key_rotation_at"].is_string());
    let read = door.done(200, "GET", KEYS.path, Value::Null).await;
    assert_eq!(read["key_rotation_interval_days"], 60);
    made.update(json!({ "key_rotation_interval_days": 30 })).await;
    made.update(json!({ "key_rotation_interval_days": 30 })).await;
}

#[tokio::test]
async fn a_custom_page_is_read_with_its_text() {
    let door = Door::open().await;
    let page = |kind: &str, html: &str| json!({ "name": "No way in", "type": kind, "custom_html": html });
    let mut made = Managed::create(&door, &CUSTOM_PAGE, page("identity_denied", "<p>Not you.</p>")).await;
    made.imported(&["contract_version"]).await;
    made.update(page("forbidden", "<p>Nobody.</p>")).await;
    let with_contract =
        json!({ "name": "Else", "type": "forbidden", "custom_html": "<p>No.</p>", "contract_version": 1 });
    made.update(with_contract).await;
    made.update(page("forbidden", "<p>Nobody.</p>")).await;
    made.imported(&["contract_version"]).await;
    made.destroy().await;
}
