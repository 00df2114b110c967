//! `[web]`: where the page is served, and to whom.

use heijunka_settings::{Problem, Secret, secret_from_environment, secret_from_file};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Port of the page unless another one is written.
const PORT_DEFAULT: u16 = 8765;

/// `[web]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Web {
    /// Address and port: 127.0.0.1 is this machine alone, 0.0.0.0:8765 all; or "off". `listen = "127.0.0.1:8765"`
    listen: String,
    /// File whose first line is the password, needed if other machines may read the page; the environment's
    /// HEIJUNKA_WEB_PASSWORD goes before it; for example
    /// `password_file = "page.txt"`
    password_file: Option<PathBuf>,
    /// Whether who can open the page may also pause, save, export and stop; false: it only shows. `control = true`
    control: bool,
}

impl Default for Web {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)).to_string();
        Self { listen, password_file: None, control: true }
    }
}

/// Where to serve the page.
#[derive(Clone, Debug)]
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    /// What a browser has to know; any user name goes with it.
    pub(crate) password: Option<Secret>,
    /// Whether it takes orders.
    pub(crate) control: bool,
}

impl Web {
    /// `None` if the page is off. `resolve` turns a path of the settings into one to open.
    pub(crate) fn check(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<Listen>, Problem> {
        if self.listen == "off" {
            return Ok(None);
        }
        let address: SocketAddr = self.listen.parse().map_err(|_| {
            let message = format!("\"{}\" is no address with a port", self.listen);
            let fix = format!("write for example listen = \"127.0.0.1:{PORT_DEFAULT}\", or listen = \"off\"");
            Problem::new("web.listen", message, fix)
        })?;
        let fix = "put the password alone on the file's first line";
        let read = |path: &PathBuf| secret_from_file(&resolve(path));
        let password = secret_from_environment("HEIJUNKA_WEB_PASSWORD").and_then(|secret| match secret {
            Some(secret) => Ok(Some(secret)),
            None => self.password_file.as_ref().map(read).transpose(),
        });
        let password = password.map_err(|why| Problem::new("web.password_file", why, fix))?;
        if password.is_none() && !address.ip().is_loopback() {
            let message = format!("at {} everybody on the network could read the page", address.ip());
            let fix = format!("add password_file = \"…\", or write listen = \"127.0.0.1:{}\"", address.port());
            return Err(Problem::new("web.listen", message, fix));
        }
        Ok(Some(Listen { address, password, control: self.control }))
    }
}
