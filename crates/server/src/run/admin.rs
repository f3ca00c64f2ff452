//! The admin listener while it runs.

use std::net::SocketAddr;

use axum::Router;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A served admin listener. It ends when it is dropped.
pub(super) struct Admin {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Admin {
    pub(super) fn serve(listener: std::net::TcpListener, router: Router) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return tracing::error!(%error, "the admin listener cannot accept"),
            };
            let served = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
                .with_graceful_shutdown(async move {
                    // A sender that was dropped means the same as one that sent.
                    let _ended = stopped.await;
                });
            if let Err(error) = served.await {
                tracing::error!(%error, "the admin listener ended");
            }
        });
        Self { stop: Some(stop), task }
    }

    /// Ends it. Probes and scrapers are not waited for long: they come again.
    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        let limit = std::time::Duration::from_secs(1);
        let _ended = tokio::time::timeout(limit, &mut self.task).await;
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.task.abort();
    }
}
