//! Changes as the API makes them.

use doorward_model::audit::Author;
use doorward_model::document::{Key, Kind, Owner};
use doorward_model::id::PolicyId;
use doorward_objects::ObjectsError;
use doorward_store::ObjectChange;

use crate::bench::{Bench, NOW, Node, app, app_key, app_with, link, policy};

crate::on_both_databases! {
    a_reusable_policy_counts_in_every_application_that_links_it
    a_plan_that_fails_changes_nothing
    plans_at_once_each_see_what_the_others_did
    a_reset_of_the_store_takes_out_of_force_what_the_api_made
}

fn policies(node: &Node, name: &str) -> Vec<String> {
    let catalog = node.objects.catalog().load();
    let app = catalog.app(app_key(name).id.parse().unwrap()).unwrap();
    app.policies.iter().map(|policy| serde_json::to_string(&policy.include).unwrap()).collect()
}

async fn a_reusable_policy_counts_in_every_application_that_links_it(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    let id = PolicyId::random();
    for name in ["one", "two"] {
        node.put(app_with(name, &format!("{name}.test"), Owner::Api, vec![link(id)])).await;
    }
    assert!(policies(&node, "one").is_empty(), "what links a policy that is not there lets nobody in");
    for domain in ["corp.test", "other.test"] {
        node.put(policy(id, domain)).await;
        for name in ["one", "two"] {
            assert_eq!(policies(&node, name).len(), 1);
            assert!(policies(&node, name)[0].contains(domain), "{name}");
        }
    }
    node.remove(&Key::new(Kind::Policy, id)).await;
    assert!(policies(&node, "one").is_empty() && policies(&node, "two").is_empty());
}

async fn a_plan_that_fails_changes_nothing(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    let refused =
        node.objects.change(&Author::command_line(), NOW, |_| Err::<(_, ()), _>(ObjectsError::Contended)).await;
    assert!(matches!(refused, Err(ObjectsError::Contended)));
    assert_eq!(node.store.objects_since(0).await.unwrap().seq, 1);
}

/// Each plan takes the next number that no object has.
async fn number(node: &Node) -> usize {
    let plan = |set: &doorward_objects::Set| {
        let number = set.of(Kind::App).count();
        let name = format!("n{number}");
        let object = app(&name, &format!("{name}.test"), Owner::Api);
        assert!(set.get(&object.key).is_none(), "the plan sees everything there is");
        Ok::<_, ObjectsError>((vec![ObjectChange::Put(object)], number))
    };
    node.objects.change(&Author::command_line(), NOW, plan).await.unwrap()
}

async fn plans_at_once_each_see_what_the_others_did(bench: Bench) {
    let node = bench.node(&[]).await;
    let numbers = [number(&node), number(&node), number(&node), number(&node)];
    let [a, b, c, d] = numbers;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let mut numbers = [a, b, c, d];
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3]);
}

async fn a_reset_of_the_store_takes_out_of_force_what_the_api_made(bench: Bench) {
    let node = bench.node(&["a.test"]).await;
    node.put(app("made", "made.test", Owner::Api)).await;
    node.store.reset().await.unwrap();
    node.objects.hear().await.unwrap();
    assert_eq!((node.serves("made.test"), node.serves("a.test").as_deref()), (None, Some("a.test")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_of_two_nodes_at_once_each_see_what_the_other_did() {
    let bench = Bench::postgres();
    let nodes = [bench.node(&[]).await, bench.node(&[]).await];
    let mut numbers = Vec::new();
    for _ in 0..5 {
        let (a, b) = tokio::join!(number(&nodes[0]), number(&nodes[1]));
        numbers.extend([a, b]);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}
