//! Rules as they are written: wherever one can stand, it is refused with the
//! path of the field that is wrong.

use serde_json::{Value, json};

use super::door::{Door, uuid};

/// A rule, and the field of it that is wrong.
fn wrong() -> Vec<(Value, &'static str)> {
    let nobody = uuid();
    let of_provider = |selector: &str, more: Value| {
        let mut value = json!({ "identity_provider_id": nobody });
        value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ (selector): value })
    };
    let evaluation =
        |evaluate: &str, keys: &str| json!({ "external_evaluation": { "evaluate_url": evaluate, "keys_url": keys } });
    let mut wrong = vec![
        (json!({}), ""),
        (json!("everyone"), ""),
        (json!(["everyone"]), ""),
        (json!({ "everyone": {}, "certificate": {} }), ""),
        (json!({ "emial": { "email": "a@b.test" } }), ""),
        (json!({ "Everyone": {} }), ""),
        (json!({ "everyone": true }), "/everyone"),
        (json!({ "everyone": { "really": 1 } }), "/everyone/really"),
        (json!({ "email": {} }), "/email"),
        (json!({ "email": { "email": 7 } }), "/email/email"),
        (json!({ "email": { "email": "nobody" } }), "/email/email"),
        (json!({ "email_domain": { "domain": "a@b.test" } }), "/email_domain/domain"),
        (json!({ "email_domain": { "domain": "" } }), "/email_domain/domain"),
        (json!({ "geo": { "country_code": "Germany" } }), "/geo/country_code"),
        (json!({ "geo": { "country_code": "de" } }), "/geo/country_code"),
        (json!({ "common_name": { "common_name": " " } }), "/common_name/common_name"),
        (json!({ "auth_method": { "auth_method": "" } }), "/auth_method/auth_method"),
        (json!({ "user_risk_score": { "user_risk_score": [] } }), "/user_risk_score/user_risk_score"),
        (json!({ "user_risk_score": { "user_risk_score": ["huge"] } }), "/user_risk_score/user_risk_score"),
        (json!({ "user_risk_score": { "user_risk_score": ["low", 1] } }), "/user_risk_score/user_risk_score/1"),
        (json!({ "service_token": { "token_id": nobody } }), "/service_token/token_id"),
        (json!({ "linked_app_token": { "app_uid": nobody } }), "/linked_app_token/app_uid"),
        (json!({ "linked_app_token": { "app_uid": "wiki" } }), "/linked_app_token/app_uid"),
        (json!({ "login_method": { "id": nobody } }), "/login_method/id"),
        (json!({ "email_list": { "id": nobody } }), "/email_list/id"),
        (json!({ "ip_list": { "id": nobody } }), "/ip_list/id"),
        (json!({ "group": { "id": "Staff" } }), "/group/id"),
        (of_provider("oidc", json!({ "claim_name": "a", "claim_value": "" })), "/oidc/identity_provider_id"),
        (of_provider("oidc", json!({ "claim_name": "", "claim_value": "b" })), "/oidc/claim_name"),
        (of_provider("saml", json!({ "attribute_name": "a", "attribute_value": "b" })), "/saml/identity_provider_id"),
        (of_provider("azureAD", json!({ "id": "1" })), "/azureAD/identity_provider_id"),
        (of_provider("okta", json!({ "name": "g" })), "/okta/identity_provider_id"),
        (of_provider("gsuite", json!({ "email": "g@b.test" })), "/gsuite/identity_provider_id"),
        (of_provider("github-organization", json!({ "name": "o" })), "/github-organization/identity_provider_id"),
        (of_provider("auth_context", json!({ "id": "1", "ac_id": "2" })), "/auth_context/identity_provider_id"),
        (evaluation("https://e.test/", "file:///etc/passwd"), "/external_evaluation/keys_url"),
        (evaluation("https://e.test/", "https://u:p@k.test/"), "/external_evaluation/keys_url"),
    ];
    for network in ["x", "10.0.0.0/33", "10.0.0", "2001:db8::/129", "10.0.0.1-10.0.0.9", ""] {
        wrong.push((json!({ "ip": { "ip": network } }), "/ip/ip"));
    }
    for url in [
        "http://e.test/",
        "https://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://0x7f.1/",
        "https://2130706433/",
        "https://localhost:8081/",
        "file:///etc/passwd",
        "e.test",
    ] {
        wrong.push((evaluation(url, "https://k.test/"), "/external_evaluation/evaluate_url"));
    }
    wrong
}

#[tokio::test]
async fn p_08_a_rule_that_could_not_be_decided_is_refused_where_it_stands_wherever_that_is() {
    let door = Door::open().await;
    let everyone = json!([{ "everyone": {} }]);
    let app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test" });
    let app = door.done(201, "POST", "/access/apps", app).await["id"].as_str().unwrap().to_owned();
    let group = json!({ "name": "Staff", "include": everyone });
    let group = door.done(201, "POST", "/access/groups", group).await["id"].as_str().unwrap().to_owned();
    let before: Vec<_> = door.objects.current().all().cloned().collect();
    for (rule, field) in wrong() {
        for (list, other) in [("include", "exclude"), ("exclude", "include"), ("require", "include")] {
            let rules = json!({ "name": "Rules", "decision": "allow", "include": everyone, (other): everyone,
                (list): [{ "everyone": {} }, rule] });
            let inline = json!({ "name": "New", "type": "self_hosted", "domain": "new.test", "policies": [rules] });
            for (method, path, body, above) in [
                ("POST", "/access/groups".to_owned(), &rules, ""),
                ("PUT", format!("/access/groups/{group}"), &rules, ""),
                ("POST", "/access/policies".to_owned(), &rules, ""),
                ("POST", format!("/access/apps/{app}/policies"), &rules, ""),
                ("POST", "/access/apps".to_owned(), &inline, "/policies/0"),
            ] {
                let answer = door.call(method, &path, body.clone()).await;
                assert_eq!(answer.status, 400, "{method} {path}: {rule}: {}", answer.body);
                let pointer = answer.body["errors"][0]["source"]["pointer"].as_str();
                let wanted = format!("{above}/{list}/1{field}");
                assert_eq!(pointer, Some(wanted.as_str()), "{method} {path}: {}", answer.body);
            }
        }
    }
    let after: Vec<_> = door.objects.current().all().cloned().collect();
    assert_eq!(after.len(), before.len(), "nothing of it was kept");
}

#[tokio::test]
async fn p_06_what_is_longer_than_anything_means_is_refused_where_it_stands() {
    let door = Door::open().await;
    let app = |more: Value| {
        let mut app = json!({ "name": "Wiki", "type": "self_hosted", "domain": "wiki.test" });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app
    };
    let policy = |duration: &str| json!({ "name": "P", "decision": "allow", "include": [{ "everyone": {} }], "session_duration": duration });
    for duration in ["745h", "999999h", "-1h", "1 day", "24", "", "9999999999999999999h"] {
        door.call("POST", "/access/apps", app(json!({ "session_duration": duration })))
            .await
            .invalid("/session_duration");
        door.call("POST", "/access/policies", policy(duration)).await.invalid("/session_duration");
        let inline = app(json!({ "policies": [policy(duration)] }));
        door.call("POST", "/access/apps", inline).await.invalid("/policies/0/session_duration");
    }
    for duration in ["999999h", "0", "0s", "1ns", "for ever"] {
        let token = json!({ "name": "Robot", "duration": duration });
        door.call("POST", "/access/service_tokens", token).await.invalid("/duration");
    }
    for name in ["", " ", "a\u{0}b", "a\nb", "\u{7f}", &"x".repeat(351)] {
        for (path, body) in [
            ("/access/tags", json!({ "name": name })),
            ("/access/service_tokens", json!({ "name": name })),
            ("/access/apps", app(json!({ "name": name }))),
            ("/doorward/api_tokens", json!({ "name": name, "scope": "read" })),
        ] {
            door.call("POST", path, body).await.invalid("/name");
        }
    }
    for name in [".", ".."] {
        door.call("POST", "/access/tags", json!({ "name": name })).await.invalid("/name");
    }
    for duration in ["744h", "0s", "15m", "1h30m"] {
        let made = door.done(201, "POST", "/access/policies", policy(duration)).await;
        assert_eq!(made["session_duration"], duration, "as it was sent");
    }
}

#[tokio::test]
async fn p_10_no_page_of_ours_leads_to_a_script() {
    let door = Door::open().await;
    let launcher = |more: Value| {
        let mut app = json!({ "name": "Launcher", "type": "app_launcher" });
        app.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        app
    };
    for script in ["javascript:alert(1)", "data:text/html,x", "//evil.test", " javascript:alert(1)", ""] {
        let bookmark = json!({ "name": "Mail", "type": "bookmark", "domain": script });
        door.call("POST", "/access/apps", bookmark).await.invalid("/domain");
        let links =
            json!({ "footer_links": [{ "name": "ok", "url": "https://ok.test" }, { "name": "x", "url": script }] });
        door.call("POST", "/access/apps", launcher(links)).await.invalid("/footer_links/1/url");
    }
    let design = json!({ "landing_page_design": { "image_url": "javascript:alert(1)" } });
    door.call("POST", "/access/apps", launcher(design)).await.invalid("/landing_page_design/image_url");
    for domain in ["https://mail.test/inbox", "mail.test", "mail.test/inbox"] {
        let bookmark = json!({ "name": "Mail", "type": "bookmark", "domain": domain });
        assert_eq!(door.done(201, "POST", "/access/apps", bookmark).await["domain"], domain);
    }
}

#[tokio::test]
async fn what_belongs_to_another_is_refused_where_it_is_named() {
    let door = Door::open().await;
    let app = |name: &str, uris: &[&str]| {
        let destinations: Vec<Value> = uris.iter().map(|uri| json!({ "type": "public", "uri": uri })).collect();
        json!({ "name": name, "type": "self_hosted", "destinations": destinations })
    };
    door.done(201, "POST", "/access/apps", app("One", &["a.test", "b.test/x"])).await;
    let answer = door.call("POST", "/access/apps", app("Two", &["c.test", "b.test/x"])).await;
    answer.refused(409, 11010);
    assert_eq!(answer.body["errors"][0]["source"]["pointer"], "/destinations/1/uri");

    let everyone = json!([{ "everyone": {} }]);
    let made = async |name: &str, lists: Value| {
        let mut group = json!({ "name": name, "include": everyone });
        group.as_object_mut().unwrap().extend(lists.as_object().unwrap().clone());
        door.done(201, "POST", "/access/groups", group).await["id"].as_str().unwrap().to_owned()
    };
    let inner = made("Inner", json!({})).await;
    let middle = made("Middle", json!({ "exclude": [{ "group": { "id": inner } }] })).await;
    let outer = made("Outer", json!({ "require": [{ "group": { "id": middle } }] })).await;
    for (list, pointer) in
        [("include", "/include/1/group/id"), ("exclude", "/exclude/1/group/id"), ("require", "/require/1/group/id")]
    {
        let mut group = json!({ "name": "Inner", "include": everyone });
        group[list] = json!([{ "everyone": {} }, { "group": { "id": outer } }]);
        let refused = door.call("PUT", &format!("/access/groups/{inner}"), group).await;
        assert!(refused.invalid(pointer).contains("contains itself"), "{}", refused.body);
    }
}
