//! Whose a certificate is: brokers that know clients by certificates take its common name for the user's.
//!
//! rustls keeps subjects to itself, and a crate that reads whole certificates brings some ten others along for one hint of
//! `check`: where this does not understand the bytes, the hint is left out.

/// Tag of a SEQUENCE, and of the version, which may be left out.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
/// OBJECT IDENTIFIER 2.5.4.3, commonName.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The first common name of a certificate's subject (RFC 5280, section 4.1).
pub(super) fn common_name(certificate: &[u8]) -> Option<String> {
    let (_, fields) = Values(certificate).next()?;
    let (_, fields) = Values(fields).next()?;
    // Version, serial number, algorithm, issuer, validity, subject.
    let (_, subject) = Values(fields).filter(|(tag, _)| *tag != VERSION).nth(4).filter(|(tag, _)| *tag == SEQUENCE)?;
    let pairs = Values(subject).flat_map(|(_, set)| Values(set));
    let name = pairs.map(|(_, pair)| Values(pair)).find_map(|mut pair| {
        let (_, kind) = pair.next()?;
        pair.next().filter(|_| kind == COMMON_NAME).map(|(_, text)| text)
    })?;
    std::str::from_utf8(name).ok().map(str::to_owned)
}

/// Values of DER side by side, each with its tag; ends where the bytes make no sense.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, length, rest) = match self.0 {
            [tag, length @ ..=0x7f, rest @ ..] => (tag, usize::from(*length), rest),
            [tag, 0x81, length, rest @ ..] => (tag, usize::from(*length), rest),
            [tag, 0x82, high, low, rest @ ..] => (tag, usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], value.as_slice()].concat()
    }

    fn name(common: &[u8]) -> Vec<u8> {
        let pair = |kind: &[u8], text: &[u8]| {
            sequence(0x31, &[&sequence(0x30, &[&sequence(6, &[kind]), &sequence(0x0c, &[text])])])
        };
        sequence(0x30, &[&pair(&[0x55, 4, 10], b"Plant"), &pair(COMMON_NAME, common)])
    }

    fn certificate(version: &[u8]) -> Vec<u8> {
        let fields = [version, &[2, 1, 7], &[0x30, 0], &name(b"CA"), &[0x30, 0], &name(b"press-07"), &[0x30, 0]];
        sequence(0x30, &[&sequence(0x30, &fields), &[0x30, 0]])
    }

    #[test]
    fn the_subject_is_named_and_not_the_issuer() {
        for version in [&[VERSION, 3, 2, 1, 2][..], &[]] {
            assert_eq!(common_name(&certificate(version)).as_deref(), Some("press-07"));
        }
    }

    #[test]
    fn what_is_cut_or_changed_is_safe() {
        let whole = certificate(&[]);
        for end in 0..whole.len() {
            assert_eq!(common_name(&whole[..end]), None, "{end}");
            let mut changed = whole.clone();
            changed[end] ^= 0xff;
            let _ = common_name(&changed);
        }
    }
}
