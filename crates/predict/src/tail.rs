//! Rows of a CSV file that grows, or of standard input, line by line.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Longest line in bytes; of a longer one nothing is kept.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes read at once.
const READ_BYTES: usize = 64 << 10;
/// What InfluxDB writes above a table's header.
const ANNOTATIONS: [&[u8]; 3] = [b"#datatype", b"#group", b"#default"];

/// A row as it stands in the file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    /// Its place among the rows, from 0.
    pub(crate) row: u64,
    /// Its bytes; `None` if they are too many.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What stands above the rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// Lines that are passed over.
    pub(crate) skip_lines: usize,
    /// Header rows, of which the first holds the names.
    pub(crate) header_rows: usize,
}

/// Cuts bytes into lines; pieces may end anywhere.
#[derive(Debug)]
pub(crate) struct Lines {
    awaited: Head,
    /// What rows are read with.
    head: Vec<u8>,
    /// Lines of any kind.
    lines: usize,
    header_rows: usize,
    rows: u64,
    /// Bytes taken so far.
    taken: u64,
    /// Lines that end before are counted, not given.
    given_from: u64,
    pending: Vec<u8>,
    overlong: bool,
}

impl Lines {
    /// `given_from`: bytes that are already in the file, whose rows are not wanted.
    pub(crate) fn new(awaited: Head, given_from: u64) -> Self {
        let (head, pending) = (Vec::new(), Vec::new());
        let (lines, header_rows, rows) = (0, 0, 0);
        Self { awaited, head, lines, header_rows, rows, taken: 0, given_from, pending, overlong: false }
    }

    /// What rows are read with as far as it has been seen: a separator, names, both, or nothing.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Takes bytes and adds the rows that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], rows: &mut Vec<Line>) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.taken += piece.len() as u64;
            self.overlong |= self.pending.len() + piece.len() > LINE_BYTES_MAX;
            if self.overlong {
                self.pending.clear();
            } else {
                self.pending.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                self.end_line(rows);
            }
        }
    }

    /// Takes what is left as the last line.
    pub(crate) fn finish(&mut self, rows: &mut Vec<Line>) {
        self.end_line(rows);
    }

    fn end_line(&mut self, rows: &mut Vec<Line>) {
        let (overlong, line) = (std::mem::take(&mut self.overlong), std::mem::take(&mut self.pending));
        let line = line.trim_ascii_end();
        self.lines += 1;
        if self.lines == 1 && is_separator(line) {
            self.head = [line, b"\n"].concat();
            return;
        }
        if self.lines <= self.awaited.skip_lines {
            return;
        }
        let is_row = overlong || !(line.is_empty() || ANNOTATIONS.iter().any(|mark| line.starts_with(mark)));
        if !is_row {
            return;
        }
        if self.header_rows < self.awaited.header_rows {
            if self.header_rows == 0 {
                self.head.extend_from_slice(line);
            }
            self.header_rows += 1;
            return;
        }
        if self.taken > self.given_from {
            rows.push(Line { row: self.rows, bytes: (!overlong).then(|| line.to_vec()) });
        }
        self.rows += 1;
    }
}

fn is_separator(line: &[u8]) -> bool {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    std::str::from_utf8(line).is_ok_and(heijunka_data::is_separator)
}

/// What a reading gave.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Rows, perhaps none yet; there may be more.
    Something,
    /// Nothing more for now.
    Nothing,
    /// The file has been replaced or cut: what comes now is a table of its own.
    Restart,
    /// Standard input has ended.
    End,
}

/// Reads the file or standard input as it grows.
pub(crate) struct Tail {
    /// `None`: standard input.
    path: Option<PathBuf>,
    input: Option<Box<dyn Read + Send>>,
    /// Of the open file.
    identity: (u64, u64),
    read_bytes: u64,
    head: Head,
    pub(crate) lines: Lines,
}

impl Tail {
    /// A file's rows, those that are there already only if `from_start`; a file that is not there is waited for.
    pub(crate) fn file(path: PathBuf, head: Head, from_start: bool) -> io::Result<Self> {
        let lines = Lines::new(head, 0);
        let mut tail = Self { path: Some(path), input: None, identity: (0, 0), read_bytes: 0, head, lines };
        if let Some(metadata) = tail.open()?.filter(|_| !from_start) {
            tail.lines.given_from = metadata.len();
        }
        Ok(tail)
    }

    /// All rows of standard input.
    pub(crate) fn stdin(head: Head) -> Self {
        let lines = Lines::new(head, 0);
        Self { path: None, input: Some(Box::new(io::stdin())), identity: (0, 0), read_bytes: 0, head, lines }
    }

    /// Reads on. Blocks only on standard input.
    pub(crate) fn read(&mut self, rows: &mut Vec<Line>) -> io::Result<Got> {
        let mut buffer = vec![0; READ_BYTES];
        let Some(input) = &mut self.input else {
            return Ok(if self.open()?.is_some() { Got::Restart } else { Got::Nothing });
        };
        let read = match input.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(Got::Something),
            Err(error) => return Err(error),
        };
        self.read_bytes += read as u64;
        self.lines.push(buffer.get(..read).unwrap_or_default(), rows);
        match (read, &self.path) {
            (1.., _) => Ok(Got::Something),
            (0, Some(_)) => self.at_end(),
            (0, None) => {
                self.lines.finish(rows);
                Ok(Got::End)
            }
        }
    }

    /// Looks whether the path still names the open file, and nothing has been cut off.
    fn at_end(&mut self) -> io::Result<Got> {
        let Some(path) = &self.path else { return Ok(Got::End) };
        let same = match std::fs::metadata(path) {
            Ok(metadata) => identity(&metadata) == self.identity && metadata.len() >= self.read_bytes,
            // Between two files; what comes is seen later.
            Err(_) => true,
        };
        Ok(if !same && self.open()?.is_some() { Got::Restart } else { Got::Nothing })
    }

    /// Opens the file again; `None` if it does not exist.
    fn open(&mut self) -> io::Result<Option<Metadata>> {
        let Some(path) = &self.path else { return Ok(None) };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        self.input = Some(Box::new(file));
        (self.identity, self.read_bytes) = (identity(&metadata), 0);
        self.lines = Lines::new(self.head, 0);
        Ok(Some(metadata))
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const NAMES: Head = Head { skip_lines: 0, header_rows: 1 };

    fn text(rows: &[Line]) -> Vec<(u64, &str)> {
        rows.iter().map(|line| (line.row, std::str::from_utf8(line.bytes.as_deref().unwrap()).unwrap())).collect()
    }

    #[test]
    fn rows_are_the_same_whatever_pieces_they_come_in() {
        let bytes = b"#datatype,double\na,b\r\n1,2\r\n\n3,4\n5,6";
        for size in 1..bytes.len() {
            let (mut lines, mut rows) = (Lines::new(NAMES, 0), Vec::new());
            bytes.chunks(size).for_each(|piece| lines.push(piece, &mut rows));
            assert_eq!(text(&rows), [(0, "1,2"), (1, "3,4")], "the last line may be incomplete");
            lines.finish(&mut rows);
            assert_eq!(text(&rows), [(0, "1,2"), (1, "3,4"), (2, "5,6")]);
            assert_eq!(lines.head(), b"a,b");
        }
    }

    #[test]
    fn what_stands_above_the_rows_is_no_row() {
        let head = |bytes: &[u8], head: Head| {
            let (mut lines, mut rows) = (Lines::new(head, 0), Vec::new());
            lines.push(bytes, &mut rows);
            (String::from_utf8(lines.head().to_vec()).unwrap(), rows.len())
        };
        assert_eq!(head(b"sep=;\r\na;b\r\n1;2\r\n", NAMES), ("sep=;\na;b".into(), 1));
        assert_eq!(head("\u{feff}sep=;\na;b\n1;2\n".as_bytes(), NAMES), ("\u{feff}sep=;\na;b".into(), 1));
        assert_eq!(
            head(b"press 7\n\na;b\ns;bar\n1;2\n3;4\n", Head { skip_lines: 2, header_rows: 2 }),
            ("a;b".into(), 2)
        );
        assert_eq!(head(b"sep=;\n1;2\n", Head { header_rows: 0, ..NAMES }), ("sep=;\n".into(), 1));
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let (mut lines, mut rows) = (Lines::new(Head { header_rows: 0, ..NAMES }, 0), Vec::new());
        for _ in 0..40 {
            lines.push(&[b'1'; 64 << 10], &mut rows);
            assert!(lines.pending.len() <= LINE_BYTES_MAX);
        }
        lines.push(b"1\n2\n", &mut rows);
        assert_eq!(rows, [Line { row: 0, bytes: None }, Line { row: 1, bytes: Some(b"2".to_vec()) }]);
    }

    fn append(path: &std::path::Path, text: &str) {
        let mut file = File::options().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn all(tail: &mut Tail) -> (Vec<Line>, Got) {
        let mut rows = Vec::new();
        loop {
            match tail.read(&mut rows).unwrap() {
                Got::Something => {}
                other => return (rows, other),
            }
        }
    }

    #[test]
    fn a_file_is_followed_where_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        append(&path, "a\n1\n2\n3");
        let mut tail = Tail::file(path.clone(), NAMES, false).unwrap();
        assert_eq!(all(&mut tail), (vec![], Got::Nothing));
        assert_eq!(tail.lines.rows(), 2);
        append(&path, "3\n4\n");
        assert_eq!(text(&all(&mut tail).0), [(2, "33"), (3, "4")], "a line that was being written is new");
        let mut tail = Tail::file(path, NAMES, true).unwrap();
        assert_eq!(text(&all(&mut tail).0), [(0, "1"), (1, "2"), (2, "33"), (3, "4")]);
    }

    #[test]
    fn a_file_may_come_late_be_cut_and_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let mut tail = Tail::file(path.clone(), NAMES, false).unwrap();
        assert_eq!(all(&mut tail), (vec![], Got::Nothing));
        append(&path, "a\n1\n");
        assert_eq!(all(&mut tail).1, Got::Restart);
        assert_eq!(text(&all(&mut tail).0), [(0, "1")], "all of it is new");
        std::fs::write(&path, "b\n").unwrap();
        assert_eq!(all(&mut tail).1, Got::Restart);
        assert_eq!((all(&mut tail).0, tail.lines.head()), (vec![], b"b".as_slice()));
        std::fs::rename(&path, folder.path().join("old.csv")).unwrap();
        assert_eq!(all(&mut tail).1, Got::Nothing);
        append(&path, "c\n7\n8\n");
        assert_eq!(all(&mut tail).1, Got::Restart);
        assert_eq!(text(&all(&mut tail).0), [(0, "7"), (1, "8")]);
    }
}
