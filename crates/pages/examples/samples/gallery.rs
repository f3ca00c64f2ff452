//! Every page in its ordinary states and in its ugly ones.

use doorward_model::organization::LoginDesign;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_pages::{
    Action, Actions, Caller, Choice, Colours, Decide, Demo, Denied, ERROR_TITLE, Field, Filter, Forbidden, Launcher,
    Notice, Page, People, Person, Problem, Shown, SignIn, Someone, Tile, Token, Waiting, WhatFor,
};

const HOSTILE: &str = "<img src=x onerror=alert(1)>'\"</script></style>";
const SIXTY_LETTERS: &str = "Grundstuecksverkehrsgenehmigungszustaendigkeitsuebertragung";
const RAY: &str = "8f2b6c1d9e4a7035";
const AUD: &str = "4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2";
const LOGO: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='150' height='40'%3E%3Ccircle cx='20' cy='20' r='18' fill='%23c2552d'/%3E%3Crect x='50' y='12' width='96' height='16' rx='8' fill='%23888'/%3E%3C/svg%3E";

/// All of them, by name.
pub(crate) fn samples() -> Vec<(&'static str, String)> {
    [sign_in(), people(), refusals(), notices(), demo(), questions(), launcher(), approvals()]
        .into_iter()
        .flatten()
        .collect()
}

fn choices<'a>(providers: &[(&'a str, &'a str)]) -> Vec<Choice<'a>> {
    let href = |name: &str| format!("/cdn-cgi/access/login/wiki.example.com?kid={AUD}&idp={}", name.len());
    providers.iter().map(|&(name, kind)| Choice { name, kind, href: href(name) }).collect()
}

fn sign_in() -> Vec<(&'static str, String)> {
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

fn questions() -> Vec<(&'static str, String)> {
    let page = WhatFor {
        team: "Acme",
        app: "Payroll",
        question: "What do you need access for?",
        email: "alice@example.com",
        action: "/cdn-cgi/access/purpose",
        hidden: vec![("asking", "v1.c2VhbGVk".into())],
        longest: 1000,
        ..WhatFor::default()
    };
    let long = "Please name the ticket, the customer who asked for it, and the tables that you are going to look at. \
        Access without a ticket is reviewed by the data protection officer at the end of each week.";
    let error = Some("Please write what you need access for.");
    vec![
        ("what_for", page.clone().html()),
        ("what_for_approval", WhatFor { approval: true, question: long, ..page.clone() }.html()),
        ("what_for_nothing_written", WhatFor { error, typed: " ", emulator: true, ..page.clone() }.html()),
        (
            "what_for_hostile",
            WhatFor {
                team: HOSTILE,
                app: HOSTILE,
                logo: Some(HOSTILE),
                question: HOSTILE,
                email: HOSTILE,
                action: HOSTILE,
                hidden: vec![("asking", HOSTILE.into())],
                typed: HOSTILE,
                error: Some(HOSTILE),
                ..page
            }
            .html(),
        ),
    ]
}

fn approvals() -> Vec<(&'static str, String)> {
    let at = Timestamp::from_secs(1_791_208_931);
    let waiting = Waiting {
        team: "Acme",
        app: "Payroll",
        email: "alice@example.com",
        question: "Which ticket?",
        response: "OPS-7: the salaries of May were paid twice.\nI have to look at the run.",
        link: "https://acme.cloudflareaccess.com/cdn-cgi/access/approvals/5f1d7a84-96c1-4b9e-9a2b-6f5c1e1f0c11",
        mailed: true,
        ends: at,
        again: "/cdn-cgi/access/purpose?asking=v1.c2VhbGVk",
        again_after: 5,
        emulator: false,
    };
    let decide = Decide {
        team: "Acme",
        app: "Payroll",
        requester: "alice@example.com",
        question: "Which ticket?",
        response: waiting.response,
        asked: at,
        email: "root@example.com",
        action: "/cdn-cgi/access/approvals/5f1d7a84-96c1-4b9e-9a2b-6f5c1e1f0c11",
        hidden: vec![("deciding", "v1.c2VhbGVk".into())],
        durations: &[(15, "15 minutes"), (60, "1 hour"), (1440, "24 hours")],
        usual: &60,
        emulator: false,
    };
    vec![
        ("waiting", waiting.html()),
        ("waiting_without_mail", Waiting { mailed: false, emulator: true, ..waiting.clone() }.html()),
        (
            "waiting_hostile",
            Waiting {
                team: HOSTILE,
                app: HOSTILE,
                email: HOSTILE,
                question: HOSTILE,
                response: HOSTILE,
                link: HOSTILE,
                again: HOSTILE,
                ..waiting.clone()
            }
            .html(),
        ),
        ("decide", decide.html()),
        (
            "decide_long",
            Decide { app: SIXTY_LETTERS, requester: SIXTY_LETTERS, emulator: true, ..decide.clone() }.html(),
        ),
        (
            "decide_hostile",
            Decide {
                team: HOSTILE,
                app: HOSTILE,
                requester: HOSTILE,
                question: HOSTILE,
                response: HOSTILE,
                email: HOSTILE,
                action: HOSTILE,
                hidden: vec![("deciding", HOSTILE.into())],
                durations: &[(1, HOSTILE)],
                ..decide
            }
            .html(),
        ),
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

fn people() -> Vec<(&'static str, String)> {
    let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    let (admins, staff, many) =
        (groups(&["admins", "staff"]), groups(&["staff"]), groups(&["staff", SIXTY_LETTERS, HOSTILE]));
    let few = vec![
        Person { email: "alice@example.com", name: Some("Alice Adams"), groups: &admins },
        Person { email: "bob@example.com", name: Some("Bob Brown"), groups: &staff },
        Person { email: "carol@partner.test", name: Some("Carol Díaz"), groups: &[] },
        Person { email: "robot@example.com", name: None, groups: &[] },
    ];
    let crowd: Vec<(String, String)> =
        (1..=500).map(|n| (format!("person.{n}@example.com"), format!("Person Number {n}"))).collect();
    let page = People {
        app: "Wiki",
        action: "/cdn-cgi/doorward/idp/authorize",
        hidden: vec![("request", "eyJjbGllbnQiOiJhYmMifQ".to_owned())],
        ..People::default()
    };
    let typed =
        Someone { email: "dora@example.com", name: "Dora", groups: "staff, oncall", claims: "{\"department\": Sales}" };
    let wrong = |field, message| Some(Problem { field, message });
    vec![
        ("people_few", People { people: few.clone(), ..page.clone() }.html()),
        ("people_nobody", page.clone().html()),
        (
            "people_five_hundred",
            People {
                people: crowd.iter().map(|(email, name)| Person { email, name: Some(name), groups: &staff }).collect(),
                ..page.clone()
            }
            .html(),
        ),
        (
            "people_claims_are_not_json",
            People {
                people: few.clone(),
                someone: typed.clone(),
                error: wrong(Field::Claims, "This is not JSON: expected a value at line 1, column 16."),
                ..page.clone()
            }
            .html(),
        ),
        (
            "people_email_is_wrong",
            People {
                people: few.clone(),
                someone: Someone { email: "dora@", ..typed },
                error: wrong(Field::Email, "“dora@” is not an e-mail address."),
                ..page.clone()
            }
            .html(),
        ),
        (
            "people_hostile",
            People {
                app: HOSTILE,
                people: vec![
                    Person { email: HOSTILE, name: Some(HOSTILE), groups: &many },
                    Person { email: SIXTY_LETTERS, name: None, groups: &many },
                ],
                hidden: vec![(HOSTILE, HOSTILE.to_owned())],
                action: HOSTILE,
                error: wrong(Field::Form, HOSTILE),
                someone: Someone {
                    email: HOSTILE,
                    name: HOSTILE,
                    groups: HOSTILE,
                    claims: "</textarea><script>alert(1)</script>",
                },
            }
            .html(),
        ),
    ]
}

fn refusals() -> Vec<(&'static str, String)> {
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

fn notices() -> Vec<(&'static str, String)> {
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
            }
            .html(),
        ),
    ]
}

fn demo() -> Vec<(&'static str, String)> {
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

fn launcher() -> Vec<(&'static str, String)> {
    let (everyday, both) = (["everyday".to_owned()], ["everyday".to_owned(), "money".to_owned()]);
    let tile = |name, href, place, tags| Tile { name, href, place, logo: None, tags };
    let some = vec![
        Tile { logo: Some(LOGO), ..tile("Calendar", "https://cal.example.com/", "cal.example.com", &everyday[..]) },
        tile("Mail", "https://mail.example.com/inbox", "mail.example.com/inbox", &everyday[..]),
        tile(SIXTY_LETTERS, "https://pay.example.com/", "pay.example.com", &both[..]),
        tile("Wiki", "https://wiki.example.com/", "wiki.example.com", &[]),
    ];
    let filter = |name: &str, is_chosen| Filter { name: name.to_owned(), href: format!("/?tag={name}"), is_chosen };
    let page = Launcher {
        team: "Acme",
        email: "alice@example.com",
        sign_out: "/cdn-cgi/access/logout".into(),
        ..Launcher::default()
    };
    let many: Vec<(String, String)> =
        (1..=300).map(|n| (format!("Application {n}"), format!("https://app{n}.example.com/"))).collect();
    let many = many.iter().map(|(name, href)| tile(name, href, &href[8..href.len() - 1], &[])).collect();
    let hostile = [HOSTILE.to_owned()];
    vec![
        ("launcher_nothing", page.clone().html()),
        (
            "launcher_some",
            Launcher {
                tiles: some,
                filters: vec![filter("All", true), filter("everyday", false), filter("money", false)],
                links: vec![
                    Action::new("Help", "https://help.example.com/"),
                    Action::new("Status", "https://status.example.com/"),
                ],
                emulator: true,
                ..page.clone()
            }
            .html(),
        ),
        ("launcher_three_hundred", Launcher { tiles: many, ..page.clone() }.html()),
        (
            "launcher_hostile",
            Launcher {
                team: HOSTILE,
                logo: Some(HOSTILE),
                email: HOSTILE,
                tiles: vec![Tile { name: HOSTILE, href: HOSTILE, place: HOSTILE, logo: None, tags: &hostile }],
                filters: vec![Filter { name: HOSTILE.into(), href: HOSTILE.into(), is_chosen: true }],
                links: vec![Action::new(HOSTILE, HOSTILE)],
                ..page
            }
            .html(),
        ),
    ]
}
