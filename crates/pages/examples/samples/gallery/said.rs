//! Refusals, and everything else that needs a sentence.

use doorward_pages::{Action, ERROR_TITLE, Forbidden, Notice, Page};

use super::{AUD, HOSTILE, RAY, SIXTY_LETTERS};

pub(super) fn refusals() -> Vec<(&'static str, String)> {
    let page = Forbidden { app: Some("Wiki"), aud: Some(AUD), ray: RAY, ..Forbidden::default() };
    let long = "Only people of the finance department may open the ledger, and only from the office. ".repeat(6);
    vec![
        ("forbidden", page.clone().html()),
        (
            "forbidden_signed_in",
            Forbidden {
                email: Some("bob@example.com"),
                sign_in_other: Some("/cdn-cgi/access/logout".into()),
                ..page.clone()
            }
            .html(),
        ),
        ("forbidden_without_app", Forbidden { ray: RAY, ..Forbidden::default() }.html()),
        ("forbidden_in_500_letters", Forbidden { message: Some(long.trim()), app: Some(SIXTY_LETTERS), ..page }.html()),
        (
            "forbidden_hostile",
            Forbidden {
                app: Some(HOSTILE),
                message: Some(HOSTILE),
                email: Some(HOSTILE),
                aud: Some(HOSTILE),
                ray: HOSTILE,
                sign_in_other: Some(HOSTILE.into()),
            }
            .html(),
        ),
    ]
}

pub(super) fn notices() -> Vec<(&'static str, String)> {
    vec![
        (
            "notice_signed_out",
            Notice {
                title: "Signed out ・ Cloudflare Access",
                heading: "You are signed out",
                text: "Your session with Acme and all its applications has ended. Applications that you still have open may take half a minute to notice.",
                action: Some(Action::new("Sign in again", "/")),
                ..Notice::default()
            }
            .html(),
        ),
        (
            "notice_invalid_login_session",
            Notice {
                title: ERROR_TITLE,
                heading: "Invalid login session",
                text: "This sign-in has already been used, or took too long. Nothing is wrong with your account.\n\nStart again from the application.",
                action: Some(Action::new("Open Wiki", "https://wiki.example.com/")),
                ray: Some(RAY),
                links: vec![Action::new("Sign in with another account", "/cdn-cgi/access/logout")],
                ..Notice::default()
            }
            .html(),
        ),
        (
            "notice_unknown_application",
            Notice {
                title: ERROR_TITLE,
                heading: "Unable to find your Access application!",
                text: "No application is set up for wiki.example.com. Check the address, or ask your administrator.",
                ray: Some(RAY),
                ..Notice::default()
            }
            .html(),
        ),
        (
            "notice_hostile",
            Notice {
                title: HOSTILE,
                heading: HOSTILE,
                text: HOSTILE,
                action: Some(Action::new(HOSTILE, HOSTILE)),
                ray: Some(HOSTILE),
                links: vec![Action::new(SIXTY_LETTERS, HOSTILE)],
                ..Notice::default()
            }
            .html(),
        ),
    ]
}
