//! How a text is written: the delimiter between cells, the decimal point, whether there are units below the
//! names.

use crate::cell::{self, Cell};
use csv::StringRecord;
use std::cmp::Ordering;

/// Lines and rows that decide.
pub(crate) const SAMPLE_ROWS: usize = 200;

/// Delimiters that are looked for, the likeliest first.
pub(crate) const CANDIDATES: [char; 4] = [';', '\t', ',', '|'];

/// Longest text that is taken as a unit, in characters.
const UNIT_CHARS_MAX: usize = 12;

/// The delimiter between two cells. ` `: a run of spaces.
pub(crate) fn find_delimiter(text: &str) -> char {
    let lines: Vec<&str> = text.lines().filter(|line| is_data(line)).take(SAMPLE_ROWS).collect();
    let first = lines.first().copied().unwrap_or_default();
    let steady = CANDIDATES.into_iter().find(|candidate| is_steady(&lines, |line| cells(line, *candidate)));
    let spaces = || is_steady(&lines, |line| line.split_ascii_whitespace().count()) && are_numbers(&lines);
    match steady {
        Some(',') if have_decimal_commas(&lines) && spaces() => return ' ',
        Some(candidate) => return candidate,
        None => {}
    }
    let in_first = CANDIDATES.into_iter().find(|candidate| cells(first, *candidate) > 1);
    in_first.unwrap_or_else(|| if spaces() { ' ' } else { ',' })
}

fn is_data(line: &str) -> bool {
    !line.trim().is_empty() && !line.starts_with('#')
}

/// Cells of a line; one that is empty at its end does not count.
fn cells(line: &str, delimiter: char) -> usize {
    let line = line.trim_end_matches(['\r', ' ']);
    let line = line.strip_suffix(delimiter).unwrap_or(line);
    let outside = line.split('"').step_by(2);
    1 + outside.map(|text| text.matches(delimiter).count()).sum::<usize>()
}

/// Whether all lines have the same number of cells, two or more.
fn is_steady(lines: &[&str], count: impl Fn(&str) -> usize) -> bool {
    let mut counts = lines.iter().map(|line| count(line));
    counts.next().is_some_and(|first| first > 1 && counts.all(|other| other == first))
}

/// Whether the last line is made of numbers with commas in them, as `1,5  2,5`.
fn have_decimal_commas(lines: &[&str]) -> bool {
    let mut words = lines.last().into_iter().flat_map(|line| line.split_ascii_whitespace());
    words.all(|text| cell::number(text, ',').is_some() && !text.ends_with(','))
        && lines.last().is_some_and(|line| line.contains(','))
}

/// Whether the last line is made of numbers: words with spaces between them are not cells.
fn are_numbers(lines: &[&str]) -> bool {
    let is_number = |text: &str| cell::number(text, '.').or_else(|| cell::number(text, ',')).is_some();
    let last = lines.last().map(|line| line.split_ascii_whitespace().collect::<Vec<_>>()).unwrap_or_default();
    last.iter().filter(|text| is_number(text)).count() * 2 > last.len()
}

/// The text with each run of spaces and tabs outside quotes as one space, and none at the ends of lines.
pub(crate) fn collapse_spaces(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "\n" } else { "" };
        for (index, part) in line.trim().split('"').enumerate() {
            let quoted = index % 2 == 1;
            if index > 0 {
                collapsed.push('"');
            }
            if quoted {
                collapsed.push_str(part);
                continue;
            }
            let (before, after) = (part.starts_with([' ', '\t']), part.ends_with([' ', '\t']));
            let words: Vec<&str> = part.split_ascii_whitespace().collect();
            let middle = words.join(" ");
            if before {
                collapsed.push(' ');
            }
            collapsed.push_str(&middle);
            if after && !(before && middle.is_empty()) {
                collapsed.push(' ');
            }
        }
        collapsed.push_str(end);
    }
    collapsed
}

/// `.` or `,`: that by which more cells are numbers that are none by the other. `1,234` is one either way, with or without
/// a mark of thousands: if there is nothing else a comma marks decimals, except where it also separates cells.
pub(crate) fn find_decimal(rows: &[StringRecord], delimiter: u8) -> char {
    let cells = || rows.iter().flat_map(StringRecord::iter).map(str::trim).filter(|cell| cell.contains(['.', ',']));
    let count = |is: &dyn Fn(&str) -> bool| cells().filter(|cell| is(cell)).count();
    let plain = |cell: &str, decimal| cell::number(cell, decimal).is_some();
    let can_be = |cell: &str, decimal| plain(cell, decimal) || cell::grouped(cell, decimal).is_some();
    let only = |decimal, other| count(&|cell| can_be(cell, decimal) && !can_be(cell, other));
    let has_commas = match only(',', '.').cmp(&only('.', ',')) {
        Ordering::Equal if delimiter == b',' => false,
        Ordering::Equal => count(&|cell| plain(cell, ',')) > count(&|cell| plain(cell, '.')),
        order => order == Ordering::Greater,
    };
    if has_commas { ',' } else { '.' }
}

/// Whether the first of these rows holds units rather than data: it has words, as short as units are, wherever the rows
/// below have nothing but numbers, and says nothing that they say.
pub(crate) fn has_units(rows: &[StringRecord], decimal: char) -> bool {
    let Some((units, below)) = rows.split_first().filter(|(_, below)| !below.is_empty()) else { return false };
    let mut above_numbers = 0;
    for (column, unit) in units.iter().enumerate() {
        let cells = || below.iter().filter_map(|row| row.get(column));
        let is_number =
            |text: &str| matches!(cell::read(text, decimal), Cell::Number(_)) || cell::grouped(text, decimal).is_some();
        let is_nothing = |text: &str| matches!(cell::read(text, decimal), Cell::Missing);
        let numbers = cells().any(is_number) && cells().all(|text| is_number(text) || is_nothing(text));
        if is_nothing(unit) {
            continue;
        }
        if is_number(unit) || unit.chars().count() > UNIT_CHARS_MAX || cells().any(|text| text == unit) {
            return false;
        }
        above_numbers += usize::from(numbers);
    }
    // One word above numbers may as well be a mistake.
    above_numbers > 1 || (above_numbers == 1 && units.iter().all(is_bracketed_or_empty))
}

fn is_bracketed_or_empty(unit: &str) -> bool {
    let unit = unit.trim();
    unit.is_empty() || unit.starts_with(['[', '(']) && unit.ends_with([']', ')'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(text: &str) -> Vec<StringRecord> {
        text.lines().map(|line| line.split(';').collect()).collect()
    }

    #[test]
    fn delimiters_are_found_by_lines_that_agree() {
        assert_eq!(find_delimiter("a,b;c\n1,5;2\n2,5;3\n"), ';');
        assert_eq!(find_delimiter("Temperature, C\tPressure, bar\n1,5\t2,5\n"), '\t');
        assert_eq!(find_delimiter("time|note\n1|a, b\n2|c\n"), '|');
        assert_eq!(find_delimiter("a,b,c\n1,2\n"), ',', "ragged");
        assert_eq!(find_delimiter("\"a;b\",c\n1,2\n"), ',');
        assert_eq!(find_delimiter("1 1  -0.0007 100.0  \n1 2  0.0019 100.0  \n"), ' ');
        assert_eq!(find_delimiter("machine is running\nmachine is stopped\n"), ',', "words are not cells");
        assert_eq!(find_delimiter("1,5  2,5\n3,5  4,0\n"), ' ');
        assert_eq!(find_delimiter("1, 2\n3, 4\n"), ',');
        assert_eq!(find_delimiter("1,2\n3,4\n"), ',');
        assert_eq!(find_delimiter("one\n1\n2\n"), ',');
        assert_eq!(find_delimiter(""), ',');
    }

    #[test]
    fn the_decimal_point_is_found_by_cells_that_have_one_meaning() {
        let decimal = |text: &str| find_decimal(&rows(text), b';');
        assert_eq!(decimal("1,5;2.5\n1,5;x"), ',');
        assert_eq!(decimal("1.5;2,5\n1.5;x"), '.');
        assert_eq!(decimal("1,234;2,345\n0,001;7"), ',', "three decimals everywhere");
        assert_eq!(decimal("1,234;2,345\n4,000;7"), ',', "the same without a zero in front");
        assert_eq!(decimal("1.234;2.345"), '.');
        assert_eq!(decimal("1.234;2,5\n2.345;7\n3.456;8"), ',', "a point can mark thousands, the comma cannot");
        assert_eq!(decimal("1,234;2.5\n2,345;7\n3,456;8"), '.');
        assert_eq!(decimal("1.234,5;x"), ',');
        assert_eq!(decimal("10.0.0.1;24.11.2026"), '.');
        assert_eq!(find_decimal(&rows("1,234;2,345"), b','), '.', "in quotes, between commas");
        assert_eq!(find_decimal(&rows("1,5;2,345"), b','), ',');
    }

    #[test]
    fn runs_of_spaces_are_one() {
        assert_eq!(collapse_spaces("  1   2\t3  \r\n\n4 \"a  b\"   5"), "1 2 3\n\n4 \"a  b\" 5");
    }

    #[test]
    fn units_are_words_where_numbers_follow() {
        assert!(has_units(&rows("s;bar\n1;2\n2;3"), '.'));
        assert!(has_units(&rows(";[bar]\nx;2\ny;3"), '.'));
        assert!(!has_units(&rows("ERR;1\n1;2\n2;3"), '.'));
        assert!(!has_units(&rows("A;ERR\nA;2\nB;3"), '.'), "a word that rows below say, too");
        assert!(!has_units(&rows("A;B\nC;D"), '.'));
        assert!(!has_units(&rows("s;bar"), '.'));
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in "[ -~\\n\\t;,|\"äß°]{0,200}") {
            find_delimiter(&text);
            let collapsed = collapse_spaces(&text);
            prop_assert_eq!(collapsed.matches('\n').count(), text.matches('\n').count());
            prop_assert_eq!(&collapse_spaces(&collapsed), &collapsed);
        }
    }
}
