//! Tests of policies on everybody known.

use doorward_model::time::{Lifetime, Timestamp};
use doorward_store::{Progress, Store, TestStatus, TestedUser};

use crate::bench::{Bench, NOW, email, session_of};

crate::on_both_databases! {
    a_test_is_asked_about_on_every_node
    only_so_many_tests_run_at_once_and_a_silent_one_is_over
    people_are_known_by_address_and_id_in_the_order_of_their_addresses
    old_tests_are_forgotten
}

crate::in_memory_too! {
    only_so_many_tests_run_at_once_and_a_silent_one_is_over
    people_are_known_by_address_and_id_in_the_order_of_their_addresses
    old_tests_are_forgotten
}

fn at(second: i64) -> Timestamp {
    NOW.plus(Lifetime::from_secs(second))
}

/// Somebody who was here, and what was seen of them.
async fn person(store: &Store, address: &str, now: Timestamp) -> TestedUser {
    let identity = session_of(address).identity;
    store.user(&identity.email, identity.user_uuid, now).await.unwrap();
    store.record_identity(&identity, now).await.unwrap();
    let name = identity.name.clone().unwrap();
    TestedUser { id: identity.user_uuid, email: identity.email, name, status: TestStatus::Approved }
}

async fn a_test_is_asked_about_on_every_node(bench: Bench) {
    let one = bench.node().await;
    let two = if bench.url.starts_with("sqlite") { one.clone() } else { bench.node().await };
    let alice = person(&one, "alice@corp.test", NOW).await;
    let bob = TestedUser { status: TestStatus::Blocked, ..person(&one, "bob@corp.test", NOW).await };
    assert!(one.begin_policy_test("t", &[], NOW).await.unwrap());
    assert!(one.keep_tested("t", &[bob.clone(), alice.clone()], at(1)).await.unwrap());
    let running = two.policy_test("t", at(2)).await.unwrap().unwrap();
    assert_eq!((running.progress, running.total_users), (Progress::Processing, 2));
    assert_eq!((running.approved, running.blocked, running.errors), (1, 1, 0));

    one.end_policy_test("t", Progress::Complete, at(3)).await.unwrap();
    assert_eq!(two.policy_test("t", at(900)).await.unwrap().unwrap().progress, Progress::Complete);
    assert!(!one.keep_tested("t", std::slice::from_ref(&alice), at(4)).await.unwrap(), "it is over");
    assert_eq!(two.tested_users("t", None, 0, 10).await.unwrap(), (2, vec![alice.clone(), bob.clone()]));
    assert_eq!(two.tested_users("t", None, 1, 10).await.unwrap(), (2, vec![bob.clone()]));
    assert_eq!(two.tested_users("t", Some(TestStatus::Blocked), 0, 10).await.unwrap(), (1, vec![bob]));
    assert_eq!(two.tested_users("other", None, 0, 10).await.unwrap(), (0, vec![]));
    assert_eq!(two.policy_test("other", NOW).await.unwrap(), None);
}

async fn only_so_many_tests_run_at_once_and_a_silent_one_is_over(bench: Bench) {
    let store = bench.node().await;
    for id in ["a", "b", "c", "d"] {
        assert!(store.begin_policy_test(id, &[], NOW).await.unwrap());
    }
    assert!(!store.begin_policy_test("e", &[], at(1)).await.unwrap());
    store.keep_tested("a", &[], at(30)).await.unwrap();
    assert_eq!(store.policy_test("b", at(60)).await.unwrap().unwrap().progress, Progress::ExceededTime);
    assert_eq!(store.policy_test("a", at(60)).await.unwrap().unwrap().progress, Progress::Processing);
    assert!(store.begin_policy_test("e", &[], at(60)).await.unwrap(), "three of them are dead");
}

async fn people_are_known_by_address_and_id_in_the_order_of_their_addresses(bench: Bench) {
    let store = bench.node().await;
    let bob = person(&store, "bob@corp.test", at(2)).await;
    let alice = person(&store, "alice@corp.test", at(5)).await;
    // Somebody an administrator spoke of, who was never here.
    let ghost = session_of("carol@corp.test").identity;
    store.user(&ghost.email, ghost.user_uuid, at(9)).await.unwrap();
    let names = async |after: &str, most| {
        let users = store.known_users(after, most).await.unwrap();
        users.into_iter().map(|user| (user.email.to_string(), user.identity.is_some())).collect::<Vec<_>>()
    };
    let all = [
        ("alice@corp.test".to_owned(), true),
        ("bob@corp.test".to_owned(), true),
        ("carol@corp.test".to_owned(), false),
    ];
    assert_eq!(names("", 10).await, all);
    assert_eq!(names("", 2).await, all[..2]);
    assert_eq!(names("alice@corp.test", 10).await, all[1..]);
    let found = async |who: &str| store.known_user(who).await.unwrap().map(|user| user.id);
    assert_eq!(found("Bob@corp.test").await, Some(bob.id));
    assert_eq!(found(&alice.id.to_string()).await, Some(alice.id));
    assert_eq!(found("dave@corp.test").await, None);
    assert_eq!(store.newest_user().await.unwrap().unwrap().email, email("alice@corp.test"), "of those who were here");
}

async fn old_tests_are_forgotten(bench: Bench) {
    let store = bench.node().await;
    let alice = person(&store, "alice@corp.test", NOW).await;
    for (id, when) in [("old", NOW), ("new", at(3600))] {
        store.begin_policy_test(id, &[], when).await.unwrap();
        store.keep_tested(id, std::slice::from_ref(&alice), when).await.unwrap();
    }
    store.sweep(at(24 * 3600)).await.unwrap();
    assert_eq!(store.policy_test("old", at(24 * 3600)).await.unwrap(), None);
    assert_eq!(store.tested_users("old", None, 0, 10).await.unwrap().0, 0);
    assert_eq!(store.tested_users("new", None, 0, 10).await.unwrap().0, 1);
    store.reset().await.unwrap();
    assert_eq!(store.policy_test("new", at(24 * 3600)).await.unwrap(), None, "a reset forgets the people");
    assert_eq!(store.tested_users("new", None, 0, 10).await.unwrap().0, 0);
}
