//! Roots of client certificates.

use doorward_model::document::{CertificateDocument, CertificateExtension, Content, Key, Kind};
use doorward_model::id::CertificateId;
use serde_json::{Value, json};

use super::door::{Door, uuid};

const CERTIFICATES: &str = "/access/certificates";
const SETTINGS: &str = "/access/certificates/settings";

/// A root of nobody's, good for a hundred years.
pub(super) const ROOT: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBgDCCASWgAwIBAgIUWKDeG3+9qUjacxVSAfLbm0WhRS4wCgYIKoZIzj0EAwIw\n\
FDESMBAGA1UEAwwJVGVzdCByb290MCAXDTI2MTEyNTIyMjA0MVoYDzIxMjYxMTAx\n\
MjIyMDQxWjAUMRIwEAYDVQQDDAlUZXN0IHJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAAQqqu0EbEQ4XseuSro80RfTeIRWZ59AhfOwRDj7vtfSzdC5xA6+WjnA\n\
x3ZSUMGYVI2YtGxXDv+HMfwSDIA+xxLdo1MwUTAdBgNVHQ4EFgQUTDYiiAS8Vm3v\n\
0G2MGXss21kER2kwHwYDVR0jBBgwFoAUTDYiiAS8Vm3v0G2MGXss21kER2kwDwYD\n\
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAgQcYZoF4WYSS1o7buone\n\
OSH0kPNe55XDXSYOeiYZ+usCIQDXszhBcwNlvhJgLUKL7qiptF2GUAZ9/96T4EDx\n\
GuQMsA==\n\
-----END CERTIFICATE-----\n";
const FINGERPRINT: &str = "MD5 Fingerprint=30:A1:33:E8:16:A3:A3:86:AB:F7:7E:BE:14:9F:4B:3D";

async fn made(door: &Door, hosts: &[&str]) -> Value {
    let root = json!({ "name": "Clients", "certificate": ROOT, "associated_hostnames": hosts });
    door.done(201, "POST", CERTIFICATES, root).await
}

fn path(root: &Value) -> String {
    format!("{CERTIFICATES}/{}", root["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_root_vouches_for_clients_of_its_hosts_until_they_are_taken_off() {
    let door = Door::open().await;
    let root = made(&door, &["API.test", "b.test", "api.test"]).await;
    assert_eq!(
        (&root["fingerprint"], &root["associated_hostnames"]),
        (&json!(FINGERPRINT), &json!(["api.test", "b.test"]))
    );
    assert!(root["expires_on"].as_str().unwrap().starts_with("2126-") && root.get("certificate").is_none(), "{root}");
    assert_eq!(door.catalog().roots_of("api.test").len(), 1, "in force when the call has answered");
    assert_eq!(door.done(200, "GET", CERTIFICATES, Value::Null).await, json!([root]));

    door.call("DELETE", &path(&root), Value::Null).await.refused(409, 12132);
    let renamed =
        door.done(200, "PUT", &path(&root), json!({ "name": "Others", "associated_hostnames": ["b.test"] })).await;
    assert_eq!((&renamed["name"], door.catalog().roots_of("api.test").len()), (&json!("Others"), 0));
    let cleared = door.done(200, "PUT", &path(&root), json!({})).await;
    assert_eq!((&cleared["associated_hostnames"], &cleared["name"]), (&json!([]), &json!("Others")));
    assert_eq!(door.done(200, "DELETE", &path(&root), Value::Null).await, json!({ "id": root["id"] }));
    door.get(&path(&root)).await.refused(404, 12135);
}

#[tokio::test]
async fn hosts_are_told_of_client_certificates_where_that_is_asked_for() {
    let door = Door::open().await;
    let root = made(&door, &["a.test", "b.test"]).await;
    let setting = |host: &str, told: bool| json!({ "hostname": host, "china_network": false, "client_certificate_forwarding": told });
    assert_eq!(
        door.done(200, "GET", SETTINGS, Value::Null).await,
        json!([setting("a.test", false), setting("b.test", false)])
    );
    let body = json!({ "settings": [setting("B.test", true)] });
    let all = door.done(202, "PUT", SETTINGS, body).await;
    assert_eq!(all, json!([setting("a.test", false), setting("b.test", true)]), "others stay as they are");
    let catalog = door.catalog();
    assert!(
        catalog.roots_of("b.test")[0].forwards_on("b.test") && !catalog.roots_of("a.test")[0].forwards_on("a.test")
    );
    door.done(200, "PUT", &path(&root), json!({ "associated_hostnames": ["a.test"] })).await;
    assert_eq!(door.done(200, "GET", SETTINGS, Value::Null).await, json!([setting("a.test", false)]));

    door.done(200, "PUT", &path(&root), json!({ "associated_hostnames": ["a.test", "b.test"] })).await;
    let back = door.done(200, "GET", SETTINGS, Value::Null).await;
    assert_eq!(back[1], setting("b.test", false), "a host that comes back is told nothing again");
    door.done(200, "PUT", &path(&root), json!({ "associated_hostnames": ["a.test"] })).await;

    door.call("PUT", SETTINGS, json!({})).await.invalid("/settings");
    let nowhere = json!({ "settings": [setting("a.test", true), setting("b.test", true)] });
    door.call("PUT", SETTINGS, nowhere).await.invalid("/settings/1/hostname");
    assert!(!door.catalog().roots_of("a.test")[0].forwards_on("a.test"), "all of it or nothing");
    let china = json!({ "settings": [{ "hostname": "a.test", "china_network": true }] });
    door.call("PUT", SETTINGS, china).await.refused(501, 9999);
}

#[tokio::test]
async fn what_cannot_vouch_for_clients_is_refused() {
    let door = Door::open().await;
    let with = |certificate: &str| json!({ "name": "Clients", "certificate": certificate });
    for certificate in ["", "none", &ROOT.replace("MIIB", "AAAA"), &format!("{ROOT}{ROOT}")] {
        door.call("POST", CERTIFICATES, with(certificate)).await.invalid("/certificate");
    }
    door.call("POST", CERTIFICATES, json!({ "certificate": ROOT })).await.invalid("/name");
    for host in ["*.test", "a b", "a.test:443"] {
        let root = json!({ "name": "Clients", "certificate": ROOT, "associated_hostnames": ["ok.test", host] });
        door.call("POST", CERTIFICATES, root).await.invalid("/associated_hostnames/1");
    }
    door.call("PUT", &format!("{CERTIFICATES}/{}", uuid()), json!({})).await.refused(404, 12135);
}

#[tokio::test]
async fn a_root_of_the_file_is_changed_there() {
    let id = CertificateId::random();
    let document = CertificateDocument {
        id,
        name: "Of the file".into(),
        associated_hostnames: vec!["f.test".into()],
        expires_on: Some("2126-01-01T00:00:00Z".into()),
        more: Default::default(),
    };
    let der = doorward_model::certificate::from_pem(ROOT).unwrap();
    let certificate = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    let extension = CertificateExtension { certificate, client_certificate_forwarding: Vec::new() };
    let door =
        Door::declaring(vec![(Key::new(Kind::Certificate, id), Content::new(&document, &extension, None))]).await;
    door.call("PUT", &format!("{CERTIFICATES}/{id}"), json!({})).await.refused(409, 12132);
    let told = json!({ "settings": [{ "hostname": "f.test", "client_certificate_forwarding": true }] });
    assert!(door.call("PUT", SETTINGS, told).await.refused(409, 12132).contains("/etc/doorward.toml"));
}
