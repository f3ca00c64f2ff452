//! Sockets: bound before anything else, because the team's URL may depend on
//! the port that was free, and because a taken port is the likeliest mistake.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;

/// Why a listener could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("{what} cannot listen on {address}: the port is in use; stop what uses it, or choose another port")]
    InUse { what: &'static str, address: SocketAddr },
    #[error("{what} cannot listen on {address}: {source}")]
    Other { what: &'static str, address: SocketAddr, source: io::Error },
}

/// A listening socket that does not block. Port 0 picks a free port.
pub(super) fn bind(what: &'static str, address: SocketAddr) -> Result<TcpListener, ListenError> {
    bound(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::InUse { what, address },
        _ => ListenError::Other { what, address, source },
    })
}

fn bound(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the process before it.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_one_clear_line() {
        let first = bind("the public listener", "127.0.0.1:0".parse().unwrap()).unwrap();
        let address = first.local_addr().unwrap();
        let error = bind("the admin listener", address).unwrap_err().to_string();
        assert!(error.contains(&address.to_string()) && error.contains("in use"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
