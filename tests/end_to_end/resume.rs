//! Training resumes from a saved model: after a power cut, after a stop, and in a job of its own.

use crate::watch::Watch;
use heijunka_tests::{Plant, steel_plates};

const TASK: &str = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";
/// One agent: with the same batches in the same order the model is the same to the bit.
const EQUAL: &str = "[allocation]\npolicy = \"equal\"\n";

fn rounds(plant: &Plant) -> u64 {
    plant.card().unwrap()["training"]["rounds"].as_u64().unwrap()
}

fn model(plant: &Plant) -> Vec<u8> {
    std::fs::read(plant.folder().join("heijunka-output/model.safetensors")).unwrap()
}

/// The lines of history.csv as numbers of these columns.
fn history(plant: &Plant, columns: [usize; 2]) -> Vec<[f64; 2]> {
    let text = std::fs::read_to_string(plant.folder().join("heijunka-output/history.csv")).unwrap();
    assert_eq!(text.matches("model_version").count(), 1, "one header");
    let number = |line: &str, column| line.split(',').nth(column).unwrap().parse::<f64>().unwrap();
    text.lines().skip(1).map(|line| columns.map(|column| number(line, column))).collect()
}

/// Models that earlier jobs have left, by their rounds.
fn earlier(plant: &Plant) -> Vec<u64> {
    let Ok(names) = std::fs::read_dir(plant.folder().join("heijunka-output/checkpoints")) else { return Vec::new() };
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let earlier = names.filter(|name| name.starts_with("earlier-") && name.ends_with(".safetensors"));
    earlier.map(|name| name.trim_end_matches(".safetensors").rsplit('-').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_stopped_job_resumes_to_the_same_model_as_one_that_was_not_stopped() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    let training = "max_rounds = 1500";
    let aggregator = plant.aggregator(TASK, training, EQUAL).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(50));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    let stopped_at = rounds(&plant);
    assert!((1..1500).contains(&stopped_at), "{stopped_at}");
    let ended = plant.aggregator(TASK, training, EQUAL).unwrap().wait().unwrap();
    assert!(ended.log.contains(&format!("training continues after round {stopped_at} ")), "{}", ended.log);
    assert_eq!((rounds(&plant), earlier(&plant)), (1500, vec![]));
    let gone_on = model(&plant);
    // The job has ended by itself, so this one is new, and its model is kept.
    let ended = plant.aggregator(TASK, training, EQUAL).unwrap().wait().unwrap();
    assert!(!ended.log.contains("code=HJ-124"), "{}", ended.log);
    assert!(ended.log.contains("code=HJ-125"), "{}", ended.log);
    assert_eq!((rounds(&plant), earlier(&plant)), (1500, vec![1500]));
    assert!(gone_on == model(&plant), "the same to the bit");
    drop(agent);
}

#[test]
fn a_killed_aggregator_resumes_from_its_last_checkpoint_with_unchanged_settings() {
    let plant = Plant::new().unwrap();
    let start = |name| plant.agent(name, &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    let agents = ["machine-1", "machine-2"].map(start);
    let more = "[output]\ncheckpoint_every = \"100ms\"\nkeep = 2\n[allocation]\nmin_agents = 2\n";
    let aggregator = plant.aggregator(TASK, "max_rounds = 400", more).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(150));
    aggregator.kill().unwrap();
    let (saved_at, before) = (rounds(&plant), plant.card().unwrap());
    assert!((1..400).contains(&saved_at), "{saved_at}");
    let older: Vec<String> = std::fs::read_dir(plant.folder().join("heijunka-output/checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    assert!((1..=3).contains(&older.len()), "two, or a third if it was cut off while it tidied: {older:?}");
    let aggregator = plant.aggregator(TASK, "max_rounds = 400", more).unwrap();
    let (_, status) = watch.next(|_, status| status["gone_on_after_round"].is_u64());
    assert_eq!(status["gone_on_after_round"].as_u64(), Some(saved_at));
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains(&format!("training continues after round {saved_at} of the unfinished model in")));
    assert_eq!(rounds(&plant), 400);
    for key in ["seconds", "training_seconds"] {
        let seconds = |card: &serde_json::Value| card["training"][key].as_f64().unwrap();
        assert!(seconds(&plant.card().unwrap()) > seconds(&before), "{key} counts on");
    }
    // Columns 3 and 15: model_version and elapsed_seconds.
    let lines = history(&plant, [3, 15]);
    let seam = lines.iter().position(|[version, _]| *version > saved_at as f64).unwrap();
    assert!(lines.len() > 400 && seam > 0, "{} lines", lines.len());
    let saved_s = before["training"]["seconds"].as_f64().unwrap();
    let again = lines.iter().rposition(|[version, _]| *version <= saved_at as f64 + 1.0).unwrap();
    assert!(lines[again..].iter().all(|[_, elapsed_s]| *elapsed_s >= saved_s), "elapsed time counts on");
    // The agents were not restarted, and are still there.
    agents.into_iter().for_each(|agent| assert_eq!(agent.stop().unwrap().code, Some(0)));
}

#[test]
fn an_unfinished_model_is_refused_or_kept_and_begins_a_job_of_its_own() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "[emulate]\nfixed = \"2ms\"").unwrap();
    let aggregator = plant.aggregator(TASK, "max_rounds = 100000", "[output]\nkeep = 2\n").unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    watch.next(|_, status| status["round"].as_u64() >= Some(20));
    assert_eq!(aggregator.stop().unwrap().code, Some(0));
    let unfinished = rounds(&plant);
    // It does not fit the job: nothing is touched.
    let ended = plant.aggregator(TASK, "max_rounds = 5", "[model]\nhidden = [32]\n").unwrap().wait().unwrap();
    assert_eq!((ended.code, rounds(&plant)), (Some(78), unfinished), "{}", ended.log);
    let log = ended.log.replace("\n  | ", " ").replace("\n  |", "");
    assert!(log.contains("its list of hidden layers is [64]"), "{log}");
    assert!(log.contains("write resume = false"), "{log}");
    let ended = plant.aggregator(TASK, "max_rounds = 5\nvalidation_fraction = 0.3", "").unwrap().wait().unwrap();
    assert_eq!((ended.code, rounds(&plant)), (Some(78), unfinished), "{}", ended.log);
    let log = ended.log.replace("\n  | ", " ").replace("\n  |", "");
    assert!(log.contains("its held-out rows are 0.2 of all rows, and this job's 0.3 of all rows"), "{log}");
    // As that says.
    let more = "[model]\nhidden = [32]\n";
    let ended = plant.aggregator(TASK, "max_rounds = 5\nresume = false", more).unwrap().wait().unwrap();
    assert_eq!((ended.code, rounds(&plant)), (Some(0), 5), "{}", ended.log);
    assert_eq!(earlier(&plant), [unfinished]);
    // A job of its own begins with what is kept.
    let from = format!("[model]\nstart_from = 'heijunka-output/checkpoints/{}'\n", kept(&plant));
    let more = format!("{from}[output]\ndirectory = \"second\"\nformats = [\"safetensors\"]\n");
    let ended = plant.aggregator(TASK, "max_rounds = 5", &more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(plant.folder().join("second/model.safetensors").exists());
    assert!(!plant.folder().join("second/model.onnx").exists());
    drop(agent);
}

/// The model that an earlier job has left.
fn kept(plant: &Plant) -> String {
    let names = std::fs::read_dir(plant.folder().join("heijunka-output/checkpoints")).unwrap();
    let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.starts_with("earlier-") && name.ends_with(".safetensors"));
    names.pop().unwrap()
}

#[test]
fn a_model_of_another_shape_is_refused_with_what_to_write() {
    let plant = Plant::new().unwrap();
    let agent = plant.agent("machine-1", &steel_plates(), "").unwrap();
    assert_eq!(plant.aggregator(TASK, "max_rounds = 3", "").unwrap().wait().unwrap().code, Some(0));
    let more = "[model]\nhidden = [32]\nstart_from = 'heijunka-output'\n";
    let ended = plant.aggregator(TASK, "max_rounds = 3", more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let log = ended.log.replace("\n  | ", " ");
    assert!(log.contains("its list of hidden layers is [64], and this job's [32]"), "{log}");
    assert!(ended.log.contains("write hidden = [64], or name another model"), "{}", ended.log);
    drop(agent);
}
