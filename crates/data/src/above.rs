//! Lines above the column names that are not part of the table: `sep=;`, titles, lines that the settings skip.

use crate::dialect::{CANDIDATES, SAMPLE_ROWS};
use crate::{Source, cell};
use heijunka_wire::limits::COLUMNS_MAX;

/// Most lines that are taken for titles.
const TITLES_MAX: usize = 8;
/// Longest title that is shown, in characters.
const TITLE_CHARS_MAX: usize = 40;

/// What has been found above the names.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Above {
    /// The delimiter that a spreadsheet's first line names.
    pub(crate) delimiter: Option<char>,
    /// Where the first title was, as a line from 1, and what it says.
    pub(crate) titles: Option<(usize, String)>,
}

/// Empties the lines above the names: those below keep their numbers.
pub(crate) fn clear(text: &mut String, source: &Source) -> Above {
    let separator = text.lines().next().filter(|line| is_separator(line));
    let mut above = Above { delimiter: separator.and_then(|line| line.chars().nth(4)), titles: None };
    let mut end = end_of(text, usize::from(separator.is_some()));
    if source.skip_lines > 0 {
        end = end_of(text, source.skip_lines);
    } else if source.header_rows.is_none() {
        let (before, rest) = text.split_at_checked(end).unwrap_or_default();
        if let Some(titles) = find_titles(rest, source.delimiter.or(above.delimiter)) {
            above.titles = Some((before.matches('\n').count() + titles.line, titles.first));
            end += titles.bytes;
        }
    }
    if end > 0 {
        let lines = text.get(..end).map_or(0, |above| above.matches('\n').count());
        text.replace_range(..end, &"\n".repeat(lines));
    }
    above
}

/// Whether a file's first line says what separates its cells: spreadsheets write and obey `sep=;`.
pub fn is_separator(line: &str) -> bool {
    line.get(..4).is_some_and(|key| key.eq_ignore_ascii_case("sep=")) && line.chars().count() <= 5
}

/// Where the first `lines` lines end.
fn end_of(text: &str, lines: usize) -> usize {
    text.split_inclusive('\n').take(lines).map(str::len).sum()
}

/// Lines of one cell above a table of more.
struct Titles {
    /// Bytes before the table.
    bytes: usize,
    /// The first title's line, from 1, and what it says.
    line: usize,
    first: String,
}

/// A line and its cells.
struct Line<'a> {
    start: usize,
    cells: Vec<&'a str>,
    /// Nothing follows its last delimiter.
    ended: bool,
}

impl Line<'_> {
    fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_empty()).count()
    }

    /// Words, one for each cell.
    fn can_be_names(&self) -> bool {
        self.cells.len() > 1 && self.cells.iter().all(|cell| !cell.is_empty() && !is_number(cell))
    }
}

fn is_number(cell: &str) -> bool {
    ['.', ','].into_iter().any(|decimal| cell::number(cell, decimal).is_some())
}

fn find_titles(text: &str, delimiter: Option<char>) -> Option<Titles> {
    let candidates = delimiter.map_or(CANDIDATES.to_vec(), |delimiter| vec![delimiter]);
    for delimiter in candidates.into_iter().filter(|delimiter| *delimiter != ' ') {
        let lines = lines(text, delimiter);
        let titles = lines.iter().take_while(|line| line.filled() == 1).count();
        let Some((above, [names, rows @ ..])) = lines.split_at_checked(titles) else { continue };
        // Some lines may be wrong, and the last one may be being written.
        let steady = rows.iter().filter(|row| row.cells.len() == names.cells.len()).count() * 2 >= rows.len();
        let has_numbers = rows.iter().any(|row| row.cells.iter().any(|cell| is_number(cell)));
        if !(steady && has_numbers && names.can_be_names()) {
            continue;
        }
        let first = above.first()?;
        // Two columns of which only the first has a name are as common as a title followed by an empty cell.
        let narrow = names.cells.len() < 3 && above.iter().any(|line| line.ended || line.cells.len() > 1);
        if titles > TITLES_MAX || narrow {
            return None;
        }
        let title = first.cells.iter().find(|cell| !cell.is_empty())?;
        return Some(Titles {
            bytes: names.start,
            line: 1 + text.get(..first.start).map_or(0, |above| above.matches('\n').count()),
            first: title.chars().take(TITLE_CHARS_MAX).collect(),
        });
    }
    None
}

/// The first lines that are neither blank nor annotations.
fn lines(text: &str, delimiter: char) -> Vec<Line<'_>> {
    let mut start = 0;
    let placed = text.split_inclusive('\n').map(|line| {
        start += line.len();
        (start - line.len(), line)
    });
    let line = |(start, line)| {
        let mut cells = cells(line, delimiter);
        let ended = cells.len() > 1 && cells.pop_if(|cell| cell.is_empty()).is_some();
        Line { start, cells, ended }
    };
    placed.map(line).filter(|line| line.filled() > 0 && !is_annotation(&line.cells)).take(SAMPLE_ROWS).collect()
}

fn is_annotation(cells: &[&str]) -> bool {
    matches!(cells.first(), Some(&("#datatype" | "#group" | "#default")))
}

/// Cells of a line with quotes left on.
fn cells(line: &str, delimiter: char) -> Vec<&str> {
    let mut quoted = false;
    let split = line.trim_matches([' ', '\r', '\n']).split(|c: char| {
        quoted ^= c == '"';
        c == delimiter && !quoted
    });
    split.map(str::trim).take(COLUMNS_MAX + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleared(text: &str, change: impl FnOnce(&mut Source)) -> (String, Above) {
        let (mut source, mut text) = (Source::new(""), text.to_owned());
        change(&mut source);
        let above = clear(&mut text, &source);
        (text, above)
    }

    #[test]
    fn a_spreadsheet_may_name_the_delimiter() {
        let (text, above) = cleared("sep=;\r\na;b\n1,5;2\n", |_| ());
        assert_eq!((text.as_str(), above.delimiter, above.titles), ("\na;b\n1,5;2\n", Some(';'), None));
        assert_eq!(cleared("SEP=\t\na\tb\n", |_| ()).1.delimiter, Some('\t'));
        assert_eq!(cleared("sep=\na,b\n", |_| ()), ("\na,b\n".into(), Above::default()));
        assert_eq!(cleared("separator,b\n", |_| ()).0, "separator,b\n");
        assert_eq!(cleared("sep=;", |_| ()).0, "");
    }

    #[test]
    fn titles_stand_above_the_names() {
        let title = |text: &str| cleared(text, |_| ()).1.titles;
        let found = Some((1, "Report of press 7".to_owned()));
        assert_eq!(title("Report of press 7\ntime;T\n1;2,5\n2;2,6\n"), found);
        assert_eq!(title("Report of press 7\n\n24.11.2026\ntime,T,p\n1,2,3\n2,2"), found, "a line is being written");
        assert_eq!(title("Report of press 7;;\ntime;T;p\n1;2;3\n"), found);
        assert_eq!(title("sep=;\nReport of press 7\ntime;T\n1;2\n"), Some((2, "Report of press 7".into())));
        assert_eq!(cleared("A\nt,p\n1,2\n", |_| ()).0, "\nt,p\n1,2\n");
    }

    #[test]
    fn names_and_rows_are_not_titles() {
        for text in [
            "",
            "a\n",
            "a\n1\n2\n",
            "a\n1,5\n2,5\n",
            "time;T\n1;2,5\n2;2,5\n",
            "name;value;x\nfoo;1,5;bar\nfox;2,5;baz\n",
            "note\nhello, world\nfoo, bar\n",
            "a;\ns;bar\n1;2\n",
            "a,b\n1,2\n",
            "#datatype,double\na,b\n1,2\n",
            "\"a\nb\",c\n1,2\n",
        ] {
            assert_eq!(cleared(text, |_| ()), (text.to_owned(), Above::default()), "{text}");
        }
        let said = cleared("A\nt,p\n1,2\n", |source| source.header_rows = Some(1));
        assert_eq!(said.1, Above::default(), "the settings say what the first line is");
    }

    #[test]
    fn the_settings_may_pass_lines_over() {
        let (text, above) = cleared("machine;7\ndate;1\nt;p\n1;2\n", |source| source.skip_lines = 2);
        assert_eq!((text.as_str(), above), ("\n\nt;p\n1;2\n", Above::default()));
        assert_eq!(cleared("a\nb", |source| source.skip_lines = 7).0, "\n");
    }
}
