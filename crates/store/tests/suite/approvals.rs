//! Requests to be let in for a while.

use doorward_model::approval::{Approval, ApprovalDecision, ApprovalState};
use doorward_model::id::{AppId, ApprovalId, PolicyId, UserId};
use doorward_model::session::Revoked;
use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::Store;

use crate::bench::{Bench, NOW, email, winners_of_16};

crate::on_both_databases! {
    a_request_is_read_as_it_was_made_with_what_was_said_to_it
    there_is_one_open_request_however_often_somebody_asks
    nobody_asks_more_than_ten_times_an_hour
    an_approver_says_one_thing_while_the_request_waits
    a_request_is_settled_once_and_used_once
    g_10_revoking_a_person_ends_open_requests_of_theirs_and_those_they_had_a_say_in
    old_requests_are_forgotten_with_what_was_said
}

crate::in_memory_too! {
    a_request_is_read_as_it_was_made_with_what_was_said_to_it
    there_is_one_open_request_however_often_somebody_asks
    nobody_asks_more_than_ten_times_an_hour
    an_approver_says_one_thing_while_the_request_waits
    a_request_is_settled_once_and_used_once
}

fn after(secs: i64) -> Timestamp {
    NOW.plus(Lifetime::from_secs(secs))
}

fn request() -> Approval {
    Approval {
        id: ApprovalId::random(),
        user: UserId::random(),
        email: email("alice@corp.test"),
        app: AppId::random(),
        policy: PolicyId::random(),
        prompt: "Why?".into(),
        response: "Because \"this\".\nAnd that.".into(),
        state: ApprovalState::Waiting,
        created_at: NOW,
        expires_at: after(100),
        approved_until: None,
    }
}

fn says(approver: &str, secs: Option<i64>, at: i64) -> ApprovalDecision {
    ApprovalDecision {
        approver: email(approver),
        approver_id: UserId::random(),
        allows: secs.map(Lifetime::from_secs),
        at: after(at),
    }
}

async fn state(store: &Store, id: ApprovalId) -> ApprovalState {
    store.approval(id).await.unwrap().unwrap().0.state
}

async fn a_request_is_read_as_it_was_made_with_what_was_said_to_it(bench: Bench) {
    let store = bench.node().await;
    let asked = request();
    assert!(store.ask_for_approval(&asked).await.unwrap());
    let (no, yes) = (says("root@corp.test", None, 1), says("eve@corp.test", Some(60), 2));
    for said in [&yes, &no] {
        assert!(store.decide_approval(asked.id, said).await.unwrap());
    }
    assert_eq!(store.approval(asked.id).await.unwrap(), Some((asked.clone(), vec![no, yes])));
    assert_eq!(store.last_approval(asked.user, asked.app, asked.policy).await.unwrap(), Some(asked.clone()));
    assert_eq!(store.last_approval(asked.user, AppId::random(), asked.policy).await.unwrap(), None);
    assert_eq!(store.approval(ApprovalId::random()).await.unwrap(), None);
}

async fn there_is_one_open_request_however_often_somebody_asks(bench: Bench) {
    let store = bench.node().await;
    let asked = request();
    let winners = winners_of_16(|_| {
        let (store, again) = (store.clone(), Approval { id: ApprovalId::random(), ..asked.clone() });
        async move { store.ask_for_approval(&again).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    let other = Approval { id: ApprovalId::random(), app: AppId::random(), ..asked.clone() };
    assert!(store.ask_for_approval(&other).await.unwrap(), "for another application it is another request");
    let later = Approval { id: ApprovalId::random(), created_at: after(100), expires_at: after(200), ..asked.clone() };
    assert!(store.ask_for_approval(&later).await.unwrap(), "the first one is over");
    assert!(store.settle_approval(later.id, Some(after(150))).await.unwrap());
    let again = Approval { id: ApprovalId::random(), created_at: after(149), ..later.clone() };
    assert!(!store.ask_for_approval(&again).await.unwrap(), "what is approved is to be used");
    let again = Approval { created_at: after(150), ..again };
    assert!(store.ask_for_approval(&again).await.unwrap());
}

async fn nobody_asks_more_than_ten_times_an_hour(bench: Bench) {
    let store = bench.node().await;
    let first = request();
    for number in 0..11 {
        let asked = Approval { id: ApprovalId::random(), app: AppId::random(), ..first.clone() };
        assert_eq!(store.ask_for_approval(&asked).await.unwrap(), number < 10, "request {number}");
    }
    let somebody = Approval { user: UserId::random(), ..request() };
    assert!(store.ask_for_approval(&somebody).await.unwrap(), "others may");
    let later = Approval { id: ApprovalId::random(), app: AppId::random(), created_at: after(3600), ..first };
    assert!(store.ask_for_approval(&later).await.unwrap());
}

async fn an_approver_says_one_thing_while_the_request_waits(bench: Bench) {
    let store = bench.node().await;
    let asked = request();
    store.ask_for_approval(&asked).await.unwrap();
    let winners = winners_of_16(|number| {
        let (store, id) = (store.clone(), asked.id);
        let said = says("root@corp.test", (number % 2 == 0).then_some(60), 1);
        async move { store.decide_approval(id, &said).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert!(!store.decide_approval(asked.id, &says("eve@corp.test", Some(60), 100)).await.unwrap(), "it is over");
    assert!(!store.decide_approval(ApprovalId::random(), &says("eve@corp.test", Some(60), 1)).await.unwrap());
    store.settle_approval(asked.id, None).await.unwrap();
    assert!(!store.decide_approval(asked.id, &says("eve@corp.test", Some(60), 1)).await.unwrap(), "it is decided");
}

async fn a_request_is_settled_once_and_used_once(bench: Bench) {
    let store = bench.node().await;
    let asked = request();
    store.ask_for_approval(&asked).await.unwrap();
    assert!(!store.use_approval(asked.id, after(1)).await.unwrap(), "nobody has approved it");
    assert!(store.settle_approval(asked.id, Some(after(50))).await.unwrap());
    assert!(!store.settle_approval(asked.id, None).await.unwrap(), "what is decided is decided");
    assert!(!store.use_approval(asked.id, after(50)).await.unwrap(), "its time is over");
    let winners = winners_of_16(|_| {
        let (store, id) = (store.clone(), asked.id);
        async move { store.use_approval(id, after(49)).await.unwrap() }
    });
    assert_eq!(winners.await, 1);
    assert_eq!(state(&store, asked.id).await, ApprovalState::Used);

    let denied = Approval { id: ApprovalId::random(), user: UserId::random(), ..request() };
    store.ask_for_approval(&denied).await.unwrap();
    assert!(store.settle_approval(denied.id, None).await.unwrap());
    assert!(!store.use_approval(denied.id, after(1)).await.unwrap());
    let ended = Approval { id: ApprovalId::random(), user: UserId::random(), ..request() };
    store.ask_for_approval(&ended).await.unwrap();
    store.settle_approval(ended.id, Some(after(50))).await.unwrap();
    store.end_approval(ended.id).await.unwrap();
    assert!(!store.use_approval(ended.id, after(1)).await.unwrap());
}

async fn g_10_revoking_a_person_ends_open_requests_of_theirs_and_those_they_had_a_say_in(bench: Bench) {
    let store = bench.node().await;
    let (theirs, approved, others) = (request(), request(), request());
    for asked in [&theirs, &approved, &others] {
        store.ask_for_approval(asked).await.unwrap();
    }
    let said = ApprovalDecision { approver_id: theirs.user, ..says("alice@corp.test", Some(60), 1) };
    store.decide_approval(approved.id, &said).await.unwrap();
    store.settle_approval(approved.id, Some(after(60))).await.unwrap();
    store.revoke(&Revoked::User(theirs.user), NOW).await.unwrap();
    for (asked, expected) in
        [(&theirs, ApprovalState::Ended), (&approved, ApprovalState::Ended), (&others, ApprovalState::Waiting)]
    {
        assert_eq!(state(&store, asked.id).await, expected);
    }
}

async fn old_requests_are_forgotten_with_what_was_said(bench: Bench) {
    let store = bench.node().await;
    let asked = request();
    store.ask_for_approval(&asked).await.unwrap();
    store.decide_approval(asked.id, &says("root@corp.test", None, 1)).await.unwrap();
    store.sweep(after(101)).await.unwrap();
    assert!(store.approval(asked.id).await.unwrap().is_some(), "they are kept for a while, to be looked at");
    store.sweep(after(100).plus(Lifetime::from_days(33))).await.unwrap();
    assert_eq!(store.approval(asked.id).await.unwrap(), None);
    assert_eq!(bench.column("SELECT approver_email FROM approval_decisions").await, Vec::<String>::new());
}
