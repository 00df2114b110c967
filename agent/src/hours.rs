//! `train_only`: the hours in which this machine trains, in its own time zone.
//!
//! A span belongs to the day on which it begins, and may end on the next one. Whether an instant is within depends on what
//! a clock on the wall shows then: in the night in which clocks are put forward a span from 22:00 to 06:00 has seven hours,
//! in the other one nine.

use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

const DAY_S: i32 = 24 * 3600;
/// Hours are the same every week: whatever happens next happens within so many days.
const DAYS_AHEAD: i64 = 8;
/// Spans that are taken at most.
const SPANS_MAX: usize = 32;
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const FIX: &str = "write for example train_only = \"Mon-Fri 22:00-06:00, Sat, Sun\"";

/// A stretch of some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    /// Monday first.
    days: [bool; 7],
    /// Seconds of the day; the end is on the next day if it is not after the beginning.
    from_s: i32,
    to_s: i32,
}

/// The hours of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hours(Vec<Span>);

impl Hours {
    /// Reads `Mon-Fri 22:00-06:00, Sat, Sun`: days or a range of them (every day if left out), then the time from and to
    /// (the whole day if left out), as often as needed. The error is what is wrong, and what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, String)> {
        let wrong = |what: String| (what, FIX.to_owned());
        let spans: Vec<Span> =
            text.split(',').map(|part| span(part.trim())).collect::<Result<_, _>>().map_err(wrong)?;
        if spans.len() > SPANS_MAX {
            return Err(wrong(format!("more than {SPANS_MAX} spans")));
        }
        Ok(Self(spans))
    }

    /// Whether a clock on the wall that shows this is within.
    fn holds(&self, shown: DateTime) -> bool {
        let day = shown.date().weekday().to_monday_zero_offset() as usize;
        let at_s = seconds(shown.time());
        let on = |span: &Span, day: usize| span.days.get(day % 7).copied().unwrap_or(false);
        self.0.iter().any(|span| {
            let ends_next_day = span.to_s <= span.from_s;
            let today = at_s >= span.from_s && (ends_next_day || at_s < span.to_s);
            (on(span, day) && today) || (on(span, day + 6) && ends_next_day && at_s < span.to_s)
        })
    }

    /// Whether `now` is within, in `zone`.
    pub(crate) fn are_on(&self, zone: &TimeZone, now: Timestamp) -> bool {
        self.holds(zone.to_datetime(now))
    }

    /// When the hours begin (`on`) or end, after `now`; `None` if they never do.
    pub(crate) fn next(&self, zone: &TimeZone, now: Timestamp, on: bool) -> Option<Timestamp> {
        let today = zone.to_datetime(now).date();
        let mut edges: Vec<Timestamp> = Vec::new();
        for day in 0..=DAYS_AHEAD {
            let Ok(date) = today.checked_add(jiff::SignedDuration::from_hours(24 * day)) else { continue };
            for at_s in self.0.iter().flat_map(|span| [span.from_s, span.to_s % DAY_S]) {
                let Some(time) = time(at_s) else { continue };
                // A time that the clock skips or shows twice has two readings.
                let read = |which: fn(jiff::tz::AmbiguousTimestamp) -> Result<Timestamp, jiff::Error>| {
                    which(zone.to_ambiguous_timestamp(date.to_datetime(time))).ok()
                };
                edges.extend(read(jiff::tz::AmbiguousTimestamp::earlier));
                edges.extend(read(jiff::tz::AmbiguousTimestamp::later));
            }
        }
        // Where the clock is put forward or back, it may jump into the hours or out of them.
        let last = edges.iter().max().copied()?;
        edges.extend(zone.following(now).map(|change| change.timestamp()).take_while(|at| *at < last).take(4));
        edges.sort_unstable();
        edges.into_iter().find(|at| *at > now && self.are_on(zone, *at) == on)
    }
}

/// What a clock on the wall shows then: `Mon 22:00`.
pub(crate) fn shown(zone: &TimeZone, at: Timestamp) -> String {
    zone.to_datetime(at).strftime("%a %H:%M").to_string()
}

fn seconds(time: Time) -> i32 {
    i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second())
}

fn time(at_s: i32) -> Option<Time> {
    let part = |value: i32| i8::try_from(value).ok();
    Time::new(part(at_s / 3600)?, part(at_s / 60 % 60)?, part(at_s % 60)?, 0).ok()
}

fn span(text: &str) -> Result<Span, String> {
    if text.is_empty() {
        return Err("a span is empty".to_owned());
    }
    let (days, times) = match text.split_once(char::is_whitespace) {
        Some((days, times)) => (Some(days), Some(times.trim())),
        None if text.starts_with(|first: char| first.is_ascii_digit()) => (None, Some(text)),
        None => (Some(text), None),
    };
    let days = days.map_or(Ok([true; 7]), week)?;
    let Some(times) = times else { return Ok(Span { days, from_s: 0, to_s: DAY_S }) };
    let (from, to) = times.split_once('-').ok_or_else(|| format!("'{times}' is not a time from and to"))?;
    let (from_s, to_s) = (clock(from.trim())?, clock(to.trim())?);
    if from_s == DAY_S {
        return Err("a span cannot begin at 24:00: the next day's 00:00 is meant".to_owned());
    }
    if from_s == to_s {
        return Err(format!("'{times}' begins when it ends: leave the times out for whole days"));
    }
    Ok(Span { days, from_s, to_s })
}

/// `Mon` or `Fri-Mon`.
fn week(text: &str) -> Result<[bool; 7], String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let mut days = [false; 7];
    let length = (last + 7 - first) % 7;
    for (place, on) in days.iter_mut().enumerate() {
        *on = (place + 7 - first) % 7 <= length;
    }
    Ok(days)
}

fn day(text: &str) -> Result<usize, String> {
    let name = text.trim().to_ascii_lowercase();
    let known = DAYS.iter().position(|day| name.len() >= 3 && day.starts_with(&name));
    known.ok_or_else(|| format!("'{text}' is not a day; use Mon, Tue, Wed, Thu, Fri, Sat or Sun"))
}

/// `22:00`, `06:30:15`, `24:00`, as seconds of the day.
fn clock(text: &str) -> Result<i32, String> {
    let wrong = || format!("'{text}' is not a time; write it as 22:00");
    let parts: Vec<&str> = text.split(':').collect();
    let number = |part: &&str| part.parse::<i32>().ok().filter(|_| part.len() == 2);
    let numbers: Vec<i32> = parts.iter().map(number).collect::<Option<_>>().ok_or_else(wrong)?;
    let (hour, minute, second) = match numbers.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return Err(wrong()),
    };
    let at_s = hour * 3600 + minute * 60 + second;
    if minute > 59 || second > 59 || at_s > DAY_S { Err(wrong()) } else { Ok(at_s) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin() -> TimeZone {
        // The rule of the zone, so that the test needs no database.
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn hours(text: &str) -> Hours {
        Hours::parse(text).unwrap()
    }

    /// 2026-11-23 is a Monday.
    fn on(hours: &Hours, text: &str) -> bool {
        hours.holds(text.parse().unwrap())
    }

    #[test]
    fn nights_and_weekends_cross_midnight() {
        let hours = hours("Mon-Fri 22:00-06:00, Sat, Sun");
        for (text, expected) in [
            ("2026-11-23T05:59:59", false), // Monday morning: Sunday is whole, but ends at midnight
            ("2026-11-23T21:59:59", false),
            ("2026-11-23T22:00:00", true),
            ("2026-11-24T00:00:00", true),
            ("2026-11-24T05:59:59", true),
            ("2026-11-24T06:00:00", false),
            ("2026-11-27T23:00:00", true),
            ("2026-11-28T12:00:00", true),
            ("2026-11-29T23:59:59", true),
            ("2026-11-30T00:00:00", false),
        ] {
            assert_eq!(on(&hours, text), expected, "{text}");
        }
        assert!(
            on(&self::hours("Fri-Mon"), "2026-11-29T10:00:00") && !on(&self::hours("Fri-Mon"), "2026-11-24T10:00:00")
        );
        assert!(on(&self::hours("friday 08:00-24:00"), "2026-11-27T23:59:59"));
        assert!(!on(&self::hours("Fri 08:00-24:00"), "2026-11-28T00:00:00"));
        assert!(on(&self::hours("12:30:10-12:30:20"), "2026-11-24T12:30:19"));
    }

    #[test]
    fn the_next_beginning_and_end_are_found() {
        let (hours, zone) = (hours("Mon-Fri 22:00-06:00, Sat, Sun"), TimeZone::UTC);
        let next = |now: &str, on| hours.next(&zone, at(now), on);
        assert_eq!(next("2026-11-24T10:00:00Z", true), Some(at("2026-11-24T22:00:00Z")));
        assert_eq!(next("2026-11-24T23:00:00Z", false), Some(at("2026-11-25T06:00:00Z")));
        assert_eq!(
            next("2026-11-27T23:00:00Z", false),
            Some(at("2026-11-30T00:00:00Z")),
            "Friday night runs into Saturday"
        );
        assert_eq!(next("2026-11-30T00:00:00Z", true), Some(at("2026-11-30T22:00:00Z")));
        assert_eq!(shown(&zone, at("2026-11-30T22:00:00Z")), "Mon 22:00");
        assert_eq!(self::hours("Mon-Sun").next(&zone, at("2026-11-30T00:00:00Z"), false), None);
        let weekly = self::hours("Mon 10:00-11:00");
        assert_eq!(weekly.next(&zone, at("2026-11-23T11:00:00Z"), true), Some(at("2026-11-30T10:00:00Z")));
    }

    #[test]
    fn the_wall_clock_counts_where_clocks_are_put_forward_and_back() {
        let (zone, hours) = (berlin(), hours("22:00-06:00, 02:30-02:45"));
        // 2026-03-29 02:00 becomes 03:00, 2026-10-25 03:00 becomes 02:00.
        assert_eq!(hours.next(&zone, at("2026-03-28T21:30:00Z"), false), Some(at("2026-03-29T04:00:00Z")));
        assert_eq!(hours.next(&zone, at("2026-10-24T20:30:00Z"), false), Some(at("2026-10-25T05:00:00Z")));
        let skipped = self::hours("02:30-03:30");
        assert_eq!(
            skipped.next(&zone, at("2026-03-29T00:00:00Z"), true),
            Some(at("2026-03-29T01:00:00Z")),
            "3:00 is within"
        );
        assert_eq!(skipped.next(&zone, at("2026-03-29T01:00:00Z"), false), Some(at("2026-03-29T01:30:00Z")));
        // The clock is put back out of the span and passes through it again.
        let twice = self::hours("02:30-03:00");
        assert_eq!(twice.next(&zone, at("2026-10-25T00:40:00Z"), false), Some(at("2026-10-25T01:00:00Z")));
        assert_eq!(twice.next(&zone, at("2026-10-25T01:00:00Z"), true), Some(at("2026-10-25T01:30:00Z")));
    }

    #[test]
    fn every_minute_of_a_year_agrees_with_the_next_edge() {
        let (zone, hours) = (berlin(), hours("Mon-Fri 22:00-06:00, Sat 02:30-12:00, Sun 01:00-02:15"));
        let mut now = at("2026-01-01T00:00:00Z");
        for _ in 0..400 {
            let on = hours.are_on(&zone, now);
            let edge = hours.next(&zone, now, !on).unwrap();
            let mut minute = now;
            while minute < edge {
                assert_eq!(hours.are_on(&zone, minute), on, "{minute} before {edge}");
                minute = minute.checked_add(jiff::SignedDuration::from_mins(5)).unwrap();
            }
            now = edge;
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, said) in [
            ("", "a span is empty"),
            ("Mon,", "a span is empty"),
            ("Mo 22:00-06:00", "'Mo' is not a day; use Mon, Tue, Wed, Thu, Fri, Sat or Sun"),
            ("Mon-Fri 22-06", "'22' is not a time; write it as 22:00"),
            ("Mon-Fri 22:00", "'22:00' is not a time from and to"),
            ("25:00-06:00", "'25:00' is not a time; write it as 22:00"),
            ("24:00-06:00", "a span cannot begin at 24:00: the next day's 00:00 is meant"),
            ("06:60-07:00", "'06:60' is not a time; write it as 22:00"),
            ("Mon 06:00-06:00", "'06:00-06:00' begins when it ends: leave the times out for whole days"),
        ] {
            assert_eq!(Hours::parse(text).unwrap_err().0, said, "{text}");
        }
        assert!(Hours::parse(&["Mon"; 33].join(",")).is_err());
    }
}
