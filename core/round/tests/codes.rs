//! `docs/operations.md` explains every event: its table is made of [`Code::table`].
#![expect(clippy::disallowed_methods, reason = "the test compares a page with the code, and writes it on demand")]

use heijunka_round::Code;

const BEGIN: &str = "<!-- events: HEIJUNKA_BLESS=1 cargo test -p heijunka-round --test codes -->\n";
const END: &str = "<!-- end of events -->\n";

#[test]
fn the_page_explains_every_event_as_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/operations.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("docs/operations.md has a mark where the events begin");
    let (_, after) = rest.split_once(END).expect("docs/operations.md has a mark where the events end");
    let made = format!("{before}{BEGIN}{}{END}{after}", Code::table());
    if std::env::var("HEIJUNKA_BLESS").is_ok() {
        std::fs::write(path, &made).unwrap();
    } else {
        assert!(
            page == made,
            "docs/operations.md is stale: run HEIJUNKA_BLESS=1 cargo test -p heijunka-round --test codes"
        );
    }
}
