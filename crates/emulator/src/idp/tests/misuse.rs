//! What the provider refuses: the attacks it must not fall for, and mistakes.

use super::*;

#[tokio::test]
async fn i_05_a_code_with_a_challenge_needs_its_verifier() {
    let world = World::new().await;
    let site = world.provider();
    for verifier in ["", "another-verifier-of-forty-three-characters-or-so"] {
        let code = code(&site, &[]).await;
        let refused = redeem(&site, &code, &[("code_verifier", verifier)]).await;
        assert_eq!((refused.status, &refused.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_grant")));
        assert_eq!(redeem(&site, &code, &[]).await.status, StatusCode::BAD_REQUEST, "a failed try uses the code up");
    }
}

#[tokio::test]
async fn i_05_a_verifier_without_a_challenge_is_refused() {
    let world = World::new().await;
    let site = world.provider();
    let plain = [("code_challenge", ""), ("code_challenge_method", "")];
    let refused = redeem(&site, &code(&site, &plain).await, &[]).await;
    assert_eq!(refused.json()["error"], "invalid_request");
    let without = redeem(&site, &code(&site, &plain).await, &[("code_verifier", "")]).await;
    assert_eq!(without.status, StatusCode::OK);
}

#[tokio::test]
async fn i_05_a_challenge_is_s256_or_an_error() {
    let world = World::new().await;
    let site = world.provider();
    for changes in [
        &[("code_challenge_method", "plain")][..],
        &[("code_challenge_method", "")],
        &[("code_challenge_method", "s256")],
        &[("code_challenge", "")],
        &[("code_challenge", "short")],
    ] {
        let answer = authorize(&site, changes).await;
        assert_eq!(answered(&answer, "error"), "invalid_request", "{changes:?}");
        assert_eq!(answered(&answer, "code"), "");
    }
}

#[tokio::test]
async fn i_11_a_code_works_once_and_its_replay_ends_the_token() {
    let world = World::new().await;
    let site = world.provider();
    let code = code(&site, &[]).await;
    let tokens = redeem(&site, &code, &[]).await.json();
    let access = text(&tokens["access_token"]);
    assert_eq!(userinfo(&site, access).await.status, StatusCode::OK);
    assert_eq!(redeem(&site, &code, &[]).await.json()["error"], "invalid_grant");
    let ended = userinfo(&site, access).await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ended.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[tokio::test]
async fn i_11_a_code_is_good_for_its_own_client_alone() {
    let grants = grants::Grants::default();
    let grant = grants::Grant {
        client: "a".into(),
        redirect_uri: CALLBACK.into(),
        scopes: vec![],
        nonce: None,
        challenge: None,
        person: crate::Person::known_by("alice@example.com".parse().unwrap()),
        auth_time: START,
    };
    let code = grants.code(grant, START);
    let by = |client| grants::Redemption { code: code.expose(), client, redirect_uri: Some(CALLBACK), verifier: None };
    assert_eq!(grants.redeem(&by("b"), START).unwrap_err(), grants::NotRedeemed::OtherClient);
    assert_eq!(grants.redeem(&by("a"), START).unwrap_err(), grants::NotRedeemed::Replayed);
}

#[tokio::test]
async fn i_11_only_the_registered_address_is_led_to() {
    let world = World::new().await;
    let site = world.provider();
    for uri in [
        "http://acme.localhost:8787/cdn-cgi/access/callback?x=1",
        "http://acme.localhost:8787/cdn-cgi/access/callback/",
        "http://acme.localhost:8787/cdn-cgi/access/Callback",
        "http://ACME.localhost:8787/cdn-cgi/access/callback",
        "http://acme.localhost:8788/cdn-cgi/access/callback",
        "https://acme.localhost:8787/cdn-cgi/access/callback",
        "http://acme.localhost:8787/cdn-cgi/access/callback#x",
        "http://acme.localhost:8787@evil.com/cdn-cgi/access/callback",
        "https://evil.com/",
        "",
    ] {
        for answer in [
            authorize(&site, &[("redirect_uri", uri)]).await,
            pick(&site, &[("redirect_uri", uri), ("email", "alice@example.com")]).await,
        ] {
            assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""), "{uri}");
        }
    }
    let unknown = authorize(&site, &[("client_id", "mallory")]).await;
    assert_eq!((unknown.status, unknown.header("location")), (StatusCode::BAD_REQUEST, ""));
    let other = redeem(&site, &code(&site, &[]).await, &[("redirect_uri", "https://evil.com/")]).await;
    assert_eq!(other.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn i_11_a_post_is_answered_with_303() {
    let world = World::new().await;
    let picked = pick(&world.provider(), &[("email", "alice@example.com")]).await;
    assert_eq!(picked.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_parameter_that_is_sent_twice_is_refused() {
    let world = World::new().await;
    let twice = format!("/authorize?{}&redirect_uri=https://evil.com/", encoded(&authorization(&[])));
    let answer = get(&world.provider(), &twice).await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn what_the_provider_does_not_do_is_told_to_the_client() {
    let world = World::new().await;
    let site = world.provider();
    for (change, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
        (("response_mode", "fragment"), "invalid_request"),
        (("scope", "email"), "invalid_scope"),
        (("request", "e30"), "request_not_supported"),
        (("request_uri", "https://evil.com/"), "request_uri_not_supported"),
        (("prompt", "none login"), "invalid_request"),
        (("prompt", "create"), "invalid_request"),
    ] {
        assert_eq!(answered(&authorize(&site, &[change]).await, "error"), error, "{change:?}");
    }
}

#[tokio::test]
async fn a_client_proves_itself_by_header_or_by_form_but_not_by_both() {
    let world = World::new().await;
    let site = world.provider();
    let form = |code: &str, secret: &str| {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        changed(&usual, &[("client_secret", secret)])
    };
    let secret: String = url::form_urlencoded::byte_serialize(CLIENT_SECRET.as_bytes()).collect();
    let basic = format!("Basic {}", STANDARD.encode(format!("doorward:{secret}")));
    let code = code(&site, &[]).await;
    let both = post(&site, "/token", &[("authorization", &basic)], &form(&code, CLIENT_SECRET)).await;
    assert_eq!((both.status, &both.json()["error"]), (StatusCode::BAD_REQUEST, &json!("invalid_request")));
    let wrong = format!("Basic {}", STANDARD.encode("doorward:wrong"));
    for headers in [&[("authorization", wrong.as_str())][..], &[("authorization", "Bearer x")], &[]] {
        let refused = post(&site, "/token", headers, &form(&code, "")).await;
        assert_eq!((refused.status, &refused.json()["error"]), (StatusCode::UNAUTHORIZED, &json!("invalid_client")));
        assert!(refused.header("www-authenticate").starts_with("Basic"));
    }
    let good = post(&site, "/token", &[("authorization", &basic)], &form(&code, "")).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
}

#[tokio::test]
async fn a_token_request_that_is_not_complete_is_told_what_is_missing() {
    let world = World::new().await;
    let site = world.provider();
    for (change, error) in [
        (("grant_type", ""), "invalid_request"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("code", ""), "invalid_request"),
        (("code", "made-up"), "invalid_grant"),
    ] {
        let answer = redeem(&site, &code(&site, &[]).await, &[change]).await;
        assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::BAD_REQUEST, &json!(error)), "{change:?}");
    }
    let request = Request::post(format!("{IDP_PATH}/token")).header("content-type", "application/json");
    let answer = ask(site, request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_code_is_too_old_after_a_minute_by_the_products_clock() {
    let world = World::new().await;
    let site = world.provider();
    let code = code(&site, &[]).await;
    assert!(world.emulator.clock.advance(Lifetime::from_secs(60)));
    assert_eq!(redeem(&site, &code, &[]).await.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn p_03_a_form_of_another_site_picks_nobody() {
    let world = World::new().await;
    let site = world.provider();
    let form = authorization(&[("email", "alice@example.com")]);
    for headers in [
        &[("origin", "http://evil.com")][..],
        &[("origin", "null")],
        &[("origin", "http://acme.localhost:9999")],
        &[("sec-fetch-site", "cross-site"), ("origin", ISSUER)],
        &[("sec-fetch-site", "same-site")],
    ] {
        let answer = post(&site, "/authorize", headers, &form).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::FORBIDDEN, ""), "{headers:?}");
    }
    for headers in [&[("origin", ISSUER)][..], &[("sec-fetch-site", "same-origin"), ("origin", "null")]] {
        assert_eq!(post(&site, "/authorize", headers, &form).await.status, StatusCode::SEE_OTHER, "{headers:?}");
    }
}

#[test]
fn a_client_knows_its_addresses_byte_for_byte() {
    let client = Client {
        id: "a".into(),
        name: "A".into(),
        secret: Secret::new("s".into()).digest(),
        redirect_uris: vec!["https://a.test/x".into()],
    };
    assert!(client.may_return_to("https://a.test/x"));
    assert!(!client.may_return_to("https://a.test/x?") && !client.may_return_to("https://a.test:443/x"));
}
