//! The list of applications.

use doorward_model::colour::Colour;
use doorward_model::organization::LoginDesign;
use doorward_pages::{Action, Colours, Filter, Landing, Launcher, Page, Tile};

use super::{ARABIC, HEBREW, HOSTILE, LOGO, SIXTY_LETTERS};

pub(super) fn launcher() -> Vec<(&'static str, String)> {
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
    let many: Vec<Tile<'_>> = many.iter().map(|(name, href)| tile(name, href, &href[8..href.len() - 1], &[])).collect();
    let one = vec![tile("Wiki", "https://wiki.example.com/", "wiki.example.com", &[])];
    let right_to_left = [HEBREW.to_owned()];
    let hostile = [HOSTILE.to_owned()];
    vec![
        ("launcher_nothing", page.clone().html()),
        (
            "launcher_some",
            Launcher {
                tiles: some.clone(),
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
        (
            "launcher_right_to_left",
            Launcher {
                team: HEBREW,
                tiles: vec![tile(ARABIC, "https://hr.example.com/", "hr.example.com", &right_to_left)],
                links: vec![Action::new(HEBREW, "https://help.example.com/")],
                ..page.clone()
            }
            .html(),
        ),
        (
            "launcher_designed",
            Launcher {
                tiles: some.clone(),
                colours: navy(),
                header: colour("#ffcc00"),
                logo: Some(LOGO),
                ..page.clone()
            }
            .html(),
        ),
        ("launcher_one", Launcher { tiles: one, ..page.clone() }.html()),
        ("launcher_forty", Launcher { tiles: many[..40].to_vec(), ..page.clone() }.html()),
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

pub(super) fn landing() -> Vec<(&'static str, String)> {
    let landing = Landing {
        team: "Acme",
        title: "Welcome!",
        message: Some("Everything that you work with is behind this door. Sign in with your Acme account."),
        sign_in: "/cdn-cgi/access/login/acme.cloudflareaccess.com".into(),
        links: vec![Action::new("Help", "https://help.example.com/")],
        ..Landing::default()
    };
    vec![
        ("landing", landing.clone().html()),
        (
            "landing_designed",
            Landing {
                logo: Some(LOGO),
                header: colour("#ffffff"),
                colours: navy(),
                button: (colour("#c2552d"), colour("#ffffff")),
                image: Some(LOGO),
                ..landing.clone()
            }
            .html(),
        ),
        (
            "landing_hostile",
            Landing {
                team: HOSTILE,
                title: HOSTILE,
                message: Some(HOSTILE),
                logo: Some(HOSTILE),
                sign_in: HOSTILE.into(),
                links: vec![Action::new(HOSTILE, HOSTILE)],
                ..landing
            }
            .html(),
        ),
    ]
}

fn colour(text: &str) -> Option<Colour> {
    Some(text.to_owned().try_into().expect("a colour"))
}

fn navy() -> Option<Colours> {
    Colours::of(&LoginDesign { background_color: colour("#102a43"), ..LoginDesign::default() })
}
