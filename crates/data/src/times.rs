//! Times as plants write them.

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;

/// Milliseconds since 1970. Of a time without a zone those of the clock on the wall: only order and distance count.
pub(crate) type Millis = i64;

/// Formats that are detected from the cells, the likeliest first; `None`: ISO 8601 and RFC 3339.
const FORMATS: [Option<&str>; 10] = [
    None,
    Some("%d.%m.%Y %H:%M:%S%.f"),
    Some("%d.%m.%Y %H:%M"),
    Some("%d.%m.%Y"),
    Some("%Y/%m/%d %H:%M:%S%.f"),
    Some("%Y/%m/%d %H:%M"),
    Some("%d/%m/%Y %H:%M:%S%.f"),
    Some("%d/%m/%Y %H:%M"),
    Some("%m/%d/%Y %H:%M:%S%.f"),
    Some("%m/%d/%Y %H:%M"),
];

/// Longest text that is a time, in bytes.
const TEXT_BYTES_MAX: usize = 64;

/// How a column's times are written.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    /// As the settings say.
    Given(String),
    /// One of [`FORMATS`].
    Known(usize),
}

/// The formats that all of a column's cells so far can have.
#[derive(Clone, Debug)]
pub(crate) struct Formats(u16);

impl Default for Formats {
    fn default() -> Self {
        Self((1 << FORMATS.len()) - 1)
    }
}

impl Formats {
    /// Takes a cell; after one that is not a time no format is left.
    pub(crate) fn see(&mut self, text: &str) {
        let possible = (0..FORMATS.len()).filter(|place| self.has(*place));
        self.0 = possible.filter(|place| known(*place, text).is_some()).fold(0, |set, place| set | 1 << place);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0 == 0
    }

    fn has(&self, place: usize) -> bool {
        self.0 & 1 << place != 0
    }

    /// The likeliest one.
    pub(crate) fn best(&self) -> Option<Format> {
        (0..FORMATS.len()).find(|place| self.has(*place)).map(Format::Known)
    }

    /// Whether day and month could be confused.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.0.count_ones() > 1
    }
}

impl Format {
    /// The time that `text` is.
    pub(crate) fn parse(&self, text: &str) -> Option<Millis> {
        match self {
            Self::Given(format) => by_format(format, text),
            Self::Known(place) => known(*place, text),
        }
    }
}

fn known(place: usize, text: &str) -> Option<Millis> {
    let begins = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
    if !begins || !(8..=TEXT_BYTES_MAX).contains(&text.len()) {
        return None;
    }
    match FORMATS.get(place)? {
        Some(format) => by_format(format, text),
        None => iso(text),
    }
}

fn iso(text: &str) -> Option<Millis> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    // Without its hyphens a date could be any number.
    if !text.get(..5)?.ends_with('-') {
        return None;
    }
    if let Ok(time) = PARSER.parse_timestamp(text) {
        return Some(time.as_millisecond());
    }
    on_the_wall(PARSER.parse_datetime(text).ok()?)
}

fn by_format(format: &str, text: &str) -> Option<Millis> {
    let parsed = BrokenDownTime::parse(format, text).ok()?;
    if let Ok(time) = parsed.to_timestamp() {
        return Some(time.as_millisecond());
    }
    let date = parsed.to_date().ok()?;
    let time = if parsed.hour().is_some() { parsed.to_time().ok()? } else { jiff::civil::Time::midnight() };
    on_the_wall(DateTime::from_parts(date, time))
}

fn on_the_wall(time: DateTime) -> Option<Millis> {
    Some(TimeZone::UTC.to_timestamp(time).ok()?.as_millisecond())
}

/// Unix seconds or milliseconds: numbers from 1973 on in one or the other.
pub(crate) fn unix(number: f64) -> Option<Millis> {
    match number {
        1e11..=1e14 => Some(number as Millis),
        0.0..1e11 => Some((number * 1000.0) as Millis),
        _ => None,
    }
}

/// `2026-11-24 16:00:01`.
pub(crate) fn shown(time: Millis) -> String {
    let at = jiff::Timestamp::from_millisecond(time).map(|time| TimeZone::UTC.to_datetime(time));
    at.map_or_else(|_| time.to_string(), |at| at.to_string().replace('T', " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn best(cells: &[&str]) -> Option<Vec<Millis>> {
        let mut formats = Formats::default();
        cells.iter().for_each(|cell| formats.see(cell));
        let format = formats.best()?;
        cells.iter().map(|cell| format.parse(cell)).collect()
    }

    #[test]
    fn times_are_read_as_plants_write_them() {
        let at = 1_795_536_001_000;
        for text in
            ["2026-11-24T16:00:01Z", "2026-11-24T17:00:01+01:00", "2026-11-24 16:00:01", "2026-11-24 16:00:01.000"]
        {
            assert_eq!(best(&[text]), Some(vec![at]), "{text}");
        }
        assert_eq!(best(&["24.11.2026 16:00"]), Some(vec![at - 1000]));
        assert_eq!(best(&["24.11.2026 16:00:01", "24.11.2026 16:00:01.500"]), Some(vec![at, at + 500]));
        assert_eq!(best(&["2026/11/24 16:00:01"]), Some(vec![at]));
        assert_eq!(best(&["24.11.2026"]), best(&["2026-11-24"]));
        assert_eq!((unix(1_795_536_001.0), unix(1_795_536_001_000.0)), (Some(at), Some(at)));
        assert_eq!(shown(at), "2026-11-24 16:00:01");
    }

    #[test]
    fn days_and_months_are_distinguished_by_all_cells() {
        assert_eq!(
            best(&["11/01/2026 00:00", "11/24/2026 00:00"]).map(|times| times[1] - times[0]),
            Some(23 * 86_400_000)
        );
        assert_eq!(
            best(&["01/11/2026 00:00", "24/11/2026 00:00"]).map(|times| times[1] - times[0]),
            Some(23 * 86_400_000)
        );
        let mut formats = Formats::default();
        formats.see("01/11/2026 00:00");
        assert!(formats.is_ambiguous());
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in
            ["", "A300", "1.5", "20261124", "2026-13-01", "24.11.2026 25:00", "12:30:00", "10.0.0.1", "2026-11-24 note"]
        {
            assert_eq!(best(&[text]), None, "{text}");
        }
        assert_eq!(best(&["2026-11-24", "unknown"]), None);
    }

    #[test]
    fn a_format_can_be_given() {
        let format = Format::Given("%y%m%d-%H%M".into());
        assert_eq!(format.parse("261124-1600").map(shown).as_deref(), Some("2026-11-24 16:00:00"));
        assert_eq!(format.parse("2026-11-24"), None);
        assert_eq!(
            Format::Given("%d.%m.%Y %H:%M:%S %z".into()).parse("24.11.2026 17:00:01 +0100"),
            Some(1_795_536_001_000)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in "\\PC{0,40}", format in "[%a-zA-Z:. ]{0,12}") {
            let mut formats = Formats::default();
            formats.see(&text);
            let _ = Format::Given(format).parse(&text);
        }
    }
}
