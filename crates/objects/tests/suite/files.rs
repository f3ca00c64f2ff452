//! What configuration files declare.

use doorward_model::document::{Content, Key, Kind, NoExtension, Object, Owner};
use doorward_objects::{Declared, ObjectsError};

use crate::bench::{Bench, NOW, app, app_key, file};

crate::on_both_databases! {
    what_a_file_declares_is_in_force_and_stays_after_a_restart
    what_is_declared_again_is_not_written_again
    what_a_file_no_longer_declares_is_gone
    what_the_api_made_survives_reloads_and_restarts
    a_file_that_wants_what_the_api_made_changes_nothing
    a_file_that_cannot_become_a_catalog_changes_nothing
    an_object_that_cannot_be_read_stops_the_start_unless_the_file_replaces_it
}

async fn what_a_file_declares_is_in_force_and_stays_after_a_restart(bench: Bench) {
    let node = bench.node(&["a.test", "b.test"]).await;
    assert_eq!(node.serves("b.test").as_deref(), Some("b.test"));
    assert!(node.objects.current().all().all(|object| object.owner == Owner::File));
    node.stop().await;
    assert_eq!(bench.node(&["a.test", "b.test"]).await.serves("a.test").as_deref(), Some("a.test"));
}

async fn what_is_declared_again_is_not_written_again(bench: Bench) {
    let node = bench.node(&["a.test", "b.test"]).await;
    let seq = node.store.objects_since(0).await.unwrap().seq;
    node.declare(&["a.test", "b.test"]).await;
    node.stop().await;
    let node = bench.node(&["a.test", "b.test"]).await;
    assert_eq!(node.store.objects_since(0).await.unwrap().seq, seq);
    node.declare(&["a.test", "b.test", "c.test"]).await;
    assert_eq!(node.store.objects_since(seq).await.unwrap().changes.len(), 1, "one was added, one is written");
}

async fn what_a_file_no_longer_declares_is_gone(bench: Bench) {
    let node = bench.node(&["a.test", "b.test"]).await;
    let generation = node.generation();
    node.declare(&["b.test"]).await;
    assert_eq!((node.serves("a.test"), node.serves("b.test").as_deref()), (None, Some("b.test")));
    assert!(node.generation() > generation, "what was decided before is decided again");
    node.stop().await;
    let node = bench.node(&[]).await;
    assert_eq!((node.serves("a.test"), node.serves("b.test")), (None, None));
}

async fn what_the_api_made_survives_reloads_and_restarts(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    node.put(app("made", "made.test", Owner::Api)).await;
    assert_eq!(node.serves("made.test").as_deref(), Some("made"), "in force when the call returns");
    node.declare(&[]).await;
    assert_eq!((node.serves("made.test").as_deref(), node.serves("a.test")), (Some("made"), None));
    node.stop().await;
    let node = bench.node(&["b.test"]).await;
    assert_eq!(node.serves("made.test").as_deref(), Some("made"));
    node.remove(&app_key("made")).await;
    assert_eq!(node.serves("made.test"), None);
}

async fn a_file_that_wants_what_the_api_made_changes_nothing(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    node.put(app("made", "made.test", Owner::Api)).await;
    let object = app("made", "elsewhere.test", Owner::File);
    let same_id = Declared { objects: vec![(object.key, object.content)], ..file(&[]) };
    for (wanted, what) in [(file(&["made.test"]), "made.test"), (same_id, "the id")] {
        let refusal = node.objects.declare(wanted, NOW).await.unwrap_err();
        let text = refusal.to_string();
        assert!(matches!(refusal, ObjectsError::Conflict(_)), "{text}");
        assert!(text.contains("doorward.toml") && text.contains(what) && text.contains("delete"), "{text}");
        assert_eq!(node.serves("a.test").as_deref(), Some("a.test"), "nothing of it is in force");
    }
    node.stop().await;
    let Err(refusal) = bench.start(file(&["made.test"])).await else { panic!("it started") };
    assert!(refusal.to_string().contains("made.test"), "{refusal}");
}

/// An application as only a newer version could have written it.
fn of_tomorrow(owner: Owner) -> Object {
    let object = app("tomorrow", "tomorrow.test", owner);
    let document = object.content.document.replace("\"policies\":[]", "\"policies\":\"see elsewhere\"");
    Object { content: Content { document: document.into(), ..object.content }, ..object }
}

async fn a_file_that_cannot_become_a_catalog_changes_nothing(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    let object = of_tomorrow(Owner::File);
    let refusal =
        node.objects.declare(Declared { objects: vec![(object.key, object.content)], ..file(&[]) }, NOW).await;
    assert!(matches!(refusal, Err(ObjectsError::Unreadable(_))), "{refusal:?}");
    assert_eq!(node.serves("a.test").as_deref(), Some("a.test"));
    assert_eq!(node.store.objects_since(1).await.unwrap().changes, [], "and nothing was written");
}

async fn an_object_that_cannot_be_read_stops_the_start_unless_the_file_replaces_it(bench: Bench) {
    let store = bench.store().await;
    let object = of_tomorrow(Owner::Api);
    let key = object.key.clone();
    store.change_objects(0, &[doorward_store::ObjectChange::Put(object)], &[], NOW).await.unwrap();
    store.close().await;
    let Err(refusal) = bench.start(file(&["a.test"])).await else { panic!("it started") };
    assert!(refusal.to_string().contains(&*key.id), "{refusal}");

    let store = bench.store().await;
    let object = of_tomorrow(Owner::File);
    store.change_objects(1, &[doorward_store::ObjectChange::Put(object)], &[], NOW).await.unwrap();
    store.close().await;
    assert_eq!(bench.node(&["tomorrow.test"]).await.serves("tomorrow.test").as_deref(), Some("tomorrow.test"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn providers_are_chosen_from_in_the_order_of_the_file() {
    let bench = Bench::sqlite();
    let provider = |name: &str, place: usize| {
        let json = serde_json::json!({ "id": doorward_model::id::IdpId::derived(&crate::bench::account(), name),
            "name": name, "type": "oidc", "config": {"client_id": "c"} });
        let extension = serde_json::json!({ "place": place, "issuer": "https://issuer.test" });
        let secret = doorward_model::secret::Secret::new("s".into());
        (Key::new(Kind::IdentityProvider, json["id"].as_str().unwrap()), Content::new(&json, &extension, Some(secret)))
    };
    let names = ["Zeta", "Alpha", "Mid"];
    let objects = names.iter().zip(0..).map(|(name, place)| provider(name, place)).collect();
    let node = bench.start(Declared { objects, ..file(&[]) }).await.unwrap();
    let made =
        serde_json::json!({ "id": doorward_model::id::IdpId::random(), "name": "Made", "type": "saml", "config": {} });
    let content = Content::new(&made, &NoExtension {}, None);
    let key = Key::new(Kind::IdentityProvider, made["id"].as_str().unwrap());
    node.put(Object { key, owner: Owner::Api, content, created_at: NOW, updated_at: NOW }).await;
    let catalog = node.objects.catalog().load();
    let found: Vec<&str> = catalog.idps().map(|idp| idp.name.as_str()).collect();
    assert_eq!(found, names, "and one of a type that cannot be used yet is not among them");
}
