//! Attack catalogue, group K, at the wire: a token is believed when it is ours, for this app, now.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::config::{ALICE, APP, ROBOT};
use crate::support::lying::Lying;
use crate::support::node::forged;
use crate::support::raw::Raw;
use crate::support::token::{claims, header, unsigned, with_claims, with_header, with_header_text};
use crate::support::world::World;

/// `UNAUTH`, whether the token comes as a cookie or as a header.
async fn assert_worthless(world: &World, token: &str, what: &str) {
    world.origin.forget();
    for line in [format!("Cookie: CF_Authorization={token}"), format!("Cf-Access-Token: {token}")] {
        let reply = world.raw_get("/", &[&line]).await;
        world.assert_sent_to_sign_in(reply.status(), reply.head.field("location"), "App", what);
    }
}

async fn admits(world: &World, token: &str) -> bool {
    world.raw_get("/", &[&format!("Cookie: CF_Authorization={token}")]).await.status() == 200
}

/// The certificate of the key in force, as anybody can read it.
async fn published(world: &World) -> Value {
    world.stranger().get(&world.gateway.certs_url()).await.json()
}

#[tokio::test]
async fn an_honest_token_is_good_in_the_cookie_and_in_the_header() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    assert!(admits(&world, &token).await);
    assert_eq!(world.raw_get("/", &[&format!("cf-access-token: {token}")]).await.status(), 200);
}

#[tokio::test]
async fn k_01_no_other_algorithm_than_ours_is_believed() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    for alg in ["none", "NoNe", "NONE", ""] {
        assert_worthless(&world, &unsigned(&token, alg), alg).await;
    }
    let (head, body) = (header(&token), claims(&token));
    let with_alg = |alg: Value| {
        let mut head = head.clone();
        head["alg"] = alg;
        head
    };
    for alg in [json!("rs256"), json!("RS512"), json!("HS256"), json!("ES256"), json!(null), json!(["RS256"])] {
        assert_worthless(&world, &with_header(&token, &with_alg(alg.clone())), &alg.to_string()).await;
    }
    let certs = published(&world).await;
    let pem = certs["public_cert"]["cert"].as_str().unwrap();
    let n = certs["keys"][0]["n"].as_str().unwrap();
    let signed = forged("HS256", &with_alg(json!("HS256")), &body, pem).await;
    assert_worthless(&world, &signed, "HS256 keyed with the published certificate").await;
    let signed = forged("HS256", &with_alg(json!("HS256")), &body, n).await;
    assert_worthless(&world, &signed, "HS256 keyed with the modulus").await;
    let signed = forged("PS256", &with_alg(json!("PS256")), &body, "").await;
    assert_worthless(&world, &signed, "PS256 of another key").await;
    let signed = forged("RS256", &head, &body, "").await;
    assert_worthless(&world, &signed, "RS256 of another key under our kid").await;
}

#[tokio::test]
async fn k_01_an_algorithm_that_is_missing_or_named_twice_is_not_believed() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let kid = header(&token)["kid"].as_str().unwrap().to_owned();
    for text in [
        format!(r#"{{"kid":"{kid}","typ":"JWT"}}"#),
        format!(r#"{{"alg":"RS256","alg":"none","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"none","alg":"RS256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"RS256","kid":"{kid}","kid":"x"}}"#),
        format!(r#"{{"alg":"RS256","kid":"{kid}","crit":["exp"]}}"#),
        format!(r#"{{"alg":"RS256","kid":"{kid}","b64":false}}"#),
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
    ] {
        assert_worthless(&world, &with_header_text(&token, &text), &text).await;
    }
    // Symmetric, with every form in which the public key is published.
    let certs = published(&world).await;
    let pem = certs["public_cert"]["cert"].as_str().unwrap();
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let mut head = header(&token);
    head["alg"] = json!("HS256");
    for key in [pem.to_owned(), pem.trim_end().to_owned(), der, certs["keys"][0].to_string()] {
        let signed = forged("HS256", &head, &claims(&token), &key).await;
        assert_worthless(&world, &signed, "HS256 keyed with what is published").await;
    }
    head["alg"] = json!("ES256");
    let signed = forged("ES256", &head, &claims(&token), "").await;
    assert_worthless(&world, &signed, "ES256 under the name of an RSA key").await;
}

#[tokio::test]
async fn k_02_a_key_that_a_token_brings_along_opens_nothing_and_is_not_fetched() {
    let (world, lying) = (World::start().await, Lying::start().await);
    let token = world.token(ALICE, "App").await;
    let url = format!("{}/jwks", lying.issuer());
    let kid = header(&token)["kid"].clone();
    for (name, value) in [
        ("jwk", Lying::strangers_jwk(kid.as_str().unwrap())),
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("x5c", json!(["MIIB"])),
    ] {
        for kid in [kid.clone(), json!("one")] {
            let mut head = header(&token);
            head["kid"] = kid;
            head[name] = value.clone();
            assert_worthless(&world, &Lying::forged(&head, &claims(&token)), name).await;
        }
    }
    assert!(lying.script().asked.is_empty(), "nobody was asked for a key: {:?}", lying.script().asked);
}

#[tokio::test]
async fn k_03_a_key_is_looked_up_by_its_name_and_nothing_else() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    for kid in [
        json!("../../dev/null"),
        json!("' OR 1=1--"),
        json!("x".repeat(2000)),
        json!("x".repeat(64 * 1024)),
        json!("one"),
        json!(""),
        json!(1),
        json!(null),
        json!("0".repeat(64)),
    ] {
        let mut head = header(&token);
        head["kid"] = kid.clone();
        let what: String = kid.to_string().chars().take(80).collect();
        assert_worthless(&world, &with_header(&token, &head), &what).await;
        assert_worthless(&world, &Lying::forged(&head, &claims(&token)), &what).await;
    }
    world.gateway.control("POST", "/keys/rotate", json!({ "drop_previous": true })).await;
    assert_worthless(&world, &token, "a key that was retired").await;
}

#[tokio::test]
async fn k_04_a_token_is_for_the_app_that_it_names_and_no_other() {
    let world = World::start().await;
    let (app, other) = (world.gateway.aud("App"), world.gateway.aud("Other"));
    assert_worthless(&world, &world.token(ALICE, "Other").await, "another app's token").await;
    let minted = async |aud: Value| {
        let asked = json!({ "app": "App", "email": ALICE, "claims": { "aud": aud } });
        let (status, answer) = world.gateway.admin_call("POST", "/emulator/v1/tokens", Some(asked)).await;
        // What the control API refuses to sign cannot be presented.
        (status == 200).then(|| answer["token"].as_str().unwrap().to_owned())
    };
    for aud in [json!(app), json!([app]), json!([other, app])] {
        let token = minted(aud.clone()).await.unwrap_or_else(|| panic!("{aud} can be minted"));
        assert!(admits(&world, &token).await, "{aud}");
    }
    for aud in [
        json!([]),
        json!([other]),
        json!(&app[..32]),
        json!([&app[..63]]),
        json!(null),
        json!({ "0": app }),
        json!(app.to_uppercase()),
    ] {
        if let Some(token) = minted(aud.clone()).await {
            assert_worthless(&world, &token, &aud.to_string()).await;
        }
    }
}

#[tokio::test]
async fn k_05_k_07_a_token_is_good_from_its_first_second_to_its_last() {
    let world = World::start().await;
    let token = world.gateway.token(json!({ "app": "App", "email": ALICE, "ttl": "10m" })).await;
    assert!(admits(&world, &token).await);
    world.gateway.control("PUT", "/clock", json!({ "advance": "9m50s" })).await;
    assert!(admits(&world, &token).await);
    world.gateway.control("PUT", "/clock", json!({ "advance": "11s" })).await;
    assert_worthless(&world, &token, "a token that has ended").await;
    world.gateway.control("PUT", "/clock", json!({ "advance": "2h" })).await;
    let later = world.token(ALICE, "App").await;
    world.gateway.control("POST", "/reset", json!({})).await;
    assert_worthless(&world, &later, "a token of the future").await;
}

#[tokio::test]
async fn k_05_k_07_moments_that_make_no_sense_are_worthless_though_we_signed_them() {
    let world = World::start().await;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let century = 100 * 365 * 24 * 3600;
    for odd in [
        json!({ "exp": now + century }),
        json!({ "exp": 0 }),
        json!({ "exp": now - 1, "iat": now - 60 }),
        json!({ "iat": now + 3600 }),
        json!({ "nbf": now + 120 }),
        json!({ "iat": now + 7200, "exp": now + 3600 }),
        json!({ "iat": 0 }),
    ] {
        let asked = json!({ "app": "App", "email": ALICE, "claims": odd });
        let (status, answer) = world.gateway.admin_call("POST", "/emulator/v1/tokens", Some(asked)).await;
        // What the control API refuses to sign cannot be presented.
        if status == 200 {
            assert_worthless(&world, answer["token"].as_str().unwrap(), &odd.to_string()).await;
        }
    }
}

#[tokio::test]
async fn k_10_a_token_has_one_spelling() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let mut last = token.clone();
    let end = last.pop().unwrap();
    last.push(if end == 'A' { 'B' } else { 'A' });
    for bent in [format!("{token}="), format!("{token}."), format!("{token}.x"), last, token.replacen('.', "..", 1)] {
        assert_worthless(&world, &bent, "another spelling").await;
    }
    // The standard alphabet, padding in each part, and white space within.
    let standard = token.replace('-', "+").replace('_', "/");
    if standard != token {
        assert_worthless(&world, &standard, "the standard alphabet").await;
    }
    for place in 0..2 {
        let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        for bent in [format!("{}=", parts[place]), format!("{}==", parts[place]), format!("{} ", parts[place])] {
            let mut parts = parts.clone();
            parts[place] = bent;
            assert_worthless(&world, &parts.join("."), "padding or a space inside").await;
        }
    }
    for bent in [format!("%20{token}"), format!("\"{token}\""), token.to_uppercase(), token.replace('.', "%2E")] {
        assert_worthless(&world, &bent, "another spelling").await;
    }
    let mut body = claims(&token);
    body["email"] = json!("root@corp.test");
    assert_worthless(&world, &with_claims(&token, &body), "other claims under the same signature").await;
}

#[tokio::test]
async fn k_11_a_token_that_is_too_long_is_not_looked_at() {
    let world = World::start().await;
    let token = world.gateway.token(json!({ "app": "App", "email": ALICE, "claims": { "x": "y".repeat(9000) } })).await;
    assert!(token.len() > 8192);
    assert_worthless(&world, &token, "more than eight kilobytes").await;
    assert_worthless(&world, &".".repeat(4000), "dots").await;
    let honest = world.token(ALICE, "App").await;
    let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert_worthless(&world, &with_header_text(&honest, &nested), "nesting").await;
    assert_worthless(&world, &honest.replacen('.', &format!(".{}", "A".repeat(100_000)), 1), "a hundred kilobytes")
        .await;
    // Four megabytes do not get past the head of a request.
    for endless in ["A".repeat(4 * 1024 * 1024), ".".repeat(1_000_000)] {
        let mut raw = Raw::connect(world.public()).await;
        raw.try_send(format!("GET / HTTP/1.1\r\nHost: {APP}\r\nCookie: CF_Authorization={endless}\r\n\r\n")).await;
        if let Some(reply) = raw.reply().await {
            assert_eq!(reply.status(), 431);
        }
        world.origin.assert_untouched("megabytes of a token");
    }
}

#[tokio::test]
async fn k_12_a_token_of_one_kind_is_not_taken_for_another() {
    let world = World::start().await;
    let org = world.gateway.token(json!({ "email": ALICE, "kind": "org" })).await;
    assert_worthless(&world, &org, "an organisation token at an app").await;

    let challenge = world.stranger().get(&world.app("/")).await.location();
    let parameter = |name: &str| challenge.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_worthless(&world, &parameter("meta"), "a meta token").await;

    let mut browser = world.stranger();
    let page = browser.reach_provider(&world.app("/")).await;
    let state = page.url.query_pairs().find(|(key, _)| key == "state").unwrap().1.into_owned();
    assert_worthless(&world, &state, "the state of a sign-in").await;
}

#[tokio::test]
async fn k_12_an_apps_token_is_no_sign_in_on_the_team_domain() {
    let world = World::start().await;
    let token = world.token(ALICE, "App").await;
    let mut browser = Client::holding(&world.gateway, &world.gateway.team_host(), &token);
    let page = browser.open(&world.app("/")).await;
    assert_eq!(page.title(), "Sign in ・ Cloudflare Access");
    world.origin.assert_untouched("an app's token on the team domain");

    let org = world.gateway.token(json!({ "email": ALICE, "kind": "org" })).await;
    let mut browser = Client::holding(&world.gateway, &world.gateway.team_host(), &org);
    assert_eq!(browser.open(&world.app("/")).await.status, 200, "an organisation token is one");
}

#[tokio::test]
async fn k_12_a_machines_token_does_not_pass_a_rule_about_people() {
    let world = World::start().await;
    let service = world.gateway.token(json!({ "app": "App", "kind": "service", "service_token": "Robot" })).await;
    let reply = world.raw_get("/", &[&format!("Cookie: CF_Authorization={service}")]).await;
    assert_eq!(reply.status(), 403);
    world.origin.assert_untouched("a machine's token");
    let fields = ROBOT.map(|(name, value)| format!("{name}: {value}"));
    let reply = world.raw_get("/", &[&fields[0], &fields[1]]).await;
    assert_eq!(reply.status(), 403, "nor do its credentials");
    world.origin.assert_untouched("a machine's credentials");
}

#[tokio::test]
async fn l_04_a_rotation_publishes_both_keys_and_refuses_nobody() {
    let world = World::start().await;
    let old = world.token(ALICE, "App").await;
    let before = published(&world).await;
    assert_eq!(before["public_cert"]["kid"], header(&old)["kid"]);
    world.gateway.control("POST", "/keys/rotate", json!({})).await;
    let after = published(&world).await;
    let new = world.token(ALICE, "App").await;
    assert_ne!(header(&new)["kid"], header(&old)["kid"]);
    assert_eq!(after["public_cert"]["kid"], header(&new)["kid"]);
    let kids: Vec<&Value> = after["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids.len(), 2);
    assert!(kids.contains(&&header(&new)["kid"]) && kids.contains(&&header(&old)["kid"]));
    assert!(admits(&world, &old).await && admits(&world, &new).await);
}

#[tokio::test]
async fn the_certs_endpoint_has_the_shape_that_validators_read() {
    let world = World::start().await;
    for url in [world.gateway.certs_url(), world.app("/cdn-cgi/access/certs")] {
        let reply = world.stranger().get(&url).await;
        assert_eq!(reply.status, 200);
        let certs = reply.json();
        assert_eq!(certs["keys"].as_array().map(Vec::len), Some(2), "{certs}");
        for key in certs["keys"].as_array().unwrap() {
            for (member, value) in [("kty", "RSA"), ("alg", "RS256"), ("use", "sig"), ("e", "AQAB")] {
                assert_eq!(key[member], value);
            }
            assert_eq!(key["kid"].as_str().unwrap().len(), 64);
        }
        assert_eq!(certs["public_certs"].as_array().map(Vec::len), Some(2));
        assert!(certs["public_cert"]["cert"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }
}
