//! The organisation.

use doorward_model::document::{Content, Key, Kind, NoExtension, ORGANIZATION, OrganizationDocument};
use doorward_model::id::{AccountId, UserId};
use doorward_model::session::Bearings;
use serde_json::{Value, json};

use super::door::{Door, START, uuid};

const ORGANIZATIONS: &str = "/access/organizations";
const REVOKE: &str = "/access/organizations/revoke_user";

#[tokio::test]
async fn revoking_a_person_ends_everything_of_theirs() {
    let door = Door::open().await;
    let user = UserId::derived(&AccountId::derived("acme"), "alice@corp.test");
    let token = Bearings { session: None, user: Some(user), app: None, iat: START.secs() };
    assert!(!door.store.revocations().is_revoked(&token));
    assert_eq!(door.done(200, "POST", REVOKE, json!({ "email": "Alice@corp.test" })).await, json!(true));
    assert!(door.store.revocations().is_revoked(&token), "in force when the call has answered");
    for body in [json!({}), json!({ "email": "" }), json!({ "email": "nobody" }), json!({ "email": 1 })] {
        door.call("POST", REVOKE, body).await.invalid("/email");
    }
    let devices = door.call("POST", REVOKE, json!({ "email": "bob@corp.test", "devices": true })).await;
    assert!(devices.body["messages"].to_string().contains("devices is kept"), "{}", devices.body);
}

#[tokio::test]
async fn the_organisation_is_there_from_the_start_and_says_what_is_in_force() {
    let door = Door::open().await;
    let shown = door.done(200, "GET", ORGANIZATIONS, Value::Null).await;
    let usual = json!({
        "name": "acme", "auth_domain": "acme.cloudflareaccess.com", "session_duration": "24h",
        "auto_redirect_to_identity": false, "strict_service_token_auth": true,
        "allow_authenticate_via_warp": false, "is_ui_read_only": false,
    });
    assert_eq!(shown, usual);
    let second = json!({ "name": "x", "auth_domain": "x.cloudflareaccess.com" });
    door.call("POST", ORGANIZATIONS, second).await.refused(409, 11002);
}

#[tokio::test]
async fn whoever_reads_the_organisation_and_writes_it_back_opens_nothing() {
    let door = Door::open().await;
    let refuses = || !door.catalog().organization().passes_unmatched(&"nobody.test".parse().unwrap());
    let mut shown = door.done(200, "GET", ORGANIZATIONS, Value::Null).await;
    assert!(refuses() && shown.get("deny_unmatched_requests").is_none(), "nobody decided it: {shown}");
    shown["name"] = json!("Else");
    door.done(200, "PUT", ORGANIZATIONS, shown).await;
    assert!(refuses());
    for deny in [false, true] {
        door.done(200, "PUT", ORGANIZATIONS, json!({ "deny_unmatched_requests": deny })).await;
        let shown = door.done(200, "GET", ORGANIZATIONS, Value::Null).await;
        assert_eq!((&shown["deny_unmatched_requests"], refuses()), (&json!(deny), deny), "what was decided shows");
        door.done(200, "PUT", ORGANIZATIONS, shown).await;
        assert_eq!(refuses(), deny);
    }
    door.done(200, "PUT", ORGANIZATIONS, json!({ "deny_unmatched_requests": false })).await;
    door.done(200, "PUT", ORGANIZATIONS, json!({ "deny_unmatched_requests": null })).await;
    assert!(refuses(), "null is as usual again, and closed");
}

#[tokio::test]
async fn what_is_written_of_the_organisation_decides_at_once_and_the_rest_stays() {
    let door = Door::open().await;
    let design = json!({ "background_color": "#102a43", "header_text": "Acme" });
    let written = json!({
        "name": "Acme Inc.", "session_duration": "12h", "auto_redirect_to_identity": true, "login_design": design,
        "deny_unmatched_requests_exempted_zone_names": ["Open.test"], "is_ui_read_only": true,
        "ui_read_only_toggle_reason": "by Terraform", "user_seat_expiration_inactive_time": "730h",
    });
    let shown = door.done(200, "PUT", ORGANIZATIONS, written.clone()).await;
    for (field, value) in written.as_object().unwrap() {
        let expected = if value == &json!(["Open.test"]) { json!(["open.test"]) } else { value.clone() };
        assert_eq!(shown[field], expected, "{field}");
    }
    let catalog = door.catalog();
    assert_eq!(
        (catalog.team().name.as_str(), catalog.team().session_duration.to_string()),
        ("Acme Inc.", "12h".into())
    );
    assert!(catalog.organization().passes_unmatched(&"a.open.test".parse().unwrap()));
    assert!(catalog.organization().auto_redirect_to_identity);

    let second = json!({ "strict_service_token_auth": false, "login_design": null, "session_duration": null });
    let shown = door.done(200, "PUT", ORGANIZATIONS, second).await;
    assert_eq!((&shown["name"], &shown["session_duration"]), (&json!("Acme Inc."), &json!("24h")), "{shown}");
    assert!(shown.get("login_design").is_none(), "null is as usual again: {shown}");
    assert!(!door.catalog().organization().strict_service_token_auth);
    assert!(door.catalog().organization().login_design.header_text.is_none());
    assert_eq!(door.done(200, "GET", ORGANIZATIONS, Value::Null).await, shown);
}

#[tokio::test]
async fn what_an_organisation_cannot_be_is_refused_at_its_field() {
    let door = Door::open().await;
    for (body, pointer) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "session_duration": "14m59s" }), "/session_duration"),
        (json!({ "session_duration": "745h" }), "/session_duration"),
        (json!({ "auth_domain": "other.cloudflareaccess.com" }), "/auth_domain"),
        (json!({ "session_duration": "soon" }), "/session_duration"),
        (json!({ "deny_unmatched_requests": "no" }), "/deny_unmatched_requests"),
        (
            json!({ "deny_unmatched_requests_exempted_zone_names": ["a.test", "b test"] }),
            "/deny_unmatched_requests_exempted_zone_names/1",
        ),
        (json!({ "user_seat_expiration_inactive_time": "24h" }), "/user_seat_expiration_inactive_time"),
        (json!({ "login_design": { "logo_path": "javascript:alert(1)" } }), "/login_design/logo_path"),
        (json!({ "custom_pages": { "forbidden": uuid() } }), "/custom_pages/forbidden"),
    ] {
        door.call("PUT", ORGANIZATIONS, body).await.invalid(pointer);
    }
    for body in [
        json!({ "mfa_config": { "session_duration": "1h" } }),
        json!({ "mfa_required_for_all_apps": true }),
        json!({ "service_token_inactivity": { "enabled": true, "action": "disable", "inactivity_threshold_days": 30 } }),
    ] {
        door.call("PUT", ORGANIZATIONS, body).await.refused(501, 9999);
    }
    door.done(200, "PUT", ORGANIZATIONS, json!({ "mfa_required_for_all_apps": false, "mfa_config": null })).await;
    door.done(200, "PUT", ORGANIZATIONS, json!({ "auth_domain": "acme.cloudflareaccess.com" })).await;
    for limit in ["15m", "744h"] {
        door.done(200, "PUT", ORGANIZATIONS, json!({ "session_duration": limit })).await;
    }
}

#[tokio::test]
async fn a_file_that_decides_something_of_the_organisation_owns_it() {
    let document = OrganizationDocument { auto_redirect_to_identity: true, ..OrganizationDocument::default() };
    let content = Content::new(&document, &NoExtension {}, None);
    let door = Door::declaring(vec![(Key::new(Kind::Organization, ORGANIZATION), content)]).await;
    let shown = door.done(200, "GET", ORGANIZATIONS, Value::Null).await;
    assert_eq!(shown["auto_redirect_to_identity"], true);
    let refusal = door.call("PUT", ORGANIZATIONS, json!({ "name": "Other" })).await.refused(409, 12132);
    assert!(refusal.contains("/etc/doorward.toml"), "{refusal}");
}
