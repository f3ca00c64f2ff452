//! Every bound of the public listener, in one place, each with a safe default.

use doorward_model::time::Lifetime;

/// How long and how much a client or an origin may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// From accepting a connection to its first byte; with TLS, to the end of the handshake.
    pub first_byte_timeout: Lifetime,
    /// From the first byte of a request's head to its last; on a new connection, from its beginning.
    pub header_read_timeout: Lifetime,
    /// How long a connection may idle between requests. Longer than that of a
    /// load balancer in front, else requests meet closed connections.
    pub client_idle_timeout: Lifetime,
    /// How long a client may send nothing of a body it announced, or take nothing of an answer.
    pub client_stall_timeout: Lifetime,
    /// Bytes for each second that a client must send or take on average, once
    /// it was waited for as long as the stall timeout; 0 asks for none.
    pub client_min_rate: u64,
    /// Open client connections over all workers; more wait to be accepted.
    pub max_connections: usize,
    /// Open connections of one client address (of IPv6, one /64); more are
    /// closed at once. 0 sets no bound; trusted proxies have none.
    pub max_connections_per_client: usize,
    /// Requests being served over all connections; more are answered 503.
    pub max_requests: usize,
    /// The same of one client address; 0 sets no bound, trusted proxies have none.
    pub max_requests_per_client: usize,
    /// Requests at once on one HTTP/2 connection.
    pub max_streams: usize,
    /// Bytes of a request's head; more are answered 431.
    pub max_header_size: usize,
    /// Bytes of a request's body; more are answered 413. 0 sets no bound: bodies stream through.
    pub max_body_size: u64,
    /// To connect to an origin, TLS handshake included.
    pub upstream_connect_timeout: Lifetime,
    /// From the end of the request to the head of the origin's answer.
    pub upstream_response_timeout: Lifetime,
    /// Between two parts of an origin's answer.
    pub upstream_body_timeout: Lifetime,
    /// How long neither side of a WebSocket may say anything.
    pub tunnel_idle_timeout: Lifetime,
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
            header_read_timeout: Lifetime::from_secs(10),
            client_idle_timeout: Lifetime::from_secs(75),
            client_stall_timeout: Lifetime::from_secs(30),
            client_min_rate: 256,
            max_connections: 10_000,
            max_connections_per_client: 1024,
            max_requests: 10_000,
            max_requests_per_client: 1024,
            max_streams: 100,
            max_header_size: 128 * 1024,
            max_body_size: 0,
            upstream_connect_timeout: Lifetime::from_secs(5),
            upstream_response_timeout: Lifetime::from_secs(60),
            upstream_body_timeout: Lifetime::from_secs(100),
            tunnel_idle_timeout: Lifetime::from_secs(600),
            upstream_idle_timeout: Lifetime::from_secs(4),
            upstream_idle_connections: 128,
            drain: Lifetime::from_secs(30),
        }
    }
}
