//! The choice of a provider.

use doorward_model::organization::LoginDesign;
use doorward_pages::{Choice, Colours, Denied, Page, SignIn};

use super::{ARABIC, AUD, HEBREW, HOSTILE, LOGO, RAY, SIXTY_LETTERS};

pub(super) fn sign_in() -> Vec<(&'static str, String)> {
    let one = [("Keycloak", "oidc")];
    let two = [("Keycloak", "oidc"), ("One-time PIN", "onetimepin")];
    let nine = [
        ("Keycloak", "oidc"),
        ("Okta", "okta"),
        ("Google Workspace", "google-apps"),
        ("GitHub", "github"),
        ("Microsoft Entra ID", "azureAD"),
        ("One-time PIN", "onetimepin"),
        ("Partners", "saml"),
        ("学校", "oidc"),
        (SIXTY_LETTERS, "oidc"),
    ];
    let page = SignIn { team: "Acme", app: "Wiki", ..SignIn::default() };
    let denied = Denied {
        message: "That account does not have access",
        email: Some("mallory@example.com"),
        switch_href: Some("/cdn-cgi/access/login/wiki.example.com?prompt=select_account".into()),
        ray: RAY,
    };
    vec![
        ("sign_in_one_provider", SignIn { providers: choices(&one), ..page.clone() }.html()),
        (
            "sign_in_two_providers_and_a_logo",
            SignIn { providers: choices(&two), logo: Some(LOGO), ..page.clone() }.html(),
        ),
        (
            "sign_in_nine_providers",
            SignIn { providers: choices(&nine), app: SIXTY_LETTERS, team: SIXTY_LETTERS, ..page.clone() }.html(),
        ),
        (
            "sign_in_right_to_left",
            SignIn {
                providers: choices(&[(HEBREW, "oidc"), (ARABIC, "saml")]),
                app: ARABIC,
                team: HEBREW,
                ..page.clone()
            }
            .html(),
        ),
        ("sign_in_no_provider", page.clone().html()),
        ("sign_in_denied", SignIn { providers: choices(&two), denied: Some(denied), ..page.clone() }.html()),
        ("sign_in_emulator", SignIn { providers: choices(&two), emulator: true, ..page }.html()),
        (
            "sign_in_hostile",
            SignIn {
                team: HOSTILE,
                app: HOSTILE,
                logo: Some(HOSTILE),
                providers: vec![Choice { name: HOSTILE, kind: HOSTILE, href: HOSTILE.into() }; 2],
                denied: Some(Denied {
                    message: HOSTILE,
                    email: Some(HOSTILE),
                    switch_href: Some(HOSTILE.into()),
                    ray: HOSTILE,
                }),
                header: Some(HOSTILE),
                footer: Some(HOSTILE),
                colours: None,
                emulator: false,
            }
            .html(),
        ),
        ("sign_in_designed_dark", designed("#102a43", "#f0f4f8").html()),
        ("sign_in_designed_light", designed("#fff8e7", "#3b2f2f").html()),
        ("sign_in_designed_unreadable", designed("#ffcc00", "#ffee88").html()),
    ]
}

/// In an organisation's own colours.
pub(crate) fn designed(background: &str, text: &str) -> SignIn<'static> {
    let colour = |text: &str| Some(text.to_owned().try_into().expect("a colour"));
    let design =
        LoginDesign { background_color: colour(background), text_color: colour(text), ..LoginDesign::default() };
    SignIn {
        team: "Acme",
        app: "Wiki",
        logo: Some(LOGO),
        header: Some("Acme Engineering"),
        footer: Some("Trouble signing in? Call the service desk on extension 4000."),
        colours: Colours::of(&design),
        providers: choices(&[("Keycloak", "oidc"), ("One-time PIN", "onetimepin")]),
        denied: Some(Denied {
            message: "That account does not have access",
            email: Some("mallory@example.com"),
            switch_href: Some("/cdn-cgi/access/login/wiki.example.com?prompt=login".into()),
            ray: RAY,
        }),
        emulator: false,
    }
}

fn choices<'a>(providers: &[(&'a str, &'a str)]) -> Vec<Choice<'a>> {
    let href = |name: &str| format!("/cdn-cgi/access/login/wiki.example.com?kid={AUD}&idp={}", name.len());
    providers.iter().map(|&(name, kind)| Choice { name, kind, href: href(name) }).collect()
}
