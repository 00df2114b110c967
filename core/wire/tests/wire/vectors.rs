//! Golden bytes: `docs/wire/vectors.json` holds a frame or document of every kind, its bytes and its fields. A change of the
//! bytes is a new protocol version. `WIRE_VECTORS=write cargo test -p heijunka-wire --test wire vectors` rewrites the file.

mod documents;
mod frames;

use heijunka_wire::document::Document;
use heijunka_wire::{Body, Head, Payload, decode, digest, encode, model_digest};
use serde_json::{Value, json};

const FILE: &str = include_str!("../../../../docs/wire/vectors.json");

#[expect(clippy::disallowed_methods, reason = "the command that rewrites the file")]
fn rewrite(text: &str) {
    std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/wire/vectors.json"), text).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A frame with the chunk of `object` that its part names.
fn frame(name: &str, head: Head, body: &Body, object: Payload<'_>) -> Value {
    let mut out = [0; 512];
    let bytes = encode(head, body, object, &mut out).unwrap();
    let frame = decode(bytes).unwrap();
    assert_eq!((frame.head, &frame.body), (head, body), "{name}");
    json!({
        "name": name,
        "hex": hex(bytes),
        "version": bytes[0],
        "kind": bytes[1],
        "start": head.start.to_string(),
        "run": head.run,
        "body": fields(body),
        "payload": hex(frame.payload),
    })
}

fn fields(body: &Body) -> Value {
    let fields = match body {
        Body::Join(body) => serde_json::to_value(body),
        Body::Spec(body) => serde_json::to_value(body),
        Body::Assign(body) => serde_json::to_value(body),
        Body::Round(body) => serde_json::to_value(body),
        Body::Gradient(body) => serde_json::to_value(body),
        Body::Survey(body) => serde_json::to_value(body),
        Body::Scores(body) => serde_json::to_value(body),
        Body::Extra(body) => serde_json::to_value(body),
    };
    fields.unwrap()
}

fn document<D: Document + PartialEq + std::fmt::Debug>(name: &str, document: &D) -> Value {
    let bytes = document.to_bytes();
    assert_eq!(D::from_bytes(&bytes).as_ref(), Ok(document), "{name}");
    json!({ "name": name, "hex": hex(&bytes), "digest": digest(&bytes), "fields": serde_json::to_value(document).unwrap() })
}

/// Digests of bytes, and of a model's numbers: longer than the blocks that they are read in, and not a multiple of them.
fn digests() -> Value {
    let parameters: Vec<f32> = (0..1000_u16).map(f32::from).collect();
    let bytes: Vec<u8> = parameters.iter().flat_map(|p| p.to_le_bytes()).collect();
    assert_eq!([model_digest(&parameters), model_digest(&[])], [digest(&bytes), digest(b"")]);
    assert_eq!(digest(b""), 0xef46_db37_51d8_e999, "as the specification of xxHash says");
    let of = |bytes: &[u8]| json!({ "hex": hex(bytes), "digest": digest(bytes) });
    json!([of(b""), of(b"heijunka"), of(&bytes[..16])])
}

/// One entry per line, so that a difference is easy to read.
fn text(sections: &[(&str, Vec<Value>)]) -> String {
    let lines = |entries: &[Value]| entries.iter().map(|entry| format!("    {entry}")).collect::<Vec<_>>().join(",\n");
    let section = |(name, entries): &(&str, Vec<Value>)| format!("  \"{name}\": [\n{}\n  ]", lines(entries));
    format!("{{\n{}\n}}\n", sections.iter().map(section).collect::<Vec<_>>().join(",\n"))
}

#[test]
fn the_file_holds_what_the_code_writes() {
    let digests = digests().as_array().unwrap().clone();
    let sections = [
        ("frames", frames::all()),
        ("jobs", documents::jobs()),
        ("surveys", documents::surveys()),
        ("scores", documents::scores()),
        ("digests", digests),
    ];
    let text = text(&sections);
    if std::env::var_os("WIRE_VECTORS").is_some_and(|value| value == "write") {
        return rewrite(&text);
    }
    for (line, (is, shall)) in FILE.lines().zip(text.lines()).enumerate() {
        assert_eq!(is, shall, "docs/wire/vectors.json:{}", line + 1);
    }
    assert_eq!(FILE, text);
}

#[test]
fn the_page_shows_a_frame_of_the_file() {
    let gradient = frames::all().into_iter().find(|frame| frame["name"] == "gradient, second chunk").unwrap();
    assert!(crate::PAGE.contains(gradient["hex"].as_str().unwrap()), "docs/wire.md shows as its example: {gradient}");
}
