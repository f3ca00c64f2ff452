//! The listening sockets of a process.

use std::net::{SocketAddr, TcpListener};

use super::listen::{self, ListenError};
use crate::config::Config;

/// The listening sockets, and what they were given.
pub(super) struct Sockets {
    pub(super) public: TcpListener,
    pub(super) public_address: SocketAddr,
    pub(super) admin: TcpListener,
    pub(super) admin_address: SocketAddr,
    pub(super) proxy: Option<TcpListener>,
}

impl Sockets {
    pub(super) fn bind(config: &Config) -> Result<Self, ListenError> {
        let address = |what, socket: &TcpListener, asked| {
            socket.local_addr().map_err(|source| ListenError::Other { what, address: asked, source })
        };
        let (public_name, admin_name) = ("the public listener", "the admin listener");
        let public = listen::bind(public_name, config.listen.public)?;
        let admin = listen::bind(admin_name, config.listen.admin)?;
        Ok(Self {
            public_address: address(public_name, &public, config.listen.public)?,
            admin_address: address(admin_name, &admin, config.listen.admin)?,
            public,
            admin,
            proxy: config.listen.proxy.map(|address| listen::bind("the proxy", address)).transpose()?,
        })
    }
}
