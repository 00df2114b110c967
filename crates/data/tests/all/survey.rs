//! Which columns a job takes, and how they are described.

use crate::help::{job, names, read, shown};
use heijunka_wire::document::{Document, HeldOut, Job, Task};

const TEXT: &str = "id;speed;grade;Luminosity;fault\n1;10;A;0.5;0\n2;20;B;0.5;1\n3;30;A;1.5;10\n4;40;A;1.5;2\n";

fn error(text: &str, job: &Job) -> String {
    shown(&read(text).survey(job).unwrap_err())
}

#[test]
fn numbers_are_summed_up_and_texts_are_counted() {
    let survey = read(TEXT).survey(&job(Task::Classification, "fault")).unwrap();
    assert_eq!(
        survey.inputs.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["id", "speed", "grade", "Luminosity"]
    );
    let speed = &survey.inputs[1];
    assert_eq!((speed.count, speed.mean, speed.m2, speed.min, speed.max), (4, 25.0, 500.0, 10.0, 40.0));
    assert_eq!(survey.inputs[2].values, [("A".to_owned(), 3), ("B".to_owned(), 1)]);
    let classes: Vec<_> = survey.target.values.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(classes, ["0", "1", "10", "2"], "in the order of texts");
    assert_eq!(survey.check(), Ok(()));
}

#[test]
fn inputs_are_those_named_or_all_but_the_ignored() {
    let inputs = |change: fn(&mut Job)| {
        let mut job = job(Task::Regression, "Luminosity");
        change(&mut job);
        let survey = read(TEXT).survey(&job).unwrap();
        survey.inputs.into_iter().map(|column| column.name).collect::<Vec<_>>()
    };
    assert_eq!(inputs(|job| job.ignore = names(&["id", "fault"])), ["speed", "grade"]);
    assert_eq!(inputs(|job| job.inputs = names(&["fault", "speed"])), ["speed", "fault"], "in the file's order");
}

#[test]
fn missing_columns_are_named_with_the_closest() {
    let missing = job(Task::Classification, "luminosity");
    assert_eq!(error(TEXT, &missing), "column 'luminosity' missing in a.csv (delimiter ';'); closest: 'Luminosity'");
    let ignored = Job { ignore: names(&["sped"]), ..job(Task::Classification, "fault") };
    assert_eq!(error(TEXT, &ignored), "column 'sped' missing in a.csv (delimiter ';'); closest: 'speed'");
    let unlike = Job { inputs: names(&["QQ"]), ..job(Task::Classification, "fault") };
    assert_eq!(
        error(TEXT, &unlike),
        "column 'QQ' missing in a.csv (delimiter ';'); there are: id, speed, grade, Luminosity, fault"
    );
    let nothing = Job { ignore: names(&["id", "speed", "grade", "Luminosity"]), ..job(Task::Classification, "fault") };
    assert_eq!(error(TEXT, &nothing), "a.csv (delimiter ';') has no column left to predict 'fault' from");
}

#[test]
fn a_regression_needs_numbers() {
    assert_eq!(
        error("x,y\n1,2\n3,ERR\n", &job(Task::Regression, "y")),
        "column 'y' in a.csv (delimiter ',') holds the text 'ERR' (a.csv line 3), and a regression needs numbers"
    );
}

#[test]
fn columns_of_free_text_are_left_out_with_a_note() {
    let rows: String = (0..300).map(|row| format!("{row},serial-{row},{}\n", row % 2)).collect();
    let table = read(&format!("x,serial,y\n{rows}"));
    assert_eq!(
        table.notes(),
        ["column 'serial' is left out: it has more than 256 different texts (the first in line 2: 'serial-0')"]
    );
    assert_eq!(table.survey(&job(Task::Classification, "y")).unwrap().inputs.len(), 1);
    let asked = Job { inputs: names(&["serial"]), ..job(Task::Classification, "y") };
    assert_eq!(
        shown(&table.survey(&asked).unwrap_err()),
        "column 'serial' in a.csv (delimiter ',') has more than 256 different texts (the first in line 2: 'serial-0')"
    );
    assert_eq!(
        shown(&table.survey(&job(Task::Classification, "x")).unwrap_err()),
        "column 'x' has more than 256 classes"
    );
}

#[test]
fn held_out_rows_do_not_enter_the_numbers_but_their_classes_have_names() {
    let rows: String = (0..200).map(|row| format!("{row},class-{}\n", row % 100)).collect();
    let table = read(&format!("x,y\n{rows}"));
    let half = Job { held_out: HeldOut::ByHash(5_000), ..job(Task::Classification, "y") };
    let survey = table.survey(&half).unwrap();
    assert_eq!(survey.rows, (0..200).filter(|row| !table.held_out(*row, 5_000)).count() as u64);
    assert_eq!(survey.inputs[0].count, survey.rows);
    assert_eq!(survey.target.values.len(), 100);
    assert_eq!(survey.target.values.iter().map(|(_, count)| count).sum::<u64>(), survey.rows);
    assert!(survey.target.values.iter().any(|(_, count)| *count == 0));
}

#[test]
fn a_word_among_numbers_is_pointed_out() {
    let notes = read("x,grade\n1.5,A\n2.5,7\nERR,B\n3.5,A\n").notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("column 'x' is taken as text: it holds 'ERR' ("), "{notes:?}");
    assert!(notes[0].ends_with("a.csv line 4) among numbers"), "{notes:?}");
}

#[test]
fn a_column_can_say_which_rows_are_held_out() {
    for (marks, text) in
        [("a,b,a", "split,x,y\ntrain,1,a\ntest,2,b\nTEST,3,a\n"), ("a,b,a", "split,x,y\n0,1,a\n1,2,b\n1,3,a\n")]
    {
        let by_column = Job { held_out: HeldOut::ByColumn("split".into()), ..job(Task::Classification, "y") };
        let survey = read(text).survey(&by_column).unwrap();
        assert_eq!((survey.rows, survey.inputs.len()), (1, 1), "{marks}: the mark is not an input");
        assert_eq!(read(text).usage(&by_column).unwrap().held_out, 2);
    }
}
