//! Several nodes on one Postgres.

use doorward_model::document::Owner;

use crate::bench::{Bench, app, app_key, eventually, file};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_configures_is_in_force_on_the_other() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node(&["a.test"]).await, bench.node(&["a.test"]).await);
    let listening = there.listen();
    here.put(app("made", "made.test", Owner::Api)).await;
    eventually("the other node hears of it", || there.serves("made.test").is_some()).await;
    here.declare(&["b.test"]).await;
    eventually("and of another file", || there.serves("b.test").is_some()).await;
    assert_eq!(there.serves("a.test"), None, "what the file dropped is gone with it");
    here.remove(&app_key("made")).await;
    eventually("and of a removal", || there.serves("made.test").is_none()).await;
    listening.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_announcement_was_lost_is_found_all_the_same() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node(&[]).await, bench.node(&[]).await);
    // Nothing listens to announcements here: the poll has to find it.
    let following = tokio::spawn({
        let objects = there.objects.clone();
        async move { objects.follow().await }
    });
    here.put(app("made", "made.test", Owner::Api)).await;
    eventually("the poll finds it", || there.serves("made.test").is_some()).await;
    following.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_heard_nothing_for_long_catches_up_at_once() {
    let bench = Bench::postgres();
    let (here, there) = (bench.node(&["a.test"]).await, bench.node(&["a.test"]).await);
    here.put(app("made", "made.test", Owner::Api)).await;
    here.declare(&[]).await;
    // Even the traces of what was removed are gone by now.
    here.store.sweep(crate::bench::NOW.plus(doorward_model::time::Lifetime::from_days(2))).await.unwrap();
    let listening = there.listen();
    eventually("it sees what was made", || there.serves("made.test").is_some()).await;
    eventually("and that the rest is gone", || there.serves("a.test").is_none()).await;
    listening.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_files_the_last_one_put_in_force_counts_whole_on_both_nodes() {
    let bench = Bench::postgres();
    let old = bench.node(&["a.test", "old.test"]).await;
    let new = bench.node(&["a.test", "new.test"]).await;
    let listening = old.listen();
    eventually("the new file counts", || old.serves("new.test").is_some()).await;
    assert_eq!((old.serves("old.test"), old.serves("a.test").as_deref()), (None, Some("a.test")));
    assert!(!old.objects.is_own_file_in_force() && new.objects.is_own_file_in_force());

    old.declare(&["a.test", "old.test"]).await;
    assert!(old.objects.is_own_file_in_force());
    new.objects.hear().await.unwrap();
    assert!(!new.objects.is_own_file_in_force());
    assert_eq!((new.serves("old.test").as_deref(), new.serves("new.test")), (Some("old.test"), None));
    listening.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_together_with_one_file_write_it_once() {
    let bench = Bench::postgres();
    bench.store().await;
    let starts = [(); 4].map(|()| bench.start(file(&["a.test", "b.test"])));
    let [a, b, c, d] = starts;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    for node in [a, b, c, d] {
        let node = node.unwrap();
        assert_eq!(node.serves("b.test").as_deref(), Some("b.test"));
        assert_eq!(node.store.objects_since(0).await.unwrap().seq, 1);
    }
}
