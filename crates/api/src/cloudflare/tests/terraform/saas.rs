//! Applications that people sign in to elsewhere, and accounts elsewhere.

use serde_json::{Value, json};

use super::super::door::Door;
use super::provider::{APPLICATION, IDENTITY_PROVIDER, Managed};

/// As the provider plans it, with its own defaults.
fn saas(saas_app: Value) -> Value {
    json!({ "name": "Tracker", "type": "saas", "policies": [], "saas_app": saas_app })
}

fn oidc(more: Value) -> Value {
    let mut saas_app = json!({ "auth_type": "oidc", "access_token_lifetime": "5m",
        "allow_pkce_without_client_secret": false, "redirect_uris": ["https://saas.test/sso/oauth2/callback"] });
    saas_app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    saas(saas_app)
}

/// What the API decides about it, as it is read.
async fn decided(door: &Door, managed: &Managed<'_>, name: &str) -> Value {
    let read = door.get(&managed.path()).await.body["result"].clone();
    assert!(read["saas_app"].get("client_secret").is_none(), "{read}");
    assert!(read["saas_app"][name].is_string(), "{name}: {read}");
    read["saas_app"][name].clone()
}

#[tokio::test]
async fn an_oidc_application_is_planned_empty_and_keeps_its_client() {
    let door = Door::open().await;
    let claims = json!([{ "name": "rank", "required": true, "scope": "profile",
        "source": { "name": "rank", "name_by_idp": { "one": "r" } } }]);
    let whole = json!({ "grant_types": ["authorization_code", "hybrid"], "scopes": ["openid", "email", "profile", "groups"],
        "app_launcher_url": "https://saas.test/sso/login", "group_filter_regex": ".*", "custom_claims": claims,
        "hybrid_and_implicit_options": { "return_access_token_from_authorization_endpoint": true,
            "return_id_token_from_authorization_endpoint": true },
        "refresh_token_options": { "lifetime": "1h" } });
    let mut made = Managed::create(&door, &APPLICATION, oidc(whole.clone())).await;
    made.imported(&["http_only_cookie_attribute", "domain", "destinations", "self_hosted_domains", "scim_config"])
        .await;
    let client = decided(&door, &made, "client_id").await;
    let nulls = json!({ "grant_types": ["authorization_code_with_pkce"], "scopes": ["openid"], "app_launcher_url": null,
        "group_filter_regex": null, "custom_claims": null, "hybrid_and_implicit_options": null,
        "refresh_token_options": null, "allow_pkce_without_client_secret": true, "access_token_lifetime": "1h" });
    made.update(oidc(nulls)).await;
    made.update(oidc(json!({ "refresh_token_options": { "lifetime": null }, "custom_claims": [{ "name": "rank",
        "required": null, "scope": null, "source": { "name": "rank", "name_by_idp": null } }] })))
        .await;
    made.update(oidc(whole)).await;
    assert_eq!(decided(&door, &made, "client_id").await, client);
    decided(&door, &made, "public_key").await;
    made.destroy().await;
}

#[tokio::test]
async fn a_saml_application_is_planned_empty_and_keeps_its_endpoints() {
    let door = Door::open().await;
    let saml = |more: Value| {
        let mut saas_app = json!({ "auth_type": "saml", "consumer_service_url": "https://saas.test/sso/saml/consume",
            "sp_entity_id": "saas-app.example", "name_id_format": "email" });
        saas_app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        saas(saas_app)
    };
    let whole = json!({ "default_relay_state": "https://saas.test",
        "name_id_transform_jsonata": "$substringBefore(email, '@') & '+sandbox@' & $substringAfter(email, '@')",
        "saml_attribute_transform_jsonata": "$ ~>| groups | {'group_name': name} |",
        "custom_attributes": [
            { "name": "email", "name_format": "urn:oasis:names:tc:SAML:2.0:attrname-format:basic",
                "source": { "name": "user_email" } },
            { "name": "rank", "friendly_name": "Rank", "required": true,
                "source": { "name": "rank", "name_by_idp": [{ "idp_id": "one", "source_name": "r" }] } },
        ] });
    let mut made = Managed::create(&door, &APPLICATION, saml(whole.clone())).await;
    let endpoint = decided(&door, &made, "sso_endpoint").await;
    let nulls = json!({ "default_relay_state": null, "name_id_transform_jsonata": null,
        "saml_attribute_transform_jsonata": null, "custom_attributes": null });
    made.update(saml(nulls)).await;
    made.update(saml(whole)).await;
    assert_eq!(decided(&door, &made, "sso_endpoint").await, endpoint);
    for name in ["idp_entity_id", "public_key"] {
        decided(&door, &made, name).await;
    }
    made.destroy().await;
}

#[tokio::test]
async fn accounts_to_be_provisioned_are_planned_empty_whatever_way_the_service_is_asked() {
    let door = Door::open().await;
    let idp =
        Managed::create(&door, &IDENTITY_PROVIDER, json!({ "name": "PIN", "type": "onetimepin", "config": {} })).await;
    let mapping = json!({ "schema": "urn:ietf:params:scim:schemas:core:2.0:User", "enabled": true,
        "filter": "title pr or userType eq \"Intern\"", "strictness": "passthrough",
        "transform_jsonata": "$merge([$, {'userName': $substringBefore($.userName, '@')}])",
        "operations": { "create": true, "update": true, "delete": true } });
    let app = |authentication: Value| {
        json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "policies": [], "scim_config": {
            "enabled": true, "remote_uri": "scim.test", "idp_uid": idp.state["id"], "deactivate_on_delete": true,
            "authentication": authentication, "mappings": [mapping] } })
    };
    let basic = json!({ "scheme": "httpbasic", "user": "test", "password": "12345" });
    let mut made = Managed::create(&door, &APPLICATION, app(basic.clone())).await;
    for authentication in [
        json!({ "scheme": "oauthbearertoken", "token": "12345", "user": null, "password": null }),
        json!({ "scheme": "oauth2", "client_id": "a", "client_secret": "b", "authorization_url": "https://a.test",
            "token_url": "https://t.test", "scopes": ["one", "two"], "token": null }),
        json!([basic, { "scheme": "access_service_token", "client_id": "a", "client_secret": "b" }]),
        basic.clone(),
    ] {
        made.update(app(authentication)).await;
    }
    made.update(json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test", "policies": [] })).await;
    made.imported(&["scim_config"]).await;
    made.destroy().await;
    idp.destroy().await;
}
