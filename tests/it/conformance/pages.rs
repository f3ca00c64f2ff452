//! Rows 143 to 148: what somebody reads who is refused.

use reqwest::Method;
use serde_json::Value;

use super::{HOST, with_app};
use crate::support::client::Client;
use crate::support::config::{APP, MALLORY};
use crate::support::world::World;

#[tokio::test]
async fn row_143_who_is_refused_reads_or_goes_where_the_application_says() {
    let nobody = "policies = [{ name = \"P\", decision = \"allow\", include = [{ ip = { ip = \"192.0.2.0/24\" } }] }]";
    let away =
        "custom_non_identity_deny_url = \"https://example.com/away\"\ncustom_deny_url = \"https://example.com/denied\"";
    let world = with_app(&format!("{away}\n{nobody}"), "").await;
    let reply = world.stranger().get(&world.gateway.at(HOST, "/")).await;
    assert_eq!((reply.status, reply.header("location")), (302, Some("https://example.com/away")), "nobody's address");
    let first = "session_duration = \"24h\"";
    let message = format!("{first}\ncustom_deny_message = \"Ask the <b>desk</b> for a seat.\"");
    let world = World::with(|config| config.with(first, &message)).await;
    let denied = world.stranger().sign_in(&world.app("/"), MALLORY).await;
    assert!(denied.body.contains("Ask the &#60;b&#62;desk&#60;/b&#62; for a seat."), "{}", denied.body);
    assert!(!denied.body.contains("That account does not have access"), "instead of our words");
}

#[tokio::test]
async fn row_145_the_forbidden_page_carries_what_programs_get() {
    let world = World::start().await;
    let token = world.token(MALLORY, "App").await;
    let mut mallory = Client::holding(&world.gateway, APP, &token);
    let page = mallory.get(&world.app("/")).await;
    assert_eq!((page.status, page.header("cf-access-error")), (403, Some("1")));
    let hidden = page.body.split("<div id=\"json_data\" hidden>").nth(1).expect("a hidden node");
    let hidden: Value = serde_json::from_str(hidden.split("</div>").next().unwrap()).unwrap();
    let json = mallory.request(Method::GET, &world.app("/"), &[("Accept", "application/json")], None).await.json();
    for member in ["message", "status_code", "aud"] {
        assert_eq!(hidden[member], json[member], "{member}");
    }
    let message = "Forbidden. You don't have permission to view this. Please contact your system administrator.";
    assert_eq!(json["message"], message);
    assert!(hidden["ray_id"] != json["ray_id"], "each answer has its own");
}
