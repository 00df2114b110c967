//! `[web]`: where the page is served, and to whom.

use heijunka_page::Listen;
use heijunka_settings::{Problem, secret_from_environment, secret_from_file};
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Port of the page unless another one is written.
const PORT_DEFAULT: u16 = 8765;

/// `[web]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Web {
    /// Address and port: 127.0.0.1 is this machine alone, 0.0.0.0:8765 all; or "off". `listen = "127.0.0.1:8765"`
    listen: String,
    /// File whose first line is the password, required if other machines may read the page; the environment variable
    /// HEIJUNKA_WEB_PASSWORD takes precedence; for example
    /// `password_file = "page.txt"`
    password_file: Option<PathBuf>,
    /// Whether the page may also pause, save, export and stop; false: it only shows. `control = true`
    control: bool,
}

impl Default for Web {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT_DEFAULT)).to_string();
        Self { listen, password_file: None, control: true }
    }
}

impl Web {
    /// `None` if the page is off. `resolve` turns a path of the settings into one to open.
    pub(super) fn check(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<Listen>, Problem> {
        if self.listen == "off" {
            return Ok(None);
        }
        let address: SocketAddr = self.listen.parse().map_err(|_| {
            let message = format!("\"{}\" is not an address with a port", self.listen);
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
            let message = format!("at {} every computer on the network could read the page", address.ip());
            let fix = format!("add password_file = \"…\", or write listen = \"127.0.0.1:{}\"", address.port());
            return Err(Problem::new("web.listen", message, fix));
        }
        Ok(Some(Listen { address, password, control: self.control }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_settings::Failure;

    const SAMPLE: &str = include_str!("../../aggregator.sample.toml");

    fn load(web: &str) -> Result<Option<Listen>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("page.txt"), "secret\n").unwrap();
        let path = folder.path().join("aggregator.toml");
        std::fs::write(&path, SAMPLE.replace("[web]\n", &format!("[web]\n{web}\n"))).unwrap();
        crate::config::load(&path).map(|valid| valid.web)
    }

    #[test]
    fn the_page_is_for_this_machine_unless_there_is_a_password() {
        let usual = load("").unwrap().unwrap();
        assert_eq!((usual.address.to_string().as_str(), usual.password.is_some()), ("127.0.0.1:8765", false));
        assert!(load("listen = \"off\"").unwrap().is_none());
        let open = load("listen = \"0.0.0.0:80\"\npassword_file = \"page.txt\"").unwrap().unwrap();
        assert_eq!(open.password.unwrap().reveal(), "secret");
        for (web, expected) in [
            ("listen = \"0.0.0.0:8765\"", "every computer on the network could read"),
            ("listen = \"[::]:8765\"", "password_file"),
            ("listen = \"8765\"", "127.0.0.1:8765"),
            ("password_file = \"absent.txt\"", "there is no file"),
        ] {
            let message = format!("{:?}", load(web).unwrap_err());
            assert!(message.contains(expected), "{web}: {message}");
        }
    }
}
