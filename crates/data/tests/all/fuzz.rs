//! Files that are not tables: whatever the bytes are, the readers neither panic nor take more memory than the file
//! accounts for, and an error says where it is.

use crate::help::job;
use heijunka_data::{DataError, Missing, Source, Table, Timestamps};
use heijunka_units::SplitMix64;
use heijunka_wire::document::{HeldOut, Job, Task, Window};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const CSV_CASES: u64 = 20_000;
const FILE_CASES: u64 = 1_000;

/// A case can be run again by its number.
struct Dice(SplitMix64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        (self.0.next_u64() % sides.max(1) as u64) as usize
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.roll(choices.len())].clone()
    }
}

/// What is changed: tables as they come.
fn seeds() -> Vec<Vec<u8>> {
    let wide = |text: &str| {
        [&[0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().as_slice()].concat()
    };
    let mut seeds: Vec<Vec<u8>> = [
        "t;m;x;y\n24.11.2026 10:00:00;a;1,5;gut\n24.11.2026 10:00:10;b;;gut\n24.11.2026 10:00:20;a;2;\"sehr; schlecht\"\n",
        "sep=;\nReport of press 7;;;\n\nt;m;x;y\ns;;bar;\n1795536001;a;1.234,5;1\n1795536002;a;2.345;0\n",
        "#datatype,double,double\n#group,false,false\n,x,y\n,1,2\n,3,4\n",
        "t m x  y\n 1  1 -0.7  100.0  \n 2 1 0.19  99.5  \n",
        "\u{feff}t\tm\tx\ty\r\n2026-11-24T10:00:00Z\tä\t1\t0\r\n2026-11-24T10:00:01Z\tä\t2\t1\r\n",
        "t,m,x,y\n11/01/2026 00:00,a,\"1,234.5\",1\n11/24/2026 00:00,a,\"2,345\",NaN\n",
        "t|m|x|y\n1|a|1'000|x\n2|a|2'000.5|y\n3|b|n/a|x\n4|b|7|test\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    seeds.push(wide("t;x;y\n1;2;ä\n3;4;ö\n"));
    seeds.push(b"Gr\xf6\xdfe;x;y\n1;2,5;\xb0C\n2;3,5;\x80\n".to_vec());
    seeds
}

const WORDS: [&[u8]; 24] = [
    b"\n",
    b"\r\n",
    b"\r",
    b";",
    b",",
    b"\t",
    b"\"",
    b"\"\"",
    b" ",
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xe4",
    b"\xc3",
    b"1.234,5",
    b"1e999",
    b"-",
    b"NaN",
    b"24.11.2026 10:00",
    b"#datatype",
    b"sep=|\n",
    b"99999999999999999999",
    b"PK\x03\x04",
    b"1;2;3;4\n",
];

fn changed(dice: &mut Dice, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = dice.of(seeds);
    for _ in 0..dice.roll(8) {
        let at = dice.roll(bytes.len() + 1);
        let to = (at + dice.roll(30)).min(bytes.len());
        match dice.roll(7) {
            0 => drop(bytes.drain(at..to)),
            1 => bytes.truncate(at),
            2 => drop(bytes.splice(at..at, dice.of(&WORDS).iter().copied())),
            3 => {
                let piece = bytes[at..to].repeat(1 + dice.roll(40));
                drop(bytes.splice(at..at, piece));
            }
            4 => bytes.extend(dice.of(seeds)),
            5 => {
                let word = dice.of(&WORDS).repeat(1 + dice.roll(300));
                drop(bytes.splice(at..at, word));
            }
            _ => bytes[at..to].iter_mut().for_each(|byte| *byte ^= 1 << dice.roll(8)),
        }
    }
    bytes
}

fn source(dice: &mut Dice) -> Source {
    let clock = |dice: &mut Dice| Timestamps {
        column: dice.of(&["t", "x"]).to_owned(),
        format: dice.of(&[None, None, Some("%d.%m.%Y %H:%M:%S"), Some("%Q%")]).map(str::to_owned),
        gap: dice.of(&[None, Some(Duration::from_secs(10))]),
    };
    Source {
        delimiter: dice.of(&[None, None, None, None, Some(';'), Some(' '), Some('→'), Some('\n'), Some('"')]),
        decimal: dice.of(&[None, None, Some(','), Some('.'), Some('x')]),
        header_rows: dice.of(&[None, None, None, Some(0), Some(1), Some(3)]),
        skip_lines: dice.of(&[0, 0, 0, 1, 5]),
        missing: dice.of(&[Missing::SkipRow, Missing::Mean, Missing::Error]),
        timestamps: if dice.roll(3) == 0 { Some(clock(dice)) } else { None },
        whole_lines: dice.roll(4) == 0,
        ..Source::new("a.csv")
    }
}

fn jobs(dice: &mut Dice) -> Job {
    Job {
        held_out: dice.of(&[HeldOut::ByHash(2_000), HeldOut::Last(2_000), HeldOut::ByColumn("y".into())]),
        group: dice.of(&[None, Some("m".to_owned()), Some("file".to_owned())]),
        window: dice.of(&[None, Some(Window { rows: 2, every: 1 })]),
        ..job(
            dice.of(&[Task::Regression, Task::Classification, Task::Anomaly { normal: "1".into() }]),
            dice.of(&["x", "y"]),
        )
    }
}

/// Errors about a row or the names say which line, and all are short and have a way out.
fn is_clear(error: &DataError, lines: usize, case: u64) {
    use DataError as E;
    let text = error.to_string();
    assert!(text.chars().count() < 6_000 && !error.fix().is_empty(), "case {case}: {text}");
    let of_the_whole = matches!(
        error,
        E::Workbook { .. }
            | E::Archive { .. }
            | E::Binary { .. }
            | E::Empty { .. }
            | E::Delimiter { .. }
            | E::MissingColumn { .. }
            | E::OtherColumns { .. }
            | E::NoInputs { .. }
            | E::Unreadable { .. }
            | E::TooLarge { .. }
            | E::Idx { .. }
    );
    let column = matches!(error, E::UnusableColumn { .. } | E::TooManyClasses { .. } | E::Clock { .. });
    if of_the_whole || (column && text.contains("column '")) {
        return;
    }
    let line = text.split("line ").nth(1).map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
    let line: usize =
        line.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| panic!("case {case}: no line: {text}"));
    assert!((1..=lines).contains(&line), "case {case}: {lines} lines: {text}");
}

#[test]
fn any_csv_is_read_or_refused() {
    let seeds = seeds();
    let mut read = 0;
    for case in 0..CSV_CASES {
        let mut dice = Dice(SplitMix64::new(case));
        let files = 1 + usize::from(dice.roll(8) == 0);
        let files: Vec<_> =
            (0..files).map(|file| (PathBuf::from(format!("{file}.csv")), changed(&mut dice, &seeds))).collect();
        let (source, job) = (source(&mut dice), jobs(&mut dice));
        let bytes: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        let lines =
            files.iter().map(|(_, bytes)| bytes.iter().filter(|byte| **byte == b'\n').count()).max().unwrap_or(0) + 1;
        match Table::from_bytes(&source, files) {
            Err(error) => is_clear(&error, lines, case),
            Ok(table) => {
                read += 1;
                // A cell takes two bytes at least, with what follows it, and is held as a number, or as a text once.
                assert!(
                    table.memory_bytes() <= 32 * bytes as u64,
                    "case {case}: {bytes} bytes as {}",
                    table.memory_bytes()
                );
                let columns = table.column_names().count();
                let notes = table.notes().iter().map(String::len).sum::<usize>();
                assert!(notes <= 1_024 + 600 * columns, "case {case}: notes of {notes} bytes on {columns} columns");
                let asked = [table.inspect(None).err(), table.survey(&job).err(), table.usage(&job).err()];
                asked.iter().flatten().for_each(|error| is_clear(error, lines, case));
            }
        }
    }
    assert!(
        (3_000..CSV_CASES - 3_000).contains(&read),
        "{read} tables of {CSV_CASES} were read: the test shows little"
    );
}

#[test]
fn any_file_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["images", "labels"].map(|name| folder.path().join(name));
    let idx: [Vec<u8>; 2] =
        [[&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2], &[7; 8][..]].concat(), vec![0, 0, 8, 1, 0, 0, 0, 2, 0, 1]];
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(&seeds()[0]).unwrap();
    let zipped = zipped.finish().unwrap();
    for case in 0..FILE_CASES {
        let mut dice = Dice(SplitMix64::new(1 << 32 | case));
        let has_labels = dice.roll(2) == 0;
        let image = if dice.roll(3) == 0 { &zipped } else { &idx[0] };
        for (path, seed) in paths.iter().zip([image, &idx[1]]) {
            std::fs::write(path, changed(&mut dice, std::slice::from_ref(seed))).unwrap();
        }
        let mut source = Source { bytes_max: 1 << 16, ..Source::new(&paths[0]) };
        source.labels = has_labels.then(|| paths[1].clone());
        match Table::read(&source) {
            Err(error) => is_clear(&error, usize::MAX, case),
            Ok(table) => assert!(table.memory_bytes() <= 32 << 16, "case {case}"),
        }
    }
}

#[test]
fn what_unpacks_without_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv.gz");
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let lines = b"1,2\n".repeat(1 << 18);
    (0..64).for_each(|_| zipped.write_all(&lines).unwrap());
    std::fs::write(&path, zipped.finish().unwrap()).unwrap();
    let error = Table::read(&Source { bytes_max: 1 << 20, ..Source::new(&path) }).unwrap_err();
    assert!(matches!(error, DataError::TooLarge { .. }), "{error}");
}
