//! The names that only the real service has, on this machine: a certificate
//! authority of one's own, certificates for every emulated name, and the proxy
//! that leads clients here which cannot be told another address.

mod authority;
mod certificates;
mod proxy;

pub use authority::{Authority, AuthorityError};
pub use certificates::{Certificates, Emulates};
pub use proxy::{Proxy, Ways};

/// Where command line clients of Access fetch what a browser signed in to. They
/// know no other address; with `--fedramp` cloudflared knows the second.
pub const TRANSFER_HOSTS: [&str; 2] = ["login.cloudflareaccess.org", "login.fed.cloudflareaccess.org"];
