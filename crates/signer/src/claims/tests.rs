use serde_json::json;

use super::*;
use crate::testing::{CLIENT_ID, ISSUER, alice, aud, nonce};

fn written(claims: &impl Serialize) -> String {
    serde_json::to_string(claims).unwrap()
}

fn app_claims(identity: &Identity, shape: AudShape, custom: &Map<String, Value>) -> String {
    written(&app(identity, &nonce(), &aud(), ISSUER, 1_000, 4_600, shape, custom))
}

#[test]
fn a_persons_claims_have_the_names_and_types_of_access() {
    let (aud, sub) = (aud(), alice().user_uuid);
    let expected = format!(
        concat!(
            r#"{{"aud":["{}"],"email":"alice@corp.test","exp":4600,"iat":1000,"nbf":1000,"#,
            r#""iss":"https://acme.cloudflareaccess.com","type":"app","#,
            r#""identity_nonce":"0123456789abcdef","sub":"{}","country":"PT"}}"#,
        ),
        aud, sub
    );
    assert_eq!(app_claims(&alice(), AudShape::Array, &Map::new()), expected);
    let with_text = expected.replace(&format!(r#"["{aud}"]"#), &format!(r#""{aud}""#));
    assert_eq!(app_claims(&alice(), AudShape::String, &Map::new()), with_text);
}

#[test]
fn amr_and_custom_are_there_when_they_say_something_and_country_always() {
    let mut identity = alice();
    identity.amr = vec!["pwd".to_owned(), "mfa".to_owned()];
    identity.country = None;
    let custom = Map::from_iter([("groups".to_owned(), json!(["admins"]))]);
    let claims = app_claims(&identity, AudShape::Array, &custom);
    assert!(claims.ends_with(r#""country":"XX","amr":["pwd","mfa"],"custom":{"groups":["admins"]}}"#), "{claims}");
    identity.country = Some(String::new());
    assert!(app_claims(&identity, AudShape::Array, &custom).contains(r#""country":"XX""#));
}

#[test]
fn a_services_claims_have_an_empty_sub_and_nothing_of_a_person() {
    let claims = service(CLIENT_ID, &aud(), ISSUER, "wiki.test", 1_000, 4_600, AudShape::String);
    let expected = format!(
        concat!(
            r#"{{"type":"app","iat":1000,"exp":4600,"iss":"https://acme.cloudflareaccess.com","sub":"","aud":"{}","#,
            r#""common_name":"0123456789abcdef0123456789abcdef.access","h_INTERNAL_DO_NOT_USE":"wiki.test"}}"#,
        ),
        aud()
    );
    assert_eq!(written(&claims), expected);
}

#[test]
fn an_organisation_token_has_the_claims_of_a_person_and_its_own_type() {
    let expected = app_claims(&alice(), AudShape::Array, &Map::new()).replace(r#""app""#, r#""org""#);
    assert_eq!(written(&org(&alice(), &nonce(), &aud(), ISSUER, 1_000, 4_600)), expected);
}

#[test]
fn meta_tells_the_sign_in_page_all_that_access_tells_it() {
    let challenge = Challenge {
        aud: &aud(),
        hostname: "wiki.test",
        redirect_url: "/page?q=1",
        app_session_hash: &"ab".repeat(32),
        service_token_status: false,
        auth_status: "SERVICE_TOKEN_INVALID",
        certificate: &doorward_model::certificate::Presented::Nothing,
        country: Some("US"),
    };
    let expected = format!(
        concat!(
            r#"{{"type":"meta","aud":"{}","hostname":"wiki.test","redirect_url":"/page?q=1","#,
            r#""service_token_status":false,"is_warp":false,"is_gateway":false,"exp":1300,"nbf":1000,"iat":1000,"#,
            r#""auth_status":"SERVICE_TOKEN_INVALID","mtls_auth":{{"cert_issuer_dn":"","cert_serial":"","#,
            r#""cert_issuer_ski":"","cert_presented":false,"common_name":"","auth_status":"NONE"}},"#,
            r#""real_country":"US","app_session_hash":"{}"}}"#,
        ),
        aud(),
        "ab".repeat(32)
    );
    assert_eq!(written(&meta(&challenge, 1_000)), expected);
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn custom_has_the_configured_claims_that_the_provider_gave() {
    let mut identity = alice();
    identity.oidc_fields =
        Map::from_iter([("name".to_owned(), json!("Alice")), ("secret".to_owned(), json!("not asked for"))]);
    let claims = custom(&identity, &names(&["name", "department"]));
    assert_eq!(Value::Object(claims), json!({"name": "Alice"}));
    assert!(custom(&identity, &[]).is_empty());
}

#[test]
fn custom_loses_claims_from_the_end_of_the_list_until_it_fits() {
    let mut identity = alice();
    let claim = |name: &str, size: usize| (name.to_owned(), json!("x".repeat(size)));
    // The order of the list decides, not the alphabet: `z` is configured first.
    identity.oidc_fields = Map::from_iter([claim("z", 400), claim("m", 400), claim("a", 400), claim("b", 1)]);
    let kept = custom(&identity, &names(&["z", "m", "a", "b"]));
    assert_eq!(kept.keys().collect::<Vec<_>>(), ["m", "z"], "what follows the first that is too much goes with it");

    // `{"z":"…"}` is 8 bytes more than its text.
    identity.oidc_fields = Map::from_iter([claim("z", 992)]);
    assert_eq!(custom(&identity, &names(&["z"])).len(), 1);
    identity.oidc_fields = Map::from_iter([claim("z", 993)]);
    assert!(custom(&identity, &names(&["z"])).is_empty());
}
