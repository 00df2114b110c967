//! What a trace reader accepts, and what it says of the rest.

use super::*;

fn read(text: &str) -> Result<Trace, Wrong> {
    Trace::read(text.as_bytes())
}

fn costs(network_s: f64) -> Costs {
    Costs { network_s, fixed_s: 0.5, seconds_per_sample: 0.25 }
}

#[test]
fn rows_and_columns_may_come_in_any_order() {
    let trace = read(
        "agent,round,fixed_s,network_s,seconds_per_sample,note\n\
         PC-9,7,0.5,4,0.25,x\nPC-1,3,0.5,1,0.25,\nPC-9, 3 ,0.5,2,0.25,\nPC-1,7,0.5,3,0.25,\n",
    )
    .unwrap();
    assert_eq!(trace.agents.iter().map(AgentId::as_str).collect::<Vec<_>>(), ["PC-1", "PC-9"]);
    assert_eq!((trace.rounds(), trace.filled, trace.cut_off), (2, 0, false));
    let seen = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(round, agent)| trace.costs(round, agent));
    assert_eq!(seen, [1.0, 2.0, 3.0, 4.0].map(costs));
    assert_eq!(trace.costs(2, 1), costs(2.0), "the trace begins again");
}

#[test]
fn an_absent_agent_keeps_its_last_known_costs() {
    let head = "round,agent,network_s,fixed_s,seconds_per_sample\n";
    // b comes in round 1 and is absent in round 2.
    let trace = read(&format!("{head}0,a,1,.5,.25\n1,a,2,.5,.25\n1,b,9,.5,.25\n2,a,3,.5,.25\n3,b,7,.5,.25\n")).unwrap();
    let of = |agent| (0..4).map(|round| trace.costs(round, agent).network_s).collect::<Vec<_>>();
    assert_eq!((of(0), of(1)), (vec![1.0, 2.0, 3.0, 3.0], vec![9.0, 9.0, 9.0, 7.0]));
    assert_eq!(trace.filled, 3);
}

#[test]
fn errors_name_line_column_and_fix() {
    let head = "round,agent,network_s,fixed_s,seconds_per_sample";
    let wrong = |text: String| {
        let Wrong { line, column, what, fix } = read(&text).unwrap_err();
        assert!(!fix.is_empty());
        format!("{line} {column}: {what}")
    };
    assert_eq!(
        wrong("round,agent,network_s,fixed_s\n0,a,1,1\n".into()),
        "1 seconds_per_sample: this column is missing"
    );
    assert_eq!(wrong(String::new()), "1 round: this column is missing");
    assert_eq!(wrong(format!("{head}\n")), "2 round: the file has no rows");
    assert_eq!(wrong(format!("{head}\n0,a,1,1,1\n1,a,1,x,1\n")), "3 fixed_s: 'x' is not a number");
    assert_eq!(wrong(format!("{head}\n0,a,-1,1,1\n")), "2 network_s: -1 is out of range");
    assert_eq!(wrong(format!("{head}\n0,a,inf,1,1\n")), "2 network_s: inf is out of range");
    assert_eq!(wrong(format!("{head}\n0,a,1,1\n")), "2 seconds_per_sample: the cell is empty");
    assert_eq!(wrong(format!("{head}\n-1,a,1,1,1\n")), "2 round: '-1' is not a round");
    assert!(wrong(format!("{head}\n0,a/b,1,1,1\n")).starts_with("2 agent: '/' cannot stand in a name"));
    assert_eq!(wrong(format!("{head}\n0,a,1,1,1\n0,a,1,1,1\n")), "3 agent: this agent has two rows in round 0");
}

#[test]
fn a_file_is_named_in_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.csv");
    assert_eq!(Trace::load(&path).unwrap_err().exit(), Exit::Unavailable);
    std::fs::write(&path, "round,agent,network_s,fixed_s,seconds_per_sample\n0,a,1,1,much\n").unwrap();
    let failure = Trace::load(&path).unwrap_err();
    assert_eq!(failure.exit(), Exit::Config);
    let message = failure.to_string();
    assert!(message.ends_with("trace.csv, line 2, column seconds_per_sample: 'much' is not a number"), "{message}");
}
