//! What stands behind the gateway in a test: an origin that keeps what reaches
//! it and answers as it is told.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// More than a test sends; what is longer is refused.
const LONGEST_BODY: usize = 16 * 1024 * 1024;

/// One request as the origin received it.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    /// Path and query.
    pub target: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The token that says who is asking.
    #[must_use]
    pub fn assertion(&self) -> Option<&str> {
        self.header("cf-access-jwt-assertion")
    }

    /// Who is asking, as the gateway says it beside the token.
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.header("cf-access-authenticated-user-email")
    }

    /// A header that is there once and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

struct Shared {
    received: Mutex<Vec<Received>>,
    answer: Mutex<(StatusCode, String)>,
}

/// A running origin. Dropping it closes its port.
pub struct Origin {
    url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl Origin {
    /// One that answers `200 ok`, on a free port.
    ///
    /// # Panics
    /// When this machine has no free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let answer = Mutex::new((StatusCode::OK, "ok".to_owned()));
        let shared = Arc::new(Shared { received: Mutex::default(), answer });
        let app = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move {
            // It ends with the task alone.
            let _ended = axum::serve(listener, app).await;
        });
        Self { url, shared, serving }
    }

    /// Its address, for [`Builder::app`](crate::Builder::app).
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on, answers so.
    pub fn answers(&self, status: StatusCode, body: &str) {
        *self.shared.answer.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.to_owned());
    }

    /// Everything that reached it, the oldest first.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The one request that reached it.
    ///
    /// # Panics
    /// When there was none, or more than one.
    #[must_use]
    pub fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "exactly one request reaches the origin: {received:#?}");
        received.remove(0)
    }

    /// Forgets what reached it.
    pub fn forget(&self) {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LONGEST_BODY).await else {
        return response(StatusCode::PAYLOAD_TOO_LARGE, "this origin is for smaller bodies");
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let received = Received { method: head.method, target, headers: head.headers, body };
    shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(received);
    let (status, body) = shared.answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    response(status, body)
}

fn response(status: StatusCode, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}
