//! The authentication log.

use doorward_model::access_request::{AccessRequest, Action, Detail};
use doorward_model::id::{AppId, IdpId, UserId};
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{AccessQuery, EmailFilter, Filter};

use crate::bench::{Bench, NOW};

crate::on_both_databases! {
    a_line_is_read_as_it_was_written
    lines_are_found_by_what_is_asked_about_them
    lines_come_in_order_and_in_pages
    old_lines_are_forgotten
}

crate::in_memory_too! {
    a_line_is_read_as_it_was_written
    lines_are_found_by_what_is_asked_about_them
    lines_come_in_order_and_in_pages
    old_lines_are_forgotten
}

fn line(second: i64, email: &str) -> AccessRequest {
    AccessRequest {
        at: Timestamp(NOW.0 + second * 1000),
        action: Action::Login,
        allowed: true,
        user_email: email.into(),
        user_id: Some(UserId::random()),
        ip_address: "2001:db8::7".parse().unwrap(),
        country: Some("DE".into()),
        app_uid: Some(AppId::random()),
        app_domain: "wiki.example.com/handbook".into(),
        connection: "oidc".into(),
        idp_id: Some(IdpId::random()),
        ray_id: format!("ray{second}"),
        non_identity: false,
        detail: Detail {
            policy: "Staff".into(),
            purpose_justification_response: Some("on call \"now\"".into()),
            temporary_access_approvers: vec!["root@corp.test".into()],
            ..Detail::default()
        },
    }
}

fn all() -> AccessQuery {
    AccessQuery { limit: 100, ..AccessQuery::default() }
}

async fn a_line_is_read_as_it_was_written(bench: Bench) {
    let store = bench.node().await;
    let whole = line(1, "alice@corp.test");
    let bare = AccessRequest {
        action: Action::Logout,
        allowed: false,
        user_id: None,
        country: None,
        app_uid: None,
        idp_id: None,
        non_identity: true,
        detail: Detail::default(),
        ..line(0, "")
    };
    for written in [&whole, &bare] {
        store.log_access(written).await.unwrap();
    }
    assert_eq!(store.access_requests(&all()).await.unwrap(), [whole, bare]);
}

async fn lines_are_found_by_what_is_asked_about_them(bench: Bench) {
    let store = bench.node().await;
    let (alice, bob) = (line(1, "alice@corp.test"), AccessRequest { allowed: false, ..line(2, "bob@corp.test") });
    let robot = AccessRequest { non_identity: true, ..line(3, "") };
    for written in [&alice, &bob, &robot] {
        store.log_access(written).await.unwrap();
    }
    let found = async |query: AccessQuery| {
        let lines = store.access_requests(&query).await.unwrap();
        lines.into_iter().map(|line| line.ray_id).collect::<Vec<_>>()
    };
    let email = |text: &str, exact, negated| AccessQuery {
        email: Some(EmailFilter { text: text.into(), exact, negated }),
        ..all()
    };
    assert_eq!(found(email("bob@corp.test", true, false)).await, ["ray2"]);
    assert_eq!(found(email("corp.test", true, false)).await, [""; 0], "a part is not the whole");
    assert_eq!(found(email("@corp.test", false, false)).await, ["ray2", "ray1"]);
    assert_eq!(found(email("b_b", false, false)).await, [""; 0], "no character stands for any");
    assert_eq!(found(email("@corp.test", false, true)).await, ["ray3"]);
    let app = |negated| AccessQuery {
        app_uid: alice.app_uid.map(|value| Filter { value, negated }),
        oldest_first: true,
        ..all()
    };
    assert_eq!(found(app(false)).await, ["ray1"]);
    assert_eq!(found(app(true)).await, ["ray2", "ray3"]);
    let user = alice.user_id.map(|value| Filter { value, negated: false });
    assert_eq!(found(AccessQuery { user_id: user, ..all() }).await, ["ray1"]);
    let idp = bob.idp_id.map(|value| Filter { value, negated: false });
    assert_eq!(found(AccessQuery { idp_id: idp, ..all() }).await, ["ray2"]);
    let country = |value: &str| Some(Filter { value: value.to_owned(), negated: false });
    assert_eq!(found(AccessQuery { country: country("FR"), ..all() }).await, [""; 0]);
    assert_eq!(found(AccessQuery { of_app: Some(false), ..all() }).await, [""; 0]);
    assert_eq!(found(AccessQuery { action: Some(Action::Logout), ..all() }).await, [""; 0]);
    assert_eq!(found(AccessQuery { allowed: Some(false), ..all() }).await, ["ray2"]);
    assert_eq!(found(AccessQuery { non_identity: Some(false), ..all() }).await, ["ray2", "ray1"]);
    assert_eq!(found(AccessQuery { ray_id: country("ray3"), ..all() }).await, ["ray3"]);
    assert_eq!(found(AccessQuery { since: Some(bob.at), until: Some(robot.at), ..all() }).await, ["ray2"]);
}

async fn lines_come_in_order_and_in_pages(bench: Bench) {
    let store = bench.node().await;
    for second in [2, 1, 3] {
        store.log_access(&line(second, "alice@corp.test")).await.unwrap();
    }
    let rays = async |query: AccessQuery| {
        let lines = store.access_requests(&query).await.unwrap();
        lines.into_iter().map(|line| line.ray_id).collect::<Vec<_>>()
    };
    assert_eq!(rays(all()).await, ["ray3", "ray2", "ray1"]);
    assert_eq!(rays(AccessQuery { oldest_first: true, limit: 2, ..all() }).await, ["ray1", "ray2"]);
    assert_eq!(rays(AccessQuery { oldest_first: true, limit: 2, offset: 2, ..all() }).await, ["ray3"]);
    assert_eq!(rays(AccessQuery { offset: 9, ..all() }).await, Vec::<String>::new());
}

async fn old_lines_are_forgotten(bench: Bench) {
    let store = bench.node().await;
    for second in [0, 60] {
        store.log_access(&line(second, "alice@corp.test")).await.unwrap();
    }
    assert_eq!(store.forget_access_requests(NOW.plus(Lifetime::from_secs(30))).await.unwrap(), 1);
    assert_eq!(store.access_requests(&all()).await.unwrap().len(), 1);
}
