//! A socket that sends exactly the bytes it is given, for what no HTTP library would send.

use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::deadline::in_time;
use super::wire::{Head, Wire};

pub(crate) struct Raw {
    wire: Wire<TcpStream>,
}

/// A response as it came over the wire.
#[derive(Clone, Debug)]
pub(crate) struct RawReply {
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
    /// Whether the body came to its proper end.
    pub(crate) complete: bool,
}

impl RawReply {
    pub(crate) fn status(&self) -> u16 {
        self.head.status()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Raw {
        Raw { wire: Wire::new(TcpStream::connect(address).await.expect("the gateway accepts")) }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.wire.stream.write_all(bytes.as_ref()).await.expect("the gateway reads");
    }

    /// Sends as far as the gateway reads; it may have answered and closed.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says that nothing more will be sent, as a client does that closes its half.
    pub(crate) async fn finish(&mut self) {
        let _already_closed = self.wire.stream.shutdown().await;
    }

    /// The next response; `None` when the connection was closed instead.
    pub(crate) async fn reply(&mut self) -> Option<RawReply> {
        in_time("an answer", async {
            let head = self.wire.head().await?;
            let mut body = Vec::new();
            let complete = self.wire.response_body(&head, |part| body.extend_from_slice(part)).await.is_some();
            Some(RawReply { head, body, complete })
        })
        .await
    }

    /// Only the head of the next response.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        in_time("the head of an answer", self.wire.head()).await
    }

    /// The next part of a chunked body.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        in_time("the next part of the body", self.wire.chunk()).await
    }

    /// Reads `head`'s body, keeping only its length; whether it was complete too.
    pub(crate) async fn body_length(&mut self, head: &Head) -> (usize, bool) {
        let mut length = 0;
        let complete = in_time("the body", self.wire.response_body(head, |part| length += part.len())).await.is_some();
        (length, complete)
    }

    /// What still comes until the gateway closes.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        in_time("the end of the connection", self.wire.rest()).await
    }
}

/// One request on a connection of its own.
pub(crate) async fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Option<RawReply> {
    let mut raw = Raw::connect(address).await;
    raw.try_send(bytes).await;
    raw.reply().await
}
