use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::app::{App, AppKind, FooterLink, LandingPage, LauncherDesign, Refresh, SameSite};
use crate::group::Group;
use crate::id::{AccountId, CustomPageId, GroupId, IdpId, PolicyId, ServiceTokenId};
use crate::idp::{IdentityProvider, IdpKind, OidcEndpoints, OidcProvider};
use crate::policy::{Decision, Policy};
use crate::route::{Destinations, Route, Service};
use crate::secret::random_hex;
use crate::service_token::{ClientId, ReplacedSecret, ServiceToken};
use crate::time::Lifetime;

fn rules(json: Value) -> Vec<crate::rule::Rule> {
    serde_json::from_value(json).unwrap()
}

fn policy(precedence: u32) -> Policy {
    Policy {
        id: PolicyId::random(),
        name: "Staff".into(),
        decision: Decision::Allow,
        precedence,
        include: rules(json!([{"email_domain": {"domain": "example.com"}}, {"everyone": {}}])),
        require: rules(json!([{"ip": {"ip": "10.0.0.1"}}])),
        exclude: rules(json!([{"email": {"email": "x@example.com"}}])),
        session_duration: Some(Lifetime::from_hours(1)),
        purpose: None,
    }
}

fn app() -> App {
    let domains = ["wiki.example.com", "*.docs.example.com/hand*book"].map(|domain| domain.parse().unwrap()).to_vec();
    App {
        session_duration: Lifetime::from_secs(90),
        allowed_idps: vec![IdpId::random()],
        auto_redirect_to_identity: true,
        refresh: Refresh::Edge,
        http_only_cookie_attribute: false,
        same_site_cookie_attribute: SameSite::Strict,
        enable_binding_cookie: true,
        path_cookie_attribute: true,
        eager_redirect_cookie_setting: Some(false),
        cors_headers: Some(
            serde_json::from_value(json!({"allowed_origins": ["https://a.test"], "allowed_methods": ["GET"]})).unwrap(),
        ),
        options_preflight_bypass: true,
        allow_iframe: true,
        read_service_tokens_from_header: Some("authorization".to_owned().try_into().unwrap()),
        service_auth_401_redirect: true,
        custom_deny_message: Some("no".into()),
        custom_deny_url: Some("https://example.com/no".into()),
        custom_non_identity_deny_url: Some("https://example.com/never".into()),
        custom_pages: vec![CustomPageId::random()],
        logo_url: Some("https://example.com/logo.png".into()),
        app_launcher_visible: false,
        tags: vec!["docs".into()],
        skip_interstitial: true,
        ..App::new(&AccountId::derived("acme"), "Wiki", domains, vec![policy(2), policy(7)])
    }
}

/// What the store gives back.
fn kept<D: Serialize + DeserializeOwned>(document: &D) -> D {
    serde_json::from_str(&Content::new(document, &(), None).document).unwrap()
}

#[test]
fn an_application_comes_out_of_its_document_as_it_went_in() {
    let app = app();
    let document = kept(&AppDocument::from(&app));
    assert_eq!(document.app(Refresh::Edge, |_| None).unwrap(), Some(app));
}

#[test]
fn a_document_has_cloudflares_shape() {
    let document = serde_json::to_value(AppDocument::from(&app())).unwrap();
    for (pointer, value) in [
        ("/type", json!("self_hosted")),
        ("/domain", json!("wiki.example.com")),
        ("/destinations/1", json!({"type": "public", "uri": "*.docs.example.com/hand*book"})),
        ("/self_hosted_domains/1", json!("*.docs.example.com/hand*book")),
        ("/session_duration", json!("1m30s")),
        ("/same_site_cookie_attribute", json!("strict")),
        ("/policies/0/precedence", json!(2)),
        ("/policies/0/decision", json!("allow")),
        ("/policies/0/exclude", json!([{"email": {"email": "x@example.com"}}])),
    ] {
        assert_eq!(document.pointer(pointer), Some(&value), "{pointer} of {document}");
    }
    let plain = App::new(&AccountId::derived("acme"), "Plain", vec!["a.test".parse().unwrap()], vec![]);
    let document = serde_json::to_value(AppDocument::from(&plain)).unwrap();
    assert!(document.get("same_site_cookie_attribute").is_none(), "what is not set is not there: {document}");
}

#[test]
fn fields_of_no_meaning_here_are_kept() {
    let mut written = serde_json::to_value(AppDocument::from(&app())).unwrap();
    written["scim_config"] = json!({"enabled": true, "remote_uri": "https://scim.test"});
    written["destinations"][0]["cidr"] = json!("10.0.0.0/8");
    written["policies"][0]["approval_groups"] = json!([{"approvals_needed": 1}]);
    let read: AppDocument = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

#[test]
fn a_linked_policy_takes_its_place_among_the_applications_own() {
    let reusable = PolicyDocument { precedence: None, ..(&policy(0)).into() };
    let link = |precedence| AppPolicy::Link(PolicyLink { id: reusable.id, precedence });
    let document = |policies| AppDocument { policies, ..(&app()).into() };
    let find = |id| (id == reusable.id).then(|| reusable.clone());
    let own = |precedence| AppPolicy::Own((&policy(precedence)).into());
    let app = kept(&document(vec![own(9), link(4), own(1)])).app(Refresh::Edge, find).unwrap().unwrap();
    assert_eq!(app.policies.iter().map(|policy| policy.precedence).collect::<Vec<_>>(), [1, 4, 9]);
    assert_eq!(app.policies[1].id, reusable.id);
}

#[test]
fn i15_an_application_with_a_policy_that_is_not_there_lets_nobody_in() {
    let gone = AppPolicy::Link(PolicyLink { id: PolicyId::random(), precedence: 1 });
    let document = AppDocument { policies: vec![gone, AppPolicy::Own((&policy(2)).into())], ..(&app()).into() };
    assert_eq!(document.app(Refresh::Edge, |_| None).unwrap().unwrap().policies, []);
}

#[test]
fn i2_a_policy_under_a_restriction_that_cannot_be_acted_on_lets_nobody_in() {
    let policy_with = |decision: Decision, name: &str, value: Value| {
        let mut document = PolicyDocument { decision, ..(&policy(1)).into() };
        document.more.insert(name.into(), value);
        let made = document.policy(1).unwrap();
        assert!(made.decision != Decision::Deny || made.purpose.is_none());
        (made.decision, made.include.len())
    };
    for name in ["isolation_required", "approval_required"] {
        // Not passed over: a later policy may let the same people in without the restriction.
        assert_eq!(policy_with(Decision::Allow, name, json!(true)), (Decision::Deny, 2), "{name}");
        assert_eq!(policy_with(Decision::Bypass, name, json!(true)), (Decision::Bypass, 0), "{name}");
        assert_eq!(policy_with(Decision::Allow, name, json!(false)), (Decision::Allow, 2), "{name}");
        assert_eq!(
            policy_with(Decision::Deny, name, json!(true)),
            (Decision::Deny, 2),
            "what refuses goes on refusing"
        );
    }
    let asks = "purpose_justification_required";
    assert_eq!(policy_with(Decision::Bypass, asks, json!(true)), (Decision::Bypass, 0));
    assert_eq!(policy_with(Decision::Allow, asks, json!(true)), (Decision::Allow, 2), "people are asked");
    let totp = json!({"allowed_authenticators": ["totp"]});
    assert_eq!(policy_with(Decision::Allow, "mfa_config", totp), (Decision::Deny, 2));
    assert_eq!(policy_with(Decision::Allow, "mfa_config", json!({"mfa_disabled": true})), (Decision::Allow, 2));
}

#[test]
fn a_policy_that_cannot_be_read_is_not_taken_for_a_link() {
    let unheard_of = json!({"id": PolicyId::random(), "name": "n", "decision": "allow", "precedence": 1,
        "include": [{"unheard_of": {}}]});
    assert!(serde_json::from_value::<AppPolicy>(unheard_of).is_err());
}

#[test]
fn other_types_of_application_decide_about_nothing() {
    let document = AppDocument { kind: "saas".into(), ..(&app()).into() };
    assert_eq!(document.app(Refresh::Edge, |_| None).unwrap(), None);
}

#[test]
fn a_launcher_and_bookmarks_cover_no_address_and_come_out_as_they_went_in() {
    for kind in [AppKind::AppLauncher, AppKind::Bookmark { link: "https://mail.test/inbox".into() }] {
        let launcher_design = match kind {
            AppKind::AppLauncher => LauncherDesign {
                app_launcher_logo_url: Some("https://a.test/logo.png".into()),
                bg_color: Some("#102a43".to_owned().try_into().unwrap()),
                header_bg_color: Some("#ffffff".to_owned().try_into().unwrap()),
                landing_page_design: Some(LandingPage { title: Some("Hello".into()), ..LandingPage::default() }),
                skip_app_launcher_login_page: true,
                footer_links: vec![FooterLink { name: "Help".into(), url: "https://a.test/help".into() }],
            },
            _ => LauncherDesign::default(),
        };
        let listed = App { kind, launcher_design, domains: Vec::new(), ..app() };
        let document = AppDocument::from(&listed);
        assert_eq!(document.app(Refresh::Edge, |_| None).unwrap(), Some(listed));
    }
}

#[test]
fn what_a_launcher_cannot_show_is_left_out_and_the_rest_stays() {
    let launcher = App { kind: AppKind::AppLauncher, domains: Vec::new(), ..app() };
    let mut document = AppDocument::from(&launcher);
    document.more = json!({ "app_launcher_logo_url": "http://a.test/x", "bg_color": "red", "header_bg_color": 7,
        "landing_page_design": { "title": " ", "image_url": "http://a.test/x" }, "skip_app_launcher_login_page": "yes",
        "footer_links": [
        { "name": "No", "url": "javascript:alert(1)" }, { "name": "Help", "url": "https://a.test/help" } ] })
    .as_object()
    .unwrap()
    .clone();
    let design = document.app(Refresh::Edge, |_| None).unwrap().unwrap().launcher_design;
    let help = FooterLink { name: "Help".into(), url: "https://a.test/help".into() };
    assert_eq!(design, LauncherDesign { footer_links: vec![help], ..LauncherDesign::default() });
}

#[test]
fn what_needs_nobody_to_sign_in_opens_no_list() {
    let mut launcher = App { kind: AppKind::AppLauncher, domains: Vec::new(), ..app() };
    launcher.policies[0].decision = Decision::Bypass;
    let read = AppDocument::from(&launcher).app(Refresh::Edge, |_| None).unwrap().unwrap();
    assert_eq!(read.policies, []);
}

#[test]
fn a_bookmark_whose_policy_is_not_there_is_shown_to_nobody() {
    let bookmark = App { kind: AppKind::Bookmark { link: "https://a.test".into() }, domains: Vec::new(), ..app() };
    let gone = AppPolicy::Link(PolicyLink { id: PolicyId::random(), precedence: 1 });
    let document = AppDocument { policies: vec![gone], ..(&bookmark).into() };
    assert_eq!(document.app(Refresh::Edge, |_| None).unwrap(), None);
}

#[test]
fn a_link_is_an_address_that_a_browser_reads_as_it_stands() {
    for (written, leads) in [
        ("mail.test", Some("https://mail.test")),
        ("http://mail.test:8080/a?b=c#d", Some("http://mail.test:8080/a?b=c#d")),
        ("javascript://mail.test/%0aalert(1)", None),
        ("javascript:alert(1)", None),
        ("https://a@mail.test/", None),
        ("https:///mail.test", None),
        ("mail.test/a b", None),
        ("mail.test\\@evil.test", None),
        ("mail.test/\"><script>", None),
        ("", None),
    ] {
        assert_eq!(link(written).as_deref(), leads, "{written}");
    }
}

#[test]
fn groups_routes_and_service_tokens_come_out_as_they_went_in() {
    let group = Group {
        id: GroupId::random(),
        name: "Staff".into(),
        include: rules(json!([{"everyone": {}}])),
        require: rules(json!([{"geo": {"country_code": "DE"}}])),
        exclude: vec![],
    };
    assert_eq!(Group::from(kept(&GroupDocument::from(&group))), group);
    let allowed = ["10.0.0.5:22", "[fd00::]/8:22", "db.internal:5432"].map(|text| text.parse().unwrap());
    let bastion = Service::Bastion(Arc::new(Destinations::new(allowed.into()).unwrap()));
    for service in ["http://10.0.0.1:3000", "https://[::1]:8443", "tcp://[::1]:22", "smb://files"]
        .map(|url| url.parse().unwrap())
        .into_iter()
        .chain([Service::Demo, bastion])
    {
        let route = Route { hostname: "*.test".parse().unwrap(), path: "/a".parse().unwrap(), service };
        assert_eq!(Route::try_from(kept(&RouteDocument::from(&route))).unwrap(), route);
        assert_eq!(RouteId::from(&route).to_string().parse(), Ok(RouteId::from(&route)));
    }
    for expires_at in [None, Some(Timestamp::from_secs(1_800_000_000))] {
        let token = ServiceToken {
            id: ServiceTokenId::random(),
            name: "robot".into(),
            client_id: ClientId::try_from(format!("{}.access", random_hex::<16>())).unwrap(),
            client_secret: Secret::random().digest(),
            enabled: false,
            previous: expires_at.map(|until| ReplacedSecret { client_secret: Secret::random().digest(), until }),
            expires_at,
        };
        let extension = kept(&ServiceTokenExtension::from(&token));
        assert_eq!(kept(&ServiceTokenDocument::from(&token)).token(&extension).unwrap(), token);
    }
}

#[test]
fn an_identity_provider_comes_out_as_it_went_in_and_its_secret_apart() {
    let [auth_url, token_url, certs_url] = ["a", "t", "c"].map(|path| format!("https://kc.test/{path}"));
    for endpoints in [
        OidcEndpoints::Discovered { issuer: "https://kc.test/".into() },
        OidcEndpoints::Explicit { issuer: None, auth_url, token_url, certs_url },
    ] {
        let provider = IdentityProvider {
            id: IdpId::random(),
            name: "Keycloak".into(),
            kind: IdpKind::Oidc(OidcProvider {
                client_id: "door".into(),
                client_secret: Secret::new("hunter2".into()),
                endpoints,
                scopes: vec!["openid".into()],
                claims: vec!["groups".into()],
                email_claim_name: Some("mail".into()),
                pkce_enabled: false,
                trust_unverified_email: true,
            }),
        };
        let (document, extension, secret) = IdentityProviderDocument::of(&provider, 3);
        let content = Content::new(&document, &extension, Some(secret.clone()));
        assert!(!content.document.contains("hunter2") && !content.extension.contains("hunter2"));
        assert_eq!(kept(&document).provider(kept(&extension), Some(secret)).unwrap(), Some(provider));
        assert!(kept(&document).provider(kept(&extension), None).is_err(), "without its secret it is of no use");
    }
}

#[test]
fn the_words_of_kinds_and_owners_are_read_as_they_are_written() {
    assert!(Kind::ALL.into_iter().all(|kind| Kind::from_text(kind.as_str()) == Some(kind)));
    assert!([Owner::File, Owner::Api].into_iter().all(|owner| Owner::from_text(owner.as_str()) == Some(owner)));
    assert_eq!(Kind::from_text("a kind of tomorrow"), None);
}
