//! The same resources with a zone's id where the account's would be.

use serde_json::{Value, json};

use super::super::certificates::ROOT;
use super::super::door::Door;
use super::provider::{APPLICATION, GROUP, IDENTITY_PROVIDER, Managed, ORGANIZATION, SERVICE_TOKEN};
use super::small::{CERTIFICATE, destroy};
use super::{UNSET, app, public};

/// Below a zone, which is there because something is served in it.
async fn zone() -> (Door, Door) {
    let account = Door::open().await;
    account.done(201, "POST", "/access/apps", app(json!({ "name": "First", "domain": "zone.test" }))).await;
    let zone = account.of_zone("zone.test").await;
    (account, zone)
}

#[tokio::test]
async fn an_application_of_a_zone_is_planned_empty_and_imported_as_it_is() {
    let (_, zone) = zone().await;
    let mut made = Managed::create(&zone, &APPLICATION, app(json!({ "domain": "a.zone.test" }))).await;
    made.imported(&UNSET).await;
    let read = zone.get(&made.path()).await.body["result"].clone();
    assert_eq!(
        (&read["destinations"], &read["self_hosted_domains"]),
        (&public(&["a.zone.test"]), &json!(["a.zone.test"]))
    );
    made.update(app(json!({ "domain": "b.zone.test", "session_duration": "12h", "logo_url": "https://a.test/l.png" })))
        .await;
    made.update(app(json!({ "domain": "b.zone.test" }))).await;
    made.imported(&UNSET).await;
    let elsewhere = zone.call("POST", APPLICATION.path, app(json!({ "domain": "a.else.test" }))).await;
    assert!(elsewhere.invalid("/domain").contains("domain does not belong to zone"));
    let ca = format!("{}/ca", made.path());
    let made_ca = zone.done(200, "POST", &ca, Value::Null).await;
    assert_eq!(zone.done(200, "GET", &ca, Value::Null).await, made_ca);
    zone.done(202, "DELETE", &ca, Value::Null).await;
    made.destroy().await;
}

#[tokio::test]
async fn what_else_a_zone_has_is_planned_empty_too() {
    let (_, zone) = zone().await;
    let group = |more: &[&str]| {
        let rules: Value = more.iter().map(|name| json!({ "email": { "email": name } })).collect();
        json!({ "name": "Staff", "include": rules })
    };
    let mut staff = Managed::create(&zone, &GROUP, group(&["a@b.test"])).await;
    staff.update(group(&["c@b.test", "a@b.test"])).await;
    staff.destroy().await;

    let robot = |duration: Value| json!({ "name": "Robot", "duration": duration });
    let mut token = Managed::create(&zone, &SERVICE_TOKEN, robot(json!("17520h"))).await;
    token.update(robot(json!("forever"))).await;
    token.imported(SERVICE_TOKEN.not_read).await;
    token.destroy().await;

    let pin = Managed::create(&zone, &IDENTITY_PROVIDER, json!({ "name": "PIN", "type": "onetimepin", "config": {} }));
    pin.await.destroy().await;

    let organization = |more: Value| {
        let mut organization = json!({ "name": "Acme", "auth_domain": "acme.cloudflareaccess.com" });
        organization.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        organization
    };
    let mut acme = Managed::create(&zone, &ORGANIZATION, organization(json!({ "session_duration": "12h" }))).await;
    acme.update(organization(json!({ "session_duration": "12h", "login_design": { "header_text": "Acme" } }))).await;
    acme.update(organization(json!({ "session_duration": "12h" }))).await;
    acme.imported(&["login_design"]).await;
}

#[tokio::test]
async fn a_root_of_a_zone_and_what_its_hosts_are_told_are_planned_empty() {
    let (account, zone) = zone().await;
    let root = |hosts: Value| json!({ "name": "Clients", "certificate": ROOT, "associated_hostnames": hosts });
    let mut made = Managed::create(&zone, &CERTIFICATE, root(json!(["a.zone.test"]))).await;
    let settings = format!("{}/settings", CERTIFICATE.path);
    let told = json!([{ "hostname": "a.zone.test", "china_network": false, "client_certificate_forwarding": true }]);
    assert_eq!(zone.done(202, "PUT", &settings, json!({ "settings": told })).await, told);
    for door in [&zone, &account] {
        assert_eq!(door.done(200, "GET", &settings, Value::Null).await, told);
    }
    made.update(root(Value::Null)).await;
    destroy(&zone, made).await;
}

#[tokio::test]
async fn a_data_source_finds_an_application_by_its_name_or_domain_in_a_zone() {
    let (_, zone) = zone().await;
    let made = Managed::create(&zone, &APPLICATION, app(json!({ "domain": "a.zone.test" }))).await;
    for query in ["name=Wiki", "name=Wiki&exact=true", "domain=a.zone.test", "domain=a.zone.test&exact=true"] {
        let found = zone.done(200, "GET", &format!("{}?{query}", APPLICATION.path), Value::Null).await;
        let ids: Vec<&Value> = found.as_array().unwrap().iter().map(|app| &app["id"]).collect();
        assert_eq!(ids, [&made.state["id"]], "{query}");
        let past = zone.done(200, "GET", &format!("{}?{query}&page=2", APPLICATION.path), Value::Null).await;
        assert_eq!(past, json!([]), "lists are read until a page is empty");
    }
}
