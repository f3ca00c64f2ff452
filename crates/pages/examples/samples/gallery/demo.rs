//! The demo application.

use doorward_model::time::{Lifetime, Timestamp};
use doorward_pages::{Actions, Caller, Demo, Page, Shown, Token};

use super::{AUD, HOSTILE, RAY, SIXTY_LETTERS};

pub(super) fn demo() -> Vec<(&'static str, String)> {
    let now = Timestamp::from_secs(1_791_208_931);
    let issued = now.minus(Lifetime::from_secs(5 * 3600 + 127));
    let jwt = format!(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6IjNmMmEifQ.{}.{}",
        "eyJlbWFpbCI6ImFsaWNlIn0".repeat(20),
        "c2lnbmF0dXJl".repeat(28)
    );
    let claims = [
        ("aud", format!("[\"{AUD}\"]")),
        ("email", "alice@example.com".into()),
        ("exp", issued.plus(Lifetime::from_hours(24)).secs().to_string()),
        ("iat", issued.secs().to_string()),
        ("nbf", issued.secs().to_string()),
        ("iss", "http://acme.localhost:8787".into()),
        ("type", "app".into()),
        ("identity_nonce", "6ei69kawdKzMIAPF".into()),
        ("sub", "7335d417-61da-459d-899c-0a01c76a2f94".into()),
        ("country", "PT".into()),
        ("custom", "{\"groups\":[\"admins\",\"staff\"]}".into()),
    ];
    let headers = [
        ("host", "demo.localhost:8787"),
        ("accept", "text/html,application/xhtml+xml"),
        ("cf-access-authenticated-user-email", "alice@example.com"),
        ("cf-access-jwt-assertion", &jwt),
        ("cf-connecting-ip", "127.0.0.1"),
        ("cf-ray", RAY),
        ("x-forwarded-proto", "http"),
    ];
    let page = Demo {
        app: "Demo",
        host: "demo.localhost:8787",
        admin: "http://127.0.0.1:8788",
        caller: Caller::Person {
            name: Some("Alice Adams"),
            email: "alice@example.com",
            provider: Some("Built-in people"),
            groups: vec!["admins", "staff"],
        },
        token: Some(Token {
            issued,
            expires: issued.plus(Lifetime::from_hours(24)),
            certs_url: "http://acme.localhost:8787/cdn-cgi/access/certs".into(),
            kid: AUD.into(),
            claims: claims.into_iter().map(|(name, value)| Shown::new(name, value)).collect(),
        }),
        now,
        headers: headers.into_iter().map(|(name, value)| Shown::new(name, value)).collect(),
        curl: Some(format!("curl http://demo.localhost:8787/ \\\n  -H 'cf-access-token: {jwt}'")),
        actions: Actions {
            sign_in: None,
            sign_out: Some("/cdn-cgi/access/logout".into()),
            become_other: Some("/demo/become".into()),
            expire_session: Some("/demo/expire".into()),
            rotate_keys: Some("/demo/rotate".into()),
        },
        done: None,
    };
    let nobody = Demo {
        caller: Caller::Nobody,
        token: None,
        curl: None,
        headers: page.headers.iter().filter(|row| !row.name.starts_with("cf-access")).cloned().collect(),
        actions: Actions { sign_in: Some("/cdn-cgi/access/login".into()), ..Actions::default() },
        ..page.clone()
    };
    vec![
        ("demo", page.html()),
        (
            "demo_after_a_click",
            Demo { done: Some("The keys are rotated. Reload: your token still verifies."), ..page.clone() }.html(),
        ),
        ("demo_nobody", nobody.html()),
        ("demo_service_token", service_token(&page).html()),
        ("demo_hostile", hostile(&page).html()),
    ]
}

fn service_token<'a>(page: &Demo<'a>) -> Demo<'a> {
    Demo {
        caller: Caller::Service { common_name: "e367826f93b8d71185e03fe518aff3b4.access" },
        token: page.token.clone().map(|token| Token { expires: page.now, ..token }),
        actions: Actions::default(),
        ..page.clone()
    }
}

fn hostile<'a>(page: &Demo<'a>) -> Demo<'a> {
    Demo {
        app: HOSTILE,
        host: HOSTILE,
        admin: HOSTILE,
        caller: Caller::Person {
            name: Some(SIXTY_LETTERS),
            email: HOSTILE,
            provider: Some(HOSTILE),
            groups: vec![HOSTILE, SIXTY_LETTERS],
        },
        token: page.token.clone().map(|token| Token {
            certs_url: HOSTILE.into(),
            kid: "é€𝄞".repeat(5),
            claims: vec![Shown::new(HOSTILE, HOSTILE), Shown::new("custom", "é€𝄞".repeat(100))],
            ..token
        }),
        headers: vec![Shown::new(SIXTY_LETTERS, HOSTILE.repeat(5))],
        curl: Some(HOSTILE.into()),
        done: Some(HOSTILE),
        ..page.clone()
    }
}
