//! Reads keys, defaults and meanings from the structs that a program reads its settings file into.

use super::super::File;
use syn::{
    Attribute, Expr, Field, Fields, GenericArgument, Item, ItemEnum, ItemStruct, Lit, Meta, PathArguments, Type,
};

/// The keys of one program.
pub(super) struct Program {
    pub(super) folder: String,
    pub(super) title: String,
    pub(super) sections: Vec<Section>,
}

/// A section; the first one has no name.
pub(super) struct Section {
    pub(super) name: String,
    pub(super) meaning: String,
    pub(super) keys: Vec<Key>,
}

/// A key.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) meaning: String,
    /// `key = value`, as the sample has it.
    pub(super) line: String,
    pub(super) given: Given,
    /// What kind of value.
    pub(super) takes: String,
}

/// What the value of the sample's line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Required,
    Default,
    Example,
}

/// All structs and enums of a program, those of its `config` first.
struct Types {
    structs: Vec<(String, ItemStruct)>,
    enums: Vec<ItemEnum>,
}

/// Reads the program in `folder`. The error holds every finding.
pub(super) fn read(files: &[File], folder: &str, title: &str) -> Result<Program, Vec<String>> {
    let types = types(files, folder)?;
    let Some((path, file)) = types.structs.iter().find(|(_, item)| item.ident == "File") else {
        return Err(vec![format!("{folder}/src/config: has no struct File")]);
    };
    let mut findings = Vec::new();
    let mut sections = vec![Section { name: String::new(), meaning: String::new(), keys: Vec::new() }];
    for field in &file.fields {
        let inner = inner_of(&field.ty, "Option").unwrap_or(&field.ty);
        let section = types.structs.iter().find(|(_, item)| last_name(inner).is_some_and(|name| item.ident == name));
        match section {
            Some((path, item)) => match section_of(&types, field, path, item) {
                Ok(section) => sections.push(section),
                Err(found) => findings.extend(found),
            },
            None => match key_of(&types, path, field, false) {
                Ok(key) => sections[0].keys.push(key),
                Err(found) => findings.push(found),
            },
        }
    }
    if findings.is_empty() {
        Ok(Program { folder: folder.to_owned(), title: title.to_owned(), sections })
    } else {
        Err(findings)
    }
}

fn types(files: &[File], folder: &str) -> Result<Types, Vec<String>> {
    let folders = [format!("{folder}/src/config/"), format!("{folder}/src/"), "crates/settings/src/".to_owned()];
    let mut types = Types { structs: Vec::new(), enums: Vec::new() };
    for (rank, prefix) in folders.iter().enumerate() {
        let is_next = |file: &&File| {
            let seen = folders.iter().take(rank).any(|earlier| file.path.starts_with(earlier.as_str()));
            file.path.starts_with(prefix.as_str()) && file.path.ends_with(".rs") && !seen
        };
        for file in files.iter().filter(is_next) {
            let parsed = syn::parse_file(&file.text).map_err(|error| vec![format!("{}: {error}", file.path)])?;
            for item in parsed.items {
                match item {
                    Item::Struct(item) if derives(&item.attrs) => types.structs.push((file.path.clone(), item)),
                    Item::Enum(item) if derives(&item.attrs) => types.enums.push(item),
                    _ => {}
                }
            }
        }
    }
    Ok(types)
}

fn section_of(types: &Types, field: &Field, path: &str, item: &ItemStruct) -> Result<Section, Vec<String>> {
    let name = name_of(field);
    let meaning = doc(&field.attrs);
    let mut findings = Vec::new();
    if meaning.is_empty() {
        findings.push(format!("{path}: the section [{name}] needs a doc comment where File holds it"));
    }
    let has_defaults = serde(&item.attrs).iter().any(|(key, _)| key == "default");
    let mut keys = Vec::new();
    for field in &item.fields {
        match key_of(types, path, field, has_defaults) {
            Ok(key) => keys.push(key),
            Err(found) => findings.push(found),
        }
    }
    if findings.is_empty() { Ok(Section { name, meaning, keys }) } else { Err(findings) }
}

fn key_of(types: &Types, path: &str, field: &Field, has_defaults: bool) -> Result<Key, String> {
    let name = name_of(field);
    let wrong = || {
        format!(
            "{path}: the doc of `{name}` must say what it means and end in the sample's line: /// Longest wait. \
             `{name} = …`, or, if the value is not the default: …; for example `{name} = …`"
        )
    };
    let doc = doc(&field.attrs);
    let (meaning, line) = doc.strip_suffix('`').and_then(|doc| doc.rsplit_once('`')).ok_or_else(wrong)?;
    let (key, value) = line.split_once(" = ").ok_or_else(wrong)?;
    let table: Result<toml::Table, _> = toml::from_str(line);
    if key != name || value.is_empty() || meaning.trim().is_empty() || table.is_err() {
        return Err(wrong());
    }
    let meaning = meaning.trim();
    let (meaning, is_example) = match meaning.strip_suffix("for example") {
        Some(rest) => (rest.trim_end().trim_end_matches([';', ',', ':']), true),
        None => (meaning.trim_end_matches('.'), false),
    };
    let optional = has_defaults
        || inner_of(&field.ty, "Option").is_some()
        || serde(&field.attrs).iter().any(|(key, _)| key == "default");
    let given = match (optional, is_example) {
        (false, _) => Given::Required,
        (true, true) => Given::Example,
        (true, false) => Given::Default,
    };
    let takes = takes(types, &field.ty);
    Ok(Key { meaning: meaning.to_owned(), line: line.to_owned(), given, takes, name })
}

/// The key in the file.
fn name_of(field: &Field) -> String {
    let renamed = serde(&field.attrs).into_iter().find(|(key, _)| key == "rename").and_then(|(_, value)| value);
    renamed.unwrap_or_else(|| field.ident.as_ref().map_or_else(String::new, ToString::to_string))
}

/// The doc comment in one line.
fn doc(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter(|attr| attr.path().is_ident("doc")).filter_map(|attr| match &attr.meta {
        Meta::NameValue(pair) => text_of(&pair.value),
        _ => None,
    });
    lines.map(|line| line.trim().to_owned()).collect::<Vec<_>>().join(" ").trim().to_owned()
}

fn text_of(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The arguments of serde's attributes: `default`, `rename = "…"`, …
fn serde(attrs: &[Attribute]) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        // What cannot be read here does not compile either.
        let _ = attr.parse_nested_meta(|meta| {
            let value = match meta.value() {
                Ok(value) => text_of(&value.parse::<Expr>()?),
                Err(_) => None,
            };
            found.push((meta.path.get_ident().map_or_else(String::new, ToString::to_string), value));
            Ok(())
        });
    }
    found
}

fn derives(attrs: &[Attribute]) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident("derive")).any(|attr| {
        let mut found = false;
        let _ = attr.parse_nested_meta(|meta| {
            found |= meta.path.is_ident("Deserialize");
            Ok(())
        });
        found
    })
}

fn last_name(ty: &Type) -> Option<String> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| segment.ident.to_string())
}

/// `T` of `Option<T>`.
fn inner_of<'a>(ty: &'a Type, outer: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == outer)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    })
}

/// The kind of value that a type takes, in plain words; an enum's values.
fn takes(types: &Types, ty: &Type) -> String {
    if let Some(inner) = inner_of(ty, "Option") {
        return takes(types, inner);
    }
    if let Some(inner) = inner_of(ty, "Vec") {
        return format!("list: {}", takes(types, inner));
    }
    let name = last_name(ty).unwrap_or_default();
    let kind = match name.as_str() {
        "String" => "text",
        "PathBuf" => "path",
        "bool" => "true or false",
        "char" => "character",
        "u8" | "u16" | "u32" | "u64" | "usize" | "Samples" => "whole number",
        "f32" | "f64" => "number",
        "Span" => "duration",
        "Size" => "size",
        "Rate" => "rate",
        "BrokerUrl" => "address",
        "BTreeMap" => "table",
        _ => return types.enums.iter().find(|item| item.ident == name).map_or_else(|| "value".to_owned(), values),
    };
    kind.to_owned()
}

fn values(item: &ItemEnum) -> String {
    if item.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) {
        return "value".to_owned();
    }
    let arguments = serde(&item.attrs);
    let case = arguments.iter().find(|(key, _)| key == "rename_all").and_then(|(_, value)| value.as_deref());
    let value = |variant: &syn::Variant| {
        let renamed = serde(&variant.attrs).into_iter().find(|(key, _)| key == "rename").and_then(|(_, value)| value);
        renamed.unwrap_or_else(|| cased(&variant.ident.to_string(), case))
    };
    item.variants.iter().map(value).collect::<Vec<_>>().join(", ")
}

fn cased(name: &str, case: Option<&str>) -> String {
    let between = match case {
        Some("snake_case") => "_",
        Some("kebab-case") => "-",
        Some("lowercase") => "",
        _ => return name.to_owned(),
    };
    let mut text = String::new();
    for (place, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            text.push_str(between);
        }
        text.extend(letter.to_lowercase());
    }
    text
}
