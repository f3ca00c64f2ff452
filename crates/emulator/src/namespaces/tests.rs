use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use serde_json::json;

use super::*;

/// A namespace that does nothing, and has not been asked for anything for so long.
struct Still {
    account: AccountId,
    idle: Duration,
    ended: AtomicBool,
}

impl Namespace for Still {
    fn told(&self) -> Value {
        json!({ "account_id": self.account.as_str() })
    }

    fn control(&self) -> Router {
        Router::new()
    }

    fn api(&self) -> Router {
        Router::new()
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn idle(&self) -> Duration {
        self.idle
    }

    fn tend(&self) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }

    fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
}

/// Founds what its order names, unless that is `bad`.
struct Maker {
    idle: Duration,
    made: Mutex<Vec<Arc<Still>>>,
}

impl Founder for Maker {
    fn found(&self, order: Order) -> BoxFuture<'_, Result<Arc<dyn Namespace>, NotFounded>> {
        if order.name == "bad" {
            return std::future::ready(Err(NotFounded::Failed)).boxed();
        }
        let account = AccountId::derived(&order.name);
        let still = Arc::new(Still { account, idle: self.idle, ended: AtomicBool::new(false) });
        self.made.lock().unwrap().push(Arc::clone(&still));
        std::future::ready(Ok(still as Arc<dyn Namespace>)).boxed()
    }

    fn ready(&self) -> usize {
        0
    }
}

fn world(idle: Duration) -> (Arc<Namespaces>, Arc<Maker>) {
    let maker = Arc::new(Maker { idle, made: Mutex::default() });
    (Namespaces::new(Arc::clone(&maker) as Arc<dyn Founder>), maker)
}

async fn founded(namespaces: &Namespaces, name: &str, stays: Option<Duration>) -> bool {
    namespaces.found(Some(name.to_owned()), None, Start::Copy, stays).await.is_ok()
}

#[tokio::test]
async fn what_nobody_uses_goes_after_the_time_it_may_stay_and_what_may_stay_for_ever_stays() {
    let (namespaces, maker) = world(Duration::from_secs(3600));
    assert!(founded(&namespaces, "at-once", Some(Duration::ZERO)).await);
    assert!(founded(&namespaces, "later", Some(Duration::from_secs(60))).await);
    assert!(founded(&namespaces, "never", None).await);
    namespaces.tend().await;
    let there: Vec<bool> = ["at-once", "later", "never"].map(|name| namespaces.of(name).is_some()).into();
    assert_eq!(there, [false, true, true], "a call just now is a use as well");
    let ended: Vec<bool> = maker.made.lock().unwrap().iter().map(|still| still.ended.load(Ordering::SeqCst)).collect();
    assert_eq!(ended, [true, false, false]);
}

#[tokio::test]
async fn a_name_is_free_again_when_nothing_came_of_it() {
    let (namespaces, _) = world(Duration::ZERO);
    assert!(!founded(&namespaces, "bad", None).await);
    assert!(namespaces.of("bad").is_none() && !namespaces.remove("bad"));
    assert!(founded(&namespaces, "good", None).await);
    assert!(!founded(&namespaces, "good", None).await, "it is taken");
    assert!(namespaces.remove("good"));
    assert!(founded(&namespaces, "good", None).await);
}

#[tokio::test]
async fn there_is_a_bound_on_how_many_there_are() {
    let (namespaces, _) = world(Duration::ZERO);
    for _ in 0..MOST_NAMESPACES {
        assert!(namespaces.found(None, None, Start::Copy, None).await.is_ok());
    }
    assert!(matches!(namespaces.found(None, None, Start::Copy, None).await, Err(NoPlace::Full)));
    namespaces.end();
    assert!(founded(&namespaces, "t1", None).await);
}
