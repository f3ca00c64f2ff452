//! What for, waiting for an approval, and giving one.

use doorward_model::time::Timestamp;
use doorward_pages::{Decide, Page, Waiting, WhatFor};

use super::{ARABIC, HEBREW, HOSTILE, SIXTY_LETTERS};

pub(super) fn questions() -> Vec<(&'static str, String)> {
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

pub(super) fn approvals() -> Vec<(&'static str, String)> {
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
            "decide_right_to_left",
            Decide { team: HEBREW, app: ARABIC, question: HEBREW, response: ARABIC, ..decide.clone() }.html(),
        ),
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
