//! People beside their sign-ins.

use doorward_model::email::Email;
use doorward_model::id::UserId;
use doorward_model::time::Lifetime;
use doorward_store::{PeopleQuery, Store};

use crate::bench::{Bench, NOW, session_of};

crate::on_both_databases! {
    whoever_signed_in_is_known_with_their_name_and_their_identity
    somebody_can_be_entered_before_they_sign_in_and_stays_the_same
    people_are_found_by_address_by_name_and_by_parts_of_either
    somebody_who_was_refused_is_seen_and_has_not_signed_in
    a_seat_is_taken_away_and_given_back
    who_is_removed_is_nobody
}

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn all() -> PeopleQuery {
    PeopleQuery { limit: 100, ..PeopleQuery::default() }
}

async fn emails(store: &Store, query: PeopleQuery) -> (Vec<String>, usize) {
    let (people, total) = store.people(&query).await.unwrap();
    (people.into_iter().map(|person| person.email.to_string()).collect(), total)
}

async fn whoever_signed_in_is_known_with_their_name_and_their_identity(bench: Bench) {
    let store = bench.node().await;
    let mut identity = session_of("alice@corp.test").identity;
    identity.name = Some("Alice".into());
    let id = store.user(&identity.email, identity.user_uuid, NOW).await.unwrap();
    assert_eq!(store.person(id).await.unwrap().unwrap().signed_in_at, None, "an address is no sign-in");
    store.record_identity(&identity, NOW).await.unwrap();
    let person = store.person(id).await.unwrap().unwrap();
    assert_eq!(
        (person.name.as_deref(), person.signed_in_at, &person.email),
        (Some("Alice"), Some(NOW), &identity.email)
    );
    assert_eq!(person.identity, Some(identity.clone()));
    identity.name = None;
    store.record_identity(&identity, NOW.plus(Lifetime::from_secs(1))).await.unwrap();
    let person = store.person(id).await.unwrap().unwrap();
    assert_eq!(person.name.as_deref(), Some("Alice"), "a provider that tells no name takes none away");
    assert_eq!(emails(&store, PeopleQuery { search: "alic".into(), ..all() }).await.1, 1);
    assert_eq!(store.person(UserId::random()).await.unwrap(), None);
}

async fn somebody_can_be_entered_before_they_sign_in_and_stays_the_same(bench: Bench) {
    let store = bench.node().await;
    let (id, bob) = (UserId::random(), email("bob@corp.test"));
    assert!(store.add_person(id, &bob, Some("Bob"), &[], NOW).await.unwrap());
    assert!(!store.add_person(UserId::random(), &bob, None, &[], NOW).await.unwrap(), "an address is one person");
    assert_eq!(store.user(&bob, UserId::random(), NOW).await.unwrap(), id);
    let person = store.person(id).await.unwrap().unwrap();
    assert_eq!((person.name.as_deref(), person.signed_in_at, person.identity.clone()), (Some("Bob"), None, None));
    assert!(store.rename_person(&person, "Robert", &[], NOW.plus(Lifetime::from_secs(9))).await.unwrap());
    let renamed = store.person(id).await.unwrap().unwrap();
    assert_eq!((renamed.name.as_deref(), renamed.updated_at), (Some("Robert"), NOW.plus(Lifetime::from_secs(9))));
}

async fn people_are_found_by_address_by_name_and_by_parts_of_either(bench: Bench) {
    let store = bench.node().await;
    for (second, (address, name)) in
        [("a@corp.test", "Ünal"), ("b@corp.test", "Bob_1"), ("c@x.test", "")].iter().enumerate()
    {
        let now = NOW.plus(Lifetime::from_secs(second as i64));
        let name = Some(*name).filter(|name| !name.is_empty());
        store.add_person(UserId::random(), &email(address), name, &[], now).await.unwrap();
    }
    let found = async |query: PeopleQuery| emails(&store, query).await.0;
    assert_eq!(found(all()).await, ["a@corp.test", "b@corp.test", "c@x.test"]);
    assert_eq!(found(PeopleQuery { email: "b@corp.test".into(), ..all() }).await, ["b@corp.test"]);
    assert_eq!(found(PeopleQuery { name: "Ünal".into(), ..all() }).await, ["a@corp.test"]);
    assert_eq!(found(PeopleQuery { search: "üNA".into(), ..all() }).await, ["a@corp.test"], "in any case");
    assert_eq!(found(PeopleQuery { search: "CORP".into(), ..all() }).await, ["a@corp.test", "b@corp.test"]);
    assert_eq!(found(PeopleQuery { search: "b_1".into(), ..all() }).await, ["b@corp.test"]);
    assert_eq!(found(PeopleQuery { search: "b%1".into(), ..all() }).await, [""; 0], "a sign is itself");
    let second = PeopleQuery { offset: 1, limit: 1, ..PeopleQuery::default() };
    assert_eq!(emails(&store, second).await, (vec!["b@corp.test".to_owned()], 3));
}

async fn somebody_who_was_refused_is_seen_and_has_not_signed_in(bench: Bench) {
    let store = bench.node().await;
    let mut identity = session_of("mallory@evil.test").identity;
    identity.name = Some("Mallory".into());
    let id = store.user(&identity.email, identity.user_uuid, NOW).await.unwrap();
    store.record_refused(&identity, NOW).await.unwrap();
    let person = store.person(id).await.unwrap().unwrap();
    assert_eq!((person.identity.as_ref(), person.name.as_deref()), (Some(&identity), Some("Mallory")));
    assert_eq!(person.signed_in_at, None);
    store.record_identity(&identity, NOW).await.unwrap();
    store.record_refused(&identity, NOW.plus(Lifetime::from_secs(9))).await.unwrap();
    assert_eq!(store.person(id).await.unwrap().unwrap().signed_in_at, Some(NOW), "an older sign-in stays");
}

async fn a_seat_is_taken_away_and_given_back(bench: Bench) {
    let store = bench.node().await;
    let id = UserId::random();
    store.add_person(id, &email("a@corp.test"), None, &[], NOW).await.unwrap();
    assert!(store.set_seats(&[(id, false)], &[], NOW).await.unwrap());
    assert_eq!(store.person(id).await.unwrap().unwrap().seat_removed_at, Some(NOW));
    assert!(store.set_seats(&[(id, true)], &[], NOW).await.unwrap());
    assert_eq!(store.person(id).await.unwrap().unwrap().seat_removed_at, None);
    assert!(!store.set_seats(&[(id, false), (UserId::random(), false)], &[], NOW).await.unwrap());
    assert_eq!(store.person(id).await.unwrap().unwrap().seat_removed_at, None, "all of them or none");
}

async fn who_is_removed_is_nobody(bench: Bench) {
    let store = bench.node().await;
    let id = UserId::random();
    store.add_person(id, &email("a@corp.test"), None, &[], NOW).await.unwrap();
    assert!(store.remove_person(id, &[], NOW).await.unwrap());
    assert!(!store.remove_person(id, &[], NOW).await.unwrap());
    assert_eq!(emails(&store, all()).await, (vec![], 0));
}
