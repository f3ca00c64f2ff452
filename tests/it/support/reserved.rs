//! A port that nobody listens on and nobody else is given.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// While this lives, a connection to the address is refused, unless somebody
/// listens there who was told to by number.
pub(crate) struct Reserved {
    _socket: TcpSocket,
    pub(crate) address: SocketAddr,
}

impl Reserved {
    pub(crate) fn port() -> Reserved {
        let socket = TcpSocket::new_v4().expect("a socket");
        // Bound and not listening: who binds this very port with the same option may listen.
        socket.set_reuseaddr(true).expect("an option of every socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
        let address = socket.local_addr().expect("bound");
        Reserved { _socket: socket, address }
    }

    /// An origin that is down.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}
