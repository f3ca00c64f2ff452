//! Every bound of the public listener, in one place, each with a safe default.

use doorward_model::time::Lifetime;

/// How long and how much a client or an origin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accepting a connection to its first byte; with TLS, to the end of the handshake.
    pub first_byte_timeout: Lifetime,
    /// From the first byte of a request's head to its last, and how long a connection may idle between requests.
    pub header_read_timeout: Lifetime,
    /// Open client connections over all workers; more wait to be accepted.
    pub max_connections: usize,
    /// To connect to an origin, TLS handshake included.
    pub upstream_connect_timeout: Lifetime,
    /// From the end of the request to the head of the origin's answer.
    pub upstream_response_timeout: Lifetime,
    /// How long an idle connection to an origin is kept. Must stay below the
    /// origin's own keep-alive time (5 s in Node.js), else requests meet closed connections.
    pub upstream_idle_timeout: Lifetime,
    /// Idle connections kept for each application and origin, by each worker.
    pub upstream_idle_connections: usize,
    /// How long requests in flight may take to end when the process is asked to stop.
    pub drain: Lifetime,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte_timeout: Lifetime::from_secs(10),
            header_read_timeout: Lifetime::from_secs(30),
            max_connections: 10_000,
            upstream_connect_timeout: Lifetime::from_secs(5),
            upstream_response_timeout: Lifetime::from_secs(60),
            upstream_idle_timeout: Lifetime::from_secs(4),
            upstream_idle_connections: 128,
            drain: Lifetime::from_secs(30),
        }
    }
}
