//! From a file's bytes to characters.

use std::fmt;

/// The character encoding of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, as spreadsheets save "Unicode text".
    Utf16,
    /// A byte for each character, as older programs on Windows write: lines that are not valid UTF-8 are read so.
    Windows1252,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        })
    }
}

/// A file as text.
pub(crate) struct Decoded {
    pub(crate) text: String,
    pub(crate) encoding: Encoding,
    /// The first line that is not UTF-8, from 1.
    pub(crate) stranger: Option<u64>,
}

/// Bytes as text: UTF-16 (by its byte order mark, or by every other byte of the beginning being 0), or else line by line
/// UTF-8 or Windows-1252: what is appended to a file changes nothing above.
pub(crate) fn decode(mut bytes: Vec<u8>) -> Decoded {
    if let Some((mark_bytes, unit)) = wide(&bytes) {
        let units = bytes.get(mark_bytes..).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| unit(*pair));
        let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        return Decoded { text, encoding: Encoding::Utf16, stranger: None };
    }
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Decoded { text, encoding: Encoding::Utf8, stranger: None },
        Err(error) => line_by_line(error.as_bytes()),
    }
}

fn line_by_line(bytes: &[u8]) -> Decoded {
    let (mut text, mut stranger, mut has_wide) = (String::with_capacity(bytes.len()), None, false);
    for (line, bytes) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        match std::str::from_utf8(bytes) {
            Ok(line) => {
                has_wide |= !line.is_ascii();
                text.push_str(line);
            }
            // The last line of a file in UTF-8, cut within a character: it is being written.
            Err(error) if stranger.is_none() && is_cut(bytes, error, has_wide) => {}
            Err(_) => {
                stranger.get_or_insert(line);
                text.extend(bytes.iter().copied().map(windows_1252));
            }
        }
    }
    let encoding = if stranger.is_some() { Encoding::Windows1252 } else { Encoding::Utf8 };
    Decoded { text, encoding, stranger }
}

/// Whether only the last character is wrong, for want of bytes, and others show that the text is UTF-8.
fn is_cut(line: &[u8], error: std::str::Utf8Error, has_wide: bool) -> bool {
    let before = line.get(..error.valid_up_to()).unwrap_or_default();
    error.error_len().is_none() && (has_wide || !before.is_ascii())
}

/// How two bytes become a number of UTF-16.
type Unit = fn([u8; 2]) -> u16;

/// Length of the byte order mark, and how the bytes are read, if they are UTF-16.
pub(crate) fn wide(bytes: &[u8]) -> Option<(usize, Unit)> {
    match bytes {
        [0xff, 0xfe, ..] => Some((2, u16::from_le_bytes)),
        [0xfe, 0xff, ..] => Some((2, u16::from_be_bytes)),
        [a, 0, b, 0, ..] if *a > 0 && *b > 0 => Some((0, u16::from_le_bytes)),
        [0, a, 0, b, ..] if *a > 0 && *b > 0 => Some((0, u16::from_be_bytes)),
        _ => None,
    }
}

/// What Windows-1252 has in place of the control characters of Latin-1; five have no meaning and stay.
const ABOVE_ASCII: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’',
    '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    let special = byte.checked_sub(0x80).and_then(|place| ABOVE_ASCII.get(usize::from(place)));
    special.copied().unwrap_or(char::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, Encoding, Option<u64>) {
        let Decoded { text, encoding, stranger } = decode(bytes.to_vec());
        (text, encoding, stranger)
    }

    #[test]
    fn lines_that_are_not_utf8_are_windows_1252() {
        let windows = decoded(b"x\nGr\xf6\xdfe \xb0C \xb5m \x80 \x89\n");
        assert_eq!(windows, ("x\nGröße °C µm € ‰\n".to_owned(), Encoding::Windows1252, Some(2)));
        let mixed = decoded("Größe\n".bytes().chain(*b"Gr\xf6\xdfe\n").collect::<Vec<_>>().as_slice());
        assert_eq!(mixed, ("Größe\nGröße\n".to_owned(), Encoding::Windows1252, Some(2)));
    }

    #[test]
    fn a_character_that_is_being_written_changes_nothing_above() {
        let whole = "Größe\n1\nä".as_bytes();
        for end in 0..whole.len() {
            let (text, encoding, _) = decoded(&whole[..end]);
            // Within the first character that is not ASCII the encoding cannot be known.
            if end != 3 {
                assert!(encoding == Encoding::Utf8 && "Größe\n1\nä".starts_with(&text), "{end}: {text}");
            }
        }
        assert_eq!(decoded(b"x\n\xe4").0, "x\nä", "nothing says that it is UTF-8");
    }

    #[test]
    fn marks_are_taken_off_once() {
        let marks = "\u{feff}".repeat(100_000);
        assert_eq!(decoded(marks.as_bytes()).0.len(), marks.len() - 3);
        assert_eq!(decoded(b"\xff\xfea\0b\0\0").0, "ab", "half a character");
    }
}
