//! The way from a gateway to Postgres, which can be cut, slow, silent, or lead
//! elsewhere from now on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What the way is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    /// Connections end, and so does every new one.
    Cut,
    /// Whatever the gateway says takes this long to arrive.
    Slow(Duration),
    /// Connections stay, and nothing passes.
    Silent,
}

/// The link. Dropping it ends every connection over it.
pub(crate) struct Link {
    address: SocketAddr,
    state: watch::Sender<(PathBuf, Way)>,
    _tasks: JoinSet<()>,
}

impl Link {
    /// Leads to the server with this socket.
    pub(crate) async fn to(socket: &Path) -> Link {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let state = watch::channel((socket.to_owned(), Way::Open)).0;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, state.subscribe()));
        Link { address, state, _tasks: tasks }
    }

    /// The URL of a database over this way.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}?sslmode=disable", self.address)
    }

    pub(crate) fn becomes(&self, way: Way) {
        self.state.send_modify(|(_, now)| *now = way);
    }

    /// Ends every connection; new ones lead to another server.
    pub(crate) fn moves_to(&self, socket: &Path) {
        self.state.send_modify(|(target, _)| socket.clone_into(target));
    }
}

async fn accept(listener: TcpListener, state: watch::Receiver<(PathBuf, Way)>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (target, way) = state.borrow().clone();
        if way != Way::Cut {
            connections.spawn(joined(client, target, state.clone()));
        }
    }
}

/// One connection, until either side ends it, the way is cut or leads elsewhere.
async fn joined(mut client: TcpStream, target: PathBuf, mut state: watch::Receiver<(PathBuf, Way)>) {
    let Ok(mut server) = UnixStream::connect(&target).await else { return };
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let (there, back) = (state.clone(), state.clone());
    tokio::select! {
        () = carry(from_client, to_server, there, true) => {}
        () = carry(from_server, to_client, back, false) => {}
        _ = state.wait_for(|(now, way)| *way == Way::Cut || *now != target) => {}
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<(PathBuf, Way)>,
    delayed: bool,
) {
    let mut part = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut part).await {
        let way = state.borrow().1;
        if let (Way::Slow(time), true) = (way, delayed) {
            tokio::time::sleep(time).await;
        }
        let passes = state.wait_for(|(_, way)| *way != Way::Silent).await.is_ok();
        if !passes || to.write_all(&part[..count]).await.is_err() {
            return;
        }
    }
}
