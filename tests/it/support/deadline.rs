//! Waiting for what happens eventually. The one place where a test lets time
//! pass, and only between two looks at a condition.

use std::time::Duration;

use tokio::time::Instant;

/// Nothing a test waits for takes longer on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Looks again and again until there is an answer; fails the test with `what` when there is none in time.
pub(crate) async fn eventually<T>(what: &str, probe: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, probe).await
}

/// As [`eventually`], with a bound that is part of what is promised.
pub(crate) async fn within<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = probe().await {
            return answer;
        }
        assert!(Instant::now() < end, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Bounds a step that must end by itself.
pub(crate) async fn in_time<T>(what: &str, step: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, step).await {
        Ok(answer) => answer,
        Err(_) => panic!("not within {PATIENCE:?}: {what}"),
    }
}

/// The pause of a client whose slowness is what a test is about.
pub(crate) async fn pace(pause: Duration) {
    tokio::time::sleep(pause).await;
}
