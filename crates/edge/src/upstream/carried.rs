//! The bytes of a TCP connection in the messages of a WebSocket whose server we
//! are (RFC 6455). Its control frames are answered here and reach no origin.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::upstream::tunnel::{LAST_WORDS, close_code};
use crate::watch::flow::Flow;
use crate::watch::pace::Waiting;
use crate::watch::{Watch, Watched};

const BUFFER: usize = 16 * 1024;
/// The longest message a client may send: it is held until it is whole, and
/// those who carry a stream send as much as one read gave them.
const LONGEST_MESSAGE: usize = 1024 * 1024;
/// How often a client is asked whether it is still there, at least.
const PING: Duration = Duration::from_secs(30);

type ToClient<C> = SplitSink<WebSocketStream<C>, Message>;
type FromClient<C> = SplitStream<WebSocketStream<C>>;

/// Carries bytes both ways until the client has closed or is gone, or the end
/// is decided here. Gives the bytes that came from the client and went to it.
///
/// A client that answers is not idle, however long its origin is silent;
/// `idle` is the time after which one that does not is ended by the watch.
pub(crate) async fn carry<C>(
    client: C,
    origin: TcpStream,
    watch: &Watch,
    flow: &Watched<Flow>,
    idle: Duration,
) -> (u64, u64)
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let socket = WebSocketStream::from_raw_socket(client, Role::Server, Some(settings())).await;
    let (mut to_client, mut from_client) = socket.split();
    let (mut from_origin, mut to_origin) = origin.into_split();
    let moved = |bytes| {
        flow.pace.moved(bytes);
        flow.pace.waits_for(Waiting::Nobody, watch.now());
    };
    let (mut up, mut down) = (0, 0);
    let told = tokio::select! {
        end = take(&mut from_client, &mut to_origin, &mut up, moved) => end.err(),
        () = give(&mut from_origin, &mut to_client, &mut down, moved, PING.min(idle / 3)) => None,
        cut = flow.signal.heard() => Some(CloseCode::from(close_code(cut))),
    };
    let farewell = async {
        match told {
            // One that does not take it goes without.
            Some(code) => _ = to_client.send(close(code)).await,
            // What an origin still says is for nobody. Left unread it would reset the
            // connection, and with it what the client said last.
            None => _ = tokio::io::copy(&mut from_origin, &mut tokio::io::sink()).await,
        }
    };
    let _done = tokio::time::timeout(LAST_WORDS, farewell).await;
    (up, down)
}

fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        // Each part goes out as it comes: somebody types at the other end.
        .write_buffer_size(0)
        .max_message_size(Some(LONGEST_MESSAGE))
        .max_frame_size(Some(LONGEST_MESSAGE))
}

/// From the client to the origin, until the client closes.
async fn take<C>(
    from: &mut FromClient<C>,
    to: &mut OwnedWriteHalf,
    count: &mut u64,
    moved: impl Fn(usize),
) -> Result<(), CloseCode>
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut is_taken = true;
    while let Some(message) = from.next().await {
        let bytes = match message {
            Ok(Message::Binary(bytes)) => bytes,
            Ok(Message::Text(text)) => Bytes::from(text),
            // The rest of the closing follows; what is answered is answered by the stream itself.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_)) => Bytes::new(),
            Err(Error::Capacity(_)) => return Err(CloseCode::Size),
            Err(Error::Utf8(_)) => return Err(CloseCode::Invalid),
            // Many a program ends without a word.
            Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => break,
            Err(Error::Protocol(_)) => return Err(CloseCode::Protocol),
            // The connection broke.
            Err(_) => break,
        };
        // An origin that takes no more may not have said everything yet.
        is_taken = is_taken && to.write_all(&bytes).await.is_ok();
        *count += bytes.len() as u64;
        moved(bytes.len());
    }
    // It learns that nothing more comes; that it cannot be told means that it is gone.
    let _gone = to.shutdown().await;
    Ok(())
}

/// From the origin to the client, and the question whether it is still there.
/// Ends when the client takes nothing any more; after the origin's end the
/// client has the word, which a WebSocket cannot close in one direction alone.
async fn give<C>(
    from: &mut OwnedReadHalf,
    to: &mut ToClient<C>,
    count: &mut u64,
    moved: impl Fn(usize),
    every: Duration,
) where
    C: AsyncRead + AsyncWrite + Unpin,
{
    let mut buffer = BytesMut::with_capacity(BUFFER);
    let mut pings = tokio::time::interval(every);
    pings.reset();
    loop {
        let message = tokio::select! {
            read = from.read_buf(&mut buffer) => match read {
                Ok(0) => close(CloseCode::Normal),
                Ok(_) => Message::Binary(buffer.split().freeze()),
                Err(_) => close(CloseCode::Error),
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        let (is_last, length) = (message.is_close(), if message.is_binary() { message.len() } else { 0 });
        if to.send(message).await.is_err() {
            return;
        }
        if is_last {
            return std::future::pending().await;
        }
        *count += length as u64;
        if length > 0 {
            moved(length);
        }
        buffer.reserve(BUFFER);
    }
}

fn close(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code, reason: "".into() }))
}
