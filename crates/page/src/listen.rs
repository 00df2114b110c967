//! Where the page is served, and to whom.

use heijunka_settings::Secret;
use std::net::SocketAddr;

/// Where to serve the page.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// What a browser has to know; any user name is accepted.
    pub password: Option<Secret>,
    /// Whether it takes orders.
    pub control: bool,
}
