//! The emulator's people.

use doorward_pages::{Field, Page, People, Person, Problem, Someone};

use super::{ARABIC, HEBREW, HOSTILE, SIXTY_LETTERS};

pub(super) fn people() -> Vec<(&'static str, String)> {
    let groups = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    let (admins, staff, many) =
        (groups(&["admins", "staff"]), groups(&["staff"]), groups(&["staff", SIXTY_LETTERS, HOSTILE]));
    let right_to_left = groups(&[HEBREW, "staff"]);
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
        (
            "people_right_to_left",
            People {
                app: ARABIC,
                people: vec![
                    Person { email: "yael@example.com", name: Some(HEBREW), groups: &right_to_left },
                    Person { email: "omar@example.com", name: Some(ARABIC), groups: &staff },
                ],
                ..page.clone()
            }
            .html(),
        ),
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
