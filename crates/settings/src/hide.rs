//! Hides passwords in a file's text.

/// The text with stars in place of passwords, byte for byte as long: error messages end in logs.
pub(crate) fn without_secrets(text: &str) -> String {
    text.split_inclusive('\n').map(without_secret).collect()
}

fn without_secret(line: &str) -> String {
    let parts = line.split_once('=').and_then(|(key, value)| {
        let key_end = line.len() - value.len();
        let end = if is_password(key) { line.trim_end().len() } else { line.rfind('@')? };
        let start = line.find("://").filter(|scheme| *scheme < end).map_or(key_end, |scheme| scheme + 3);
        Some((line.get(..start)?, line.get(start..end)?.len(), line.get(end..)?))
    });
    parts.map_or_else(|| line.to_owned(), |(before, length, after)| format!("{before}{}{after}", "*".repeat(length)))
}

pub(crate) fn is_password(key: &str) -> bool {
    key.trim().ends_with("password")
}
