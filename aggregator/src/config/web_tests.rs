//! `[web]` in a settings file.

use crate::config;
use heijunka_settings::Failure;

const SAMPLE: &str = include_str!("../../../aggregator.sample.toml");

fn load(web: &str) -> Result<Option<super::super::Listen>, Failure> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("page.txt"), "secret\n").unwrap();
    let path = folder.path().join("aggregator.toml");
    std::fs::write(&path, SAMPLE.replace("[web]\n", &format!("[web]\n{web}\n"))).unwrap();
    config::load(&path).map(|valid| valid.web)
}

#[test]
fn the_page_is_for_this_machine_unless_there_is_a_password() {
    let usual = load("").unwrap().unwrap();
    assert_eq!((usual.address.to_string().as_str(), usual.password.is_some()), ("127.0.0.1:8765", false));
    assert!(load("listen = \"off\"").unwrap().is_none());
    let open = load("listen = \"0.0.0.0:80\"\npassword_file = \"page.txt\"").unwrap().unwrap();
    assert_eq!(open.password.unwrap().reveal(), "secret");
    for (web, expected) in [
        ("listen = \"0.0.0.0:8765\"", "everybody on the network could read"),
        ("listen = \"[::]:8765\"", "password_file"),
        ("listen = \"8765\"", "127.0.0.1:8765"),
        ("password_file = \"absent.txt\"", "there is no file"),
    ] {
        let told = format!("{:?}", load(web).unwrap_err());
        assert!(told.contains(expected), "{web}: {told}");
    }
}
