//! Keys and sections: unknown, missing, misplaced, of a wrong kind; text that is not TOML.

use super::{HEAD, read, report, report_on};
use crate::{Failure, Problem};
use insta::assert_snapshot;

#[test]
fn good_settings_are_read() {
    let text = format!(
        "{HEAD}[training]\nglobal_batch_samples = 256\nlearning_rate = 1\nhidden = [64]\nmax_time = \"1h\"\n[data]\npath = 'C:\\temp\\a.csv'\ndelimiter = \"\\t\"\nshuffle = true\n"
    );
    let settings = read(&text).unwrap().settings;
    assert_eq!((settings.site.as_str(), settings.broker.url.host.as_str()), ("hall-3", "broker"));
    assert_eq!((settings.training.global_batch_samples, settings.training.learning_rate), (256, 1.0));
    assert_eq!((settings.training.hidden, settings.data.delimiter), (vec![64], Some('\t')));
    assert_eq!(settings.training.max_time.unwrap().as_secs_f64(), 3600.0);
    assert_eq!(settings.data.path.to_str(), Some(r"C:\temp\a.csv"));
    assert!(settings.data.shuffle && settings.log == crate::LogSettings::default());
}

#[test]
fn a_byte_order_mark_is_skipped() {
    assert!(read(&format!("\u{feff}{HEAD}")).is_ok());
}

#[test]
fn unknown_keys() {
    assert_snapshot!("unknown_key", report_on("[training]\nglobal_batch = 5"));
    assert_snapshot!("unknown_section", report_on("[traning]\nglobal_batch_samples = 5"));
    assert_snapshot!("unknown_key_unlike_any", report_on("[training]\nbananas = 5"));
    assert_snapshot!("misplaced_key", report("# head\nurl = \"mqtt://broker\"\nsite = \"hall-3\"\n"));
}

#[test]
fn a_key_that_people_expect_under_another_name() {
    let said = report_on("[data]\nfile = 'a.csv'");
    assert!(said.contains("unknown key 'file'") && said.contains("did you mean 'path'?"), "{said}");
}

#[test]
fn missing_keys() {
    assert_snapshot!("missing_key", report("site = \"hall-3\"\n[broker]\nusername = \"a\"\n"));
    assert_snapshot!("missing_key_at_the_top", report("[broker]\nurl = \"mqtt://broker\"\n"));
    assert_snapshot!("missing_section", report("site = \"hall-3\"\n"));
    assert_snapshot!("missing_everything", report(""));
}

#[test]
fn wrong_kinds() {
    assert_snapshot!("number_in_quotes", report_on("[training]\nglobal_batch_samples = \"256\""));
    assert_snapshot!("number_in_quotes_in_a_list", report_on("[training]\nhidden = [64, \"32\"]"));
    assert_snapshot!("negative_number", report_on("[training]\nglobal_batch_samples = -1"));
    assert_snapshot!("text_for_a_number", report_on("[training]\nlearning_rate = \"fast\""));
    assert_snapshot!("number_for_a_list", report_on("[training]\nhidden = 64"));
    assert_snapshot!("number_for_a_text", report_on("[data]\npath = 5"));
    assert_snapshot!("two_characters", report_on("[data]\ndelimiter = \"ab\""));
    assert_snapshot!("boolean_in_quotes", report_on("[data]\nshuffle = \"true\""));
    assert_snapshot!("number_for_a_section", report("site = \"hall-3\"\nbroker = 5\n"));
    assert_snapshot!("number_for_a_choice", report_on("[log]\nlevel = 3"));
    assert_snapshot!("list_for_a_choice", report_on("[log]\nlevel = [\"info\"]"));
    assert_snapshot!("date_for_a_number", report_on("[training]\nlearning_rate = 2026-12-01"));
    assert_snapshot!("number_beyond_all", report_on("[training]\nglobal_batch_samples = 99999999999999999999"));
    assert_snapshot!("unknown_value", report_on("[log]\nlevel = \"warning\""));
    assert_snapshot!("unknown_value_unlike_any", report_on("[log]\nlevel = \"loud\""));
}

#[test]
fn windows_paths_in_double_quotes() {
    assert_snapshot!("windows_path_users", report_on("[data]\npath = \"C:\\Users\\data.csv\""));
    assert_snapshot!("windows_path_data", report_on("[data]\npath = \"C:\\data\\a.csv\""));
    assert_snapshot!("windows_path_with_a_silent_escape", report_on("[data]\npath = \"C:\\temp\\new.csv\""));
}

#[test]
fn not_toml() {
    assert_snapshot!("key_twice", report_on("url = \"mqtt://b\""));
    assert_snapshot!("text_without_quotes", report_on("username = alice"));
    assert_snapshot!("text_without_quotes_before_a_comment", report_on("username = alice   # of the broker"));
    assert_snapshot!("key_without_value", report_on("username"));
    assert_snapshot!("quote_not_closed", report_on("username = \"abc"));
    assert_snapshot!("section_not_closed", report_on("[log"));
}

#[test]
fn problems_point_at_their_line() {
    let loaded = read(HEAD).unwrap();
    let render = |problem: Problem| Failure::from(loaded.report(problem)).render(false, 100);
    assert_snapshot!(
        "problem_with_a_value",
        render(Problem::new("url", "no such host", "see `ping`").within("broker"))
    );
    assert_snapshot!("problem_with_an_absent_key", render(Problem::new("broker.keep_alive", "too long", "write 5s")));
    assert_snapshot!("problem_with_an_absent_section", render(Problem::new("log.level", "too loud", "write info")));
}
