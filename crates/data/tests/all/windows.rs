//! Examples of several rows, and rows that are held out together.

use crate::help::{classes, job, read, read_with, scaled, shown};
use heijunka_data::{Dataset, Missing, Rows, Source, Table, Targets};
use heijunka_wire::document::{HeldOut, Job, Task, Window};

/// Examples as their inputs, with their classes.
fn examples(rows: &Rows) -> (Vec<Vec<f32>>, Vec<u32>) {
    let (mut x, mut y) = (Vec::new(), Targets::Classes(Vec::new()));
    assert_eq!(rows.gather(0..rows.len(), &mut x, &mut y), rows.len());
    let Targets::Classes(classes) = y else { panic!("classes") };
    (x.chunks(rows.width()).map(<[f32]>::to_vec).collect(), classes)
}

fn windows(rows: u16, every: u16, held_out: HeldOut) -> Job {
    Job {
        window: Some(Window { rows, every }),
        group: Some("m".into()),
        held_out,
        fitted: classes(vec![scaled("x", 0.0, 1.0)], &["0", "1"]),
        ..job(Task::Classification, "y")
    }
}

fn encode(text: &str, job: &Job) -> Dataset {
    read(text).encode(job).unwrap()
}

/// Two machines' rows in turn; `x` counts each machine's.
const TWO: &str = "m,x,y,split\na,1,0,\nb,11,0,\na,2,1,\nb,12,1,\na,3,0,\na,4,1,\nb,13,0,\n";

#[test]
fn a_window_is_of_consecutive_rows_of_one_group_with_the_last_ones_target() {
    let dataset = encode(TWO, &windows(3, 1, HeldOut::ByHash(0)));
    let (x, y) = examples(&dataset.train);
    assert_eq!(x, [vec![1.0, 2.0, 3.0], vec![2.0, 3.0, 4.0], vec![11.0, 12.0, 13.0]]);
    assert_eq!((y, dataset.train.width()), (vec![0, 1, 0], 3));
    assert_eq!(
        shown_usage(&dataset),
        "3 windows of 3 rows used (0 held out), 4 rows end no window: 4 with fewer than 2 whole rows before them in their group \
         (first: a.csv line 2)"
    );
}

fn shown_usage(dataset: &Dataset) -> String {
    let text = dataset.usage.to_string();
    let cut = |text: &str| text.rfind('/').map_or_else(|| text.to_owned(), |at| format!("(first: {}", &text[at + 1..]));
    text.split_inclusive("(first: ").map(cut).collect::<String>().replace("(first: (first: ", "(first: ")
}

#[test]
fn fewer_examples_train_where_windows_need_not_end_at_every_row() {
    let dataset = encode(TWO, &windows(2, 2, HeldOut::ByHash(0)));
    assert_eq!(examples(&dataset.train).0, [vec![1.0, 2.0], vec![11.0, 12.0], vec![3.0, 4.0]]);
}

#[test]
fn an_empty_cell_breaks_the_windows_around_it() {
    let text = "m,x,y\na,1,0\na,2,1\na,,0\na,4,1\na,5,\na,6,0\n";
    let dataset = encode(text, &windows(2, 1, HeldOut::ByHash(0)));
    assert_eq!(examples(&dataset.train), (vec![vec![1.0, 2.0], vec![5.0, 6.0]], vec![1, 0]), "a target may be missing");
    let reasons: Vec<_> = dataset.usage.skipped.iter().map(|reason| (reason.why.to_string(), reason.rows)).collect();
    let expected = [
        ("with an empty cell in 'y'", 1),
        ("with an empty cell in 'x'", 1),
        ("with fewer than 1 whole row before them in their group", 2),
    ];
    assert_eq!(reasons, expected.map(|(why, rows)| (why.to_owned(), rows)));
    let filled = read_with(text.as_bytes(), |source| source.missing = Missing::Mean).unwrap();
    assert_eq!(filled.encode(&windows(2, 1, HeldOut::ByHash(0))).unwrap().train.len(), 4);
}

#[test]
fn the_last_rows_of_each_group_can_be_held_out() {
    let job = windows(2, 1, HeldOut::Last(3_000));
    let dataset = encode(TWO, &job);
    assert_eq!(examples(&dataset.train).0, [vec![1.0, 2.0], vec![11.0, 12.0], vec![2.0, 3.0]]);
    assert_eq!(examples(&dataset.held_out).0, [vec![3.0, 4.0], vec![12.0, 13.0]], "with the rows before them");
    let survey = read(TWO).survey(&job).unwrap();
    assert_eq!((survey.rows, survey.inputs[0].name.as_str(), survey.inputs[0].count), (3, "x", 5));
    assert_eq!(survey.inputs[0].max, 12.0, "no held-out row enters the numbers");
}

#[test]
fn marks_can_leave_rows_as_context_alone() {
    let text = "m,x,y,split\na,1,0,train\na,2,1,train\nb,11,0,context\nb,12,1,Ignore\nb,13,0,test\n";
    let job = windows(3, 1, HeldOut::ByColumn("split".into()));
    let dataset = encode(text, &job);
    assert_eq!((examples(&dataset.held_out).0, dataset.train.len()), (vec![vec![11.0, 12.0, 13.0]], 0));
    assert!(dataset.usage.to_string().contains("2 marked as context"), "{}", dataset.usage);
    let single = Job { window: None, ..job };
    let dataset = encode(text, &single);
    assert_eq!((dataset.train.len(), dataset.held_out.len(), dataset.usage.skipped_total()), (2, 1, 2));
}

#[test]
fn no_example_trains_on_rows_that_are_held_out() {
    let text = "m,x,y,split\na,1,0,\na,2,1,\na,3,0,test\na,4,0,\na,5,1,\na,6,1,\n";
    let dataset = encode(text, &windows(2, 1, HeldOut::ByColumn("split".into())));
    assert_eq!(examples(&dataset.train).0, [vec![1.0, 2.0], vec![4.0, 5.0], vec![5.0, 6.0]]);
    assert!(dataset.usage.to_string().contains("1 in windows with held-out rows"), "{}", dataset.usage);
}

#[test]
fn groups_are_held_out_as_a_whole_and_for_ever() {
    let rows: String = (0..400).map(|row| format!("machine-{},{row},{}\n", row % 40, row % 2)).collect();
    let table = read(&format!("m,x,y\n{rows}"));
    let job = windows(1, 1, HeldOut::ByHash(2_000));
    let single = Job { window: None, ..job.clone() };
    let dataset = table.encode(&single).unwrap();
    let held_out = |dataset: &Dataset| {
        let mut machines: Vec<u32> = examples(&dataset.held_out).0.iter().map(|x| x[0] as u32 % 40).collect();
        machines.sort_unstable();
        machines
    };
    let machines = held_out(&dataset);
    assert!(machines.chunks(10).all(|ten| ten.iter().all(|machine| *machine == ten[0])), "all ten rows of a machine");
    let mut once = machines.clone();
    once.dedup();
    assert_eq!(once, [2, 6, 11, 20, 21, 31, 36, 38], "pinned");
    assert_eq!(held_out(&table.encode(&job).unwrap()), machines);
    assert_eq!(table.survey(&single).unwrap().inputs.len(), 1, "the group is not an input");
}

#[test]
fn files_are_groups_where_no_column_has_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = ["1.csv", "2.csv"].map(|name| folder.path().join(name)).into();
    for (path, rows) in paths.iter().zip(["1,0\n2,1\n3,0\n", "8,0\n9,1\n"]) {
        std::fs::write(path, format!("x,y\n{rows}")).unwrap();
    }
    let table = Table::read(&Source { paths, ..Source::new("") }).unwrap();
    for group in [None, Some("file".to_owned())] {
        let dataset = table.encode(&Job { group, ..windows(2, 1, HeldOut::ByHash(0)) }).unwrap();
        assert_eq!(examples(&dataset.train).0, [vec![1.0, 2.0], vec![2.0, 3.0], vec![8.0, 9.0]]);
    }
    let missing = table.encode(&windows(2, 1, HeldOut::ByHash(0))).unwrap_err();
    assert_eq!(shown(&missing), "column 'm' missing in 1.csv (delimiter ','); there are: x, y");
    let column = read("file,x,y\nA,1,0\nB,2,1\nA,3,1\n");
    let dataset = column.encode(&Job { group: Some("file".into()), ..windows(2, 1, HeldOut::ByHash(0)) }).unwrap();
    assert_eq!(examples(&dataset.train).0, [vec![1.0, 3.0]], "a column of that name goes first");
}

#[test]
fn all_rows_are_predicted_with_the_rows_before_them() {
    let table = read("m,x\na,1\nb,11\na,2\na,3\nb,12\n");
    let inputs = table.encode_inputs(&windows(2, 5, HeldOut::ByHash(2_000))).unwrap();
    let mut x = Vec::new();
    assert!((0..inputs.x.len()).all(|example| inputs.x.extend(example, &mut x)));
    assert_eq!((x, inputs.rows), (vec![1.0, 2.0, 2.0, 3.0, 11.0, 12.0], vec![2, 3, 4]));
    let with_target = read("m,x,y\na,1,0\nb,11,0\na,2,\na,3,1\nb,12,0\n");
    let truth = with_target.truth(&windows(2, 1, HeldOut::ByHash(0)), &[2, 3, 4]).unwrap();
    assert_eq!((truth.known, truth.targets), (vec![1, 2], Targets::Classes(vec![1, 0])));
}

#[test]
fn bytes_and_floats_make_the_same_windows() {
    let job = Job {
        fitted: classes(vec![scaled("x", 3.0, 0.5), scaled("z", 1.0, 0.1)], &["0", "1"]),
        ..windows(3, 1, HeldOut::ByHash(0))
    };
    let rows: String = (0..50).map(|row| format!("m,{},{row},{}\n", row * 5, row % 2)).collect();
    let bytes = encode(&format!("m,x,z,y\n{rows}"), &job);
    let floats = encode(&format!("m,x,z,y\n{rows}m,,1,1\n"), &job);
    assert_eq!((examples(&bytes.train), bytes.digest), (examples(&floats.train), floats.digest));
    let other = Job { window: Some(Window { rows: 4, every: 1 }), ..job };
    assert_ne!(encode(&format!("m,x,z,y\n{rows}"), &other).digest, bytes.digest);
}
