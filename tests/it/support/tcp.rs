//! An origin that speaks no HTTP: it says back what it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One connection as it went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// Whether its client said that nothing more comes.
    pub(crate) ended: bool,
}

/// Dropping it closes its port and every connection.
pub(crate) struct TcpOrigin {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    _tasks: JoinSet<()>,
}

impl TcpOrigin {
    /// Says back what it hears. At the end of a line that says so it closes its
    /// own direction (`end`), leaves (`leave`), or hears no more (`deaf`).
    pub(crate) async fn start() -> TcpOrigin {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, heard.clone()));
        TcpOrigin { address, heard, _tasks: tasks }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The value of a route's `service`.
    pub(crate) fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Its connections so far, in the order in which they came.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("not poisoned").clone()
    }
}

async fn accept(listener: TcpListener, heard: Arc<Mutex<Vec<Heard>>>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let place = {
            let mut heard = heard.lock().expect("not poisoned");
            heard.push(Heard::default());
            heard.len() - 1
        };
        connections.spawn(serve(stream, heard.clone(), place));
    }
}

async fn serve(stream: TcpStream, heard: Arc<Mutex<Vec<Heard>>>, place: usize) {
    let (mut from, to) = stream.into_split();
    let mut to = Some(to);
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut buffer).await {
        let part = &buffer[..length];
        {
            let mut heard = heard.lock().expect("not poisoned");
            heard[place].bytes.extend_from_slice(part);
            heard[place].ended = length == 0;
        }
        if length == 0 || part.ends_with(b"leave\n") {
            return;
        }
        if let Some(answers) = &mut to
            && answers.write_all(part).await.is_err()
        {
            return;
        }
        if part.ends_with(b"end\n") {
            drop(to.take());
        }
        if part.ends_with(b"deaf\n") {
            return std::future::pending().await;
        }
    }
}
