//! SaaS applications, as objects of the management API: nobody signs in to one yet.

use serde_json::json;

use crate::support::client::Client;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::origin::Origin;

#[tokio::test]
async fn the_certificate_of_a_saas_application_is_the_one_that_the_team_publishes_now() {
    let origin = Origin::start().await;
    let gateway = Gateway::serve(&Config::standard(&origin)).await;
    let account = gateway.ready["account_id"].as_str().unwrap();
    let access = format!("/client/v4/accounts/{account}/access");
    let saas = json!({ "name": "Tracker", "type": "saas", "saas_app": { "auth_type": "oidc" } });
    let (status, made) = gateway.admin_call("POST", &format!("{access}/apps"), Some(saas)).await;
    assert_eq!(status, 201, "{made}");
    let path = format!("{access}/apps/{}", made["result"]["id"].as_str().unwrap());
    let published =
        async || Client::new(&gateway).get(&gateway.certs_url()).await.json()["public_cert"]["cert"].clone();
    let shown = async || gateway.admin_call("GET", &path, None).await.1["result"]["saas_app"]["public_key"].clone();
    let before = shown().await;
    assert_eq!((&before, &made["result"]["saas_app"]["public_key"]), (&published().await, &before));
    assert_eq!(gateway.admin_call("POST", &format!("{access}/keys/rotate"), None).await.0, 200);
    let after = shown().await;
    assert_eq!(after, published().await);
    assert_ne!(after, before, "another key signs now");
}
