use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_model::id::AccountId;
use serde_json::{Value, json};

use super::*;
use crate::claims::{self, AudShape, Challenge};
use crate::testing::{
    CLIENT_ID, CURRENT, ISSUER, NOW, alice, aud, aud_of, forged, header, issuers, keyring, nonce, user_claims,
    user_claims_with, verified,
};

fn team_aud() -> Aud {
    Aud::of_team(&AccountId::derived("acme"))
}

fn in_an_hour() -> i64 {
    NOW.plus(Lifetime::from_hours(1)).secs()
}

fn org_token() -> String {
    keyring().sign(&claims::org(&alice(), &nonce(), &team_aud(), ISSUER, NOW.secs(), in_an_hour()))
}

fn service_token(shape: AudShape) -> String {
    keyring().sign(&claims::service(CLIENT_ID, &aud(), ISSUER, "wiki.test", NOW.secs(), in_an_hour(), shape))
}

fn meta_token() -> String {
    keyring().sign(&meta_claims())
}

fn meta_claims() -> claims::MetaClaims {
    let challenge = Challenge {
        aud: &aud(),
        hostname: "wiki.test",
        redirect_url: "/page?q=1",
        app_session_hash: &"0".repeat(64),
        service_token_status: false,
        auth_status: "NONE",
        certificate: &doorward_model::certificate::Presented::Nothing,
        country: None,
    };
    claims::meta(&challenge, NOW.secs())
}

fn verified_org(token: &str) -> Result<OrgToken, Rejection> {
    keyring().verify_org(token, &issuers(), &team_aud(), NOW)
}

/// What the verifier makes of claims that our own key has signed.
fn verified_claims(claims: &Value) -> Result<AppToken, Rejection> {
    verified(&keyring().sign(claims))
}

/// The verifier's reason against Alice's claims with one of them changed.
fn rejection_with(claim: &str, value: impl Into<Option<Value>>) -> Option<Rejection> {
    verified_claims(&user_claims_with(claim, value.into())).err()
}

#[test]
fn a_persons_token_states_who_they_are_and_what_could_revoke_it() {
    let token = verified(&keyring().sign(&user_claims())).unwrap();
    let id = alice().user_uuid;
    assert_eq!(token.subject, Subject::User { id, email: alice().email, nonce: nonce() });
    assert_eq!((&token.aud, token.iat, token.exp), (&aud(), NOW.secs(), in_an_hour()));
    let bearings = Bearings { session: Some(nonce()), user: Some(id), app: Some(aud()), iat: NOW.secs() };
    assert_eq!(token.bearings(), bearings);
}

#[test]
fn a_services_token_verifies_with_either_shape_of_audience() {
    for shape in [AudShape::String, AudShape::Array] {
        let token = verified(&service_token(shape)).unwrap();
        assert_eq!(token.subject, Subject::Service { common_name: CLIENT_ID.to_owned() });
        assert_eq!(token.bearings(), Bearings { session: None, user: None, app: Some(aud()), iat: NOW.secs() });
    }
}

#[test]
fn an_organisation_token_states_the_session_it_belongs_to() {
    let token = verified_org(&org_token()).unwrap();
    assert_eq!((token.user, &token.email, &token.nonce), (alice().user_uuid, &alice().email, &nonce()));
    let bearings = Bearings { session: Some(nonce()), user: Some(token.user), app: None, iat: NOW.secs() };
    assert_eq!(token.bearings(), bearings);
}

#[test]
fn a_meta_token_lasts_five_minutes() {
    let meta = keyring().verify_meta(&meta_token(), NOW).unwrap();
    assert_eq!((&meta.aud, &*meta.hostname, &*meta.redirect_url), (&aud(), "wiki.test", "/page?q=1"));
    assert_eq!((&*meta.auth_status, &*meta.real_country, meta.exp), ("NONE", "XX", NOW.secs() + 300));
    let late = NOW.plus(Lifetime::from_secs(300));
    assert_eq!(keyring().verify_meta(&meta_token(), late), Err(Rejection::Expired));
    let mut longer = json!(meta_claims());
    longer["exp"] = json!(NOW.secs() + 301);
    assert_eq!(keyring().verify_meta(&keyring().sign(&longer), NOW), Err(Rejection::TooLongLived));
}

#[test]
fn k_04_only_the_exact_audience_passes() {
    let (ours, other) = (aud(), aud_of("Other"));
    for passing in [json!(ours), json!([ours]), json!([other, ours])] {
        assert_eq!(rejection_with("aud", passing.clone()), None, "{passing}");
    }
    let prefix = &ours.as_str()[..32];
    let joined = format!("{ours} {other}");
    let upper = ours.as_str().to_uppercase();
    for refused in
        [json!(other), json!([other]), json!([]), json!(prefix), json!([prefix]), json!(joined), json!(upper)]
    {
        assert_eq!(rejection_with("aud", refused.clone()), Some(Rejection::WrongAudience), "{refused}");
    }
    for refused in [None, Some(Value::Null), Some(json!({"aud": ours})), Some(json!([ours, 1])), Some(json!([[ours]]))]
    {
        assert_eq!(rejection_with("aud", refused.clone()), Some(Rejection::Malformed), "{refused:?}");
    }
}

#[test]
fn k_05_a_token_without_a_sane_expiry_is_refused() {
    for exp in [json!("1999999999"), json!("never"), Value::Null, json!(-1), json!(1e300), json!(1_u64 << 63)] {
        assert_eq!(rejection_with("exp", exp.clone()), Some(Rejection::Malformed), "{exp}");
    }
    assert_eq!(rejection_with("exp", None), Some(Rejection::Malformed));
    let in_a_century = json!(NOW.plus(Lifetime::from_days(36_525)).secs());
    assert_eq!(rejection_with("exp", in_a_century), Some(Rejection::TooLongLived));
    let a_month = NOW.plus(MAX_LIFETIME).secs();
    assert_eq!(rejection_with("exp", json!(a_month)), None);
    assert_eq!(rejection_with("exp", json!(a_month + 1)), Some(Rejection::TooLongLived));
}

#[test]
fn k_05_a_fraction_of_a_second_is_a_moment_too() {
    let mut claims = user_claims_with("exp", Some(json!(NOW.secs() as f64 + 0.9)));
    claims["iat"] = json!(NOW.secs() - 60);
    let token = verified_claims(&claims).unwrap();
    assert_eq!(token.exp, NOW.secs());
    let later = Timestamp(NOW.0 + 900);
    let refused = keyring().verify_app(&keyring().sign(&claims), &issuers(), &aud(), later, Lifetime::ZERO);
    assert_eq!(refused, Err(Rejection::Expired));
}

#[test]
fn k_05_a_token_is_expired_from_its_expiry_on_without_leeway() {
    let token = keyring().sign(&user_claims());
    let at = |now: Timestamp, grace| keyring().verify_app(&token, &issuers(), &aud(), now, grace).err();
    let exp = Timestamp::from_secs(in_an_hour());
    assert_eq!(at(Timestamp(exp.0 - 1), Lifetime::ZERO), None);
    assert_eq!(at(exp, Lifetime::ZERO), Some(Rejection::Expired));
    let grace = Lifetime::from_secs(60);
    assert_eq!(at(Timestamp(exp.plus(grace).0 - 1), grace), None, "a token to be renewed");
    assert_eq!(at(exp.plus(grace), grace), Some(Rejection::Expired));
}

#[test]
fn k_07_a_token_from_the_future_is_refused_beyond_the_tolerance_between_clocks() {
    let now = NOW.secs();
    for claim in ["iat", "nbf"] {
        assert_eq!(rejection_with(claim, json!(now + 30)), None, "{claim}");
        assert_eq!(rejection_with(claim, json!(now + 31)), Some(Rejection::NotYetValid), "{claim}");
        assert_eq!(rejection_with(claim, json!(now + 120)), Some(Rejection::NotYetValid), "{claim}");
        for wrong in [json!(now.to_string()), Value::Null, json!([now])] {
            assert_eq!(rejection_with(claim, wrong.clone()), Some(Rejection::Malformed), "{claim} {wrong}");
        }
    }
    assert_eq!(rejection_with("iat", json!(in_an_hour() + 1)), Some(Rejection::Malformed), "issued after its expiry");
    assert_eq!(rejection_with("iat", None), Some(Rejection::Malformed));
    assert_eq!(rejection_with("nbf", None), None, "tokens of services have none");
}

#[test]
fn k_12_a_token_passes_only_as_what_it_is() {
    let app = keyring().sign(&user_claims());
    assert_eq!(verified(&org_token()), Err(Rejection::WrongKind));
    assert_eq!(verified(&meta_token()), Err(Rejection::WrongKind));
    for other in [&app, &service_token(AudShape::Array), &meta_token()] {
        assert_eq!(verified_org(other), Err(Rejection::WrongKind));
    }
    for other in [&app, &service_token(AudShape::String), &org_token()] {
        assert_eq!(keyring().verify_meta(other, NOW), Err(Rejection::WrongKind));
    }
    for kind in [None, Some(Value::Null), Some(json!("APP")), Some(json!("app ")), Some(json!(""))] {
        assert_eq!(rejection_with("type", kind.clone()), Some(Rejection::WrongKind), "{kind:?}");
    }
}

#[test]
fn k_12_a_kind_alone_does_not_make_an_organisation_token() {
    let services = keyring().sign(&json!({"type": "org", "iss": ISSUER, "aud": [team_aud()], "sub": "",
        "common_name": CLIENT_ID, "iat": NOW.secs(), "exp": in_an_hour()}));
    assert_eq!(verified_org(&services), Err(Rejection::Malformed));
}

#[test]
fn k_12_a_subject_is_a_person_or_a_service_and_not_a_bit_of_both() {
    for (claim, value) in [
        ("common_name", Some(json!(CLIENT_ID))),
        ("sub", Some(json!(""))),
        ("sub", Some(json!("alice"))),
        ("sub", None),
        ("email", None),
        ("email", Some(json!("a@corp.test@evil.test"))),
        ("identity_nonce", None),
        ("identity_nonce", Some(json!(""))),
    ] {
        assert_eq!(rejection_with(claim, value.clone()), Some(Rejection::Malformed), "{claim} {value:?}");
    }
    let mut service =
        json!(claims::service(CLIENT_ID, &aud(), ISSUER, "h", NOW.secs(), in_an_hour(), AudShape::String));
    assert!(verified_claims(&service).is_ok());
    service["sub"] = json!(alice().user_uuid);
    assert_eq!(verified_claims(&service).err(), Some(Rejection::Malformed));
}

#[test]
fn only_exactly_our_issuers_are_believed() {
    assert_eq!(rejection_with("iss", json!("http://acme.localhost:8787")), None);
    let slash = format!("{ISSUER}/");
    for issuer in [None, Some(json!(slash)), Some(json!("https://evil.test")), Some(json!("")), Some(Value::Null)] {
        assert_eq!(rejection_with("iss", issuer.clone()), Some(Rejection::WrongIssuer), "{issuer:?}");
    }
    let unbound = keyring().verify_app(&keyring().sign(&user_claims()), &[], &aud(), NOW, Lifetime::ZERO);
    assert_eq!(unbound, Err(Rejection::WrongIssuer));
}

#[test]
fn a_claim_that_comes_twice_is_refused() {
    let claims = json!(user_claims()).to_string();
    for twice in [r#"{"aud":["x"],"#, r#"{"type":"app","#, r#"{"exp":1,"#, r#"{"custom":{"a":1,"a":2},"#] {
        let payload = claims.replacen('{', twice, 1);
        let token = forged(&header().to_string(), &payload, &CURRENT);
        assert_eq!(verified(&token), Err(Rejection::Malformed), "{twice}");
    }
}

#[test]
fn a_changed_claim_breaks_the_signature() {
    let token = keyring().sign(&user_claims());
    let mut parts = token.split('.');
    let (header, _, signature) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
    let payload = user_claims_with("email", Some(json!("mallory@corp.test"))).to_string();
    let changed = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(payload));
    assert_eq!(verified(&changed), Err(Rejection::BadSignature));
}
