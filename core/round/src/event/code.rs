//! The numbers of events, and what the table in `docs/operations.md` says of them.

use alloc::format;
use alloc::string::String;
use core::fmt;

macro_rules! codes {
    ($($name:ident $number:literal $meaning:literal $remedy:literal)*) => {
        /// An event's number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $name,)*
        }

        impl Code {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As logs, JSON and metrics have it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $number),* }
            }

            /// What has happened, and why.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),* }
            }

            /// What to do.
            pub fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy),* }
            }
        }
    };
}

codes! {
    Joined "HJ-101"
        "An agent joined, with so many training rows."
        "nothing"
    Left "HJ-102"
        "An agent left: it was stopped, or its connection ended. The job continues, and it joins again by itself."
        "look at that machine"
    Away "HJ-103"
        "An agent is away: its `train_only` hours are over. It comes back by itself."
        "nothing"
    Unable "HJ-104"
        "An agent's program ended before it joined: its data do not fit the job, or its settings are wrong. The event says which."
        "fix it on that machine; `check` there says more"
    Refused "HJ-110"
        "An agent was refused: other rows although data are shared, another version, no rows, or too many agents. The event says which."
        "as the event says"
    CannotBegin "HJ-120"
        "The job cannot begin: columns, classes, `[model]` or the saved model do not fit together. The page's first line says what."
        "correct what it names; each agent that joins starts a new attempt"
    Settled "HJ-121"
        "Columns, classes and model are settled."
        "nothing"
    Started "HJ-122"
        "Training begins."
        "nothing"
    BestKept "HJ-123"
        "The job ended with the model of an earlier round: that one scored best."
        "nothing"
    Continued "HJ-124"
        "Training continues with the unfinished model in the output folder ([Start it again](#everyday-things))."
        "nothing"
    StartedOver "HJ-125"
        "Training starts with a new model; the one that was in the output folder is kept in `checkpoints`."
        "nothing"
    Repaired "HJ-126"
        "The start repaired what a save that was cut off had left."
        "nothing"
    Paused "HJ-130"
        "Training pauses: fewer agents than `min_agents`. Nothing is lost, and it resumes by itself."
        "start more agents"
    Resumed "HJ-131"
        "Training continues: enough agents are back, or a person resumed it."
        "nothing"
    PauseRequested "HJ-132"
        "A person asked to pause."
        "Resume on the page continues the job"
    Unanswered "HJ-140"
        "An agent does not answer: it is frozen, slow, or its cable is out. The job continues."
        "look at that machine"
    GivenUp "HJ-141"
        "A round was given up: too few answers for `quorum`. The model stays as it was, and the round is repeated."
        "if it repeats (the page says \"no progress\"), look for the agents that do not answer"
    NotFinite "HJ-142"
        "An agent found a loss or gradient that is not finite: the learning rate is too high, or a column holds absurd numbers."
        "lower `learning_rate`; `inspect` the data of that agent"
    Reissued "HJ-143"
        "An agent was late, slow or gone: others compute its samples."
        "if it is always the same agent, look at that machine"
    Diverged "HJ-150"
        "Loss, gradient or model is no longer finite: the job ends with the last finite model. With four agents or more the event names one whose gradient was more than a thousand times the others'."
        "lower `learning_rate`; `inspect` the data, that agent's first"
    CodecChanged "HJ-160"
        "An agent's gradients are written shorter, or in full again, as its link needs it (`[gradient] codec = \"auto\"`)."
        "nothing"
    LocalSteps "HJ-161"
        "Agents take more or fewer steps in a round, as the network needs it (`[training] local_steps = \"auto\"`)."
        "nothing"
    CodecPlanned "HJ-162"
        "An agent's gradients are written shorter from the first round on, as its `uplink` limit needs it."
        "nothing"
    BrokerOverloaded "HJ-170"
        "Rounds pause: the broker drops messages, or takes seconds to acknowledge them."
        "a faster machine for the broker, fewer other jobs on it"
    BrokerRecovered "HJ-171"
        "The broker keeps up again: pauses between rounds become shorter, or end."
        "nothing"
    SlowModel "HJ-172"
        "A model takes long to send: `[limits] downlink` lets no more through. A round's time counts from when its model has left."
        "raise it, or set `[gradient] update = \"int8\"`; [limits](limits.md#what-goes-down)"
    CannotSave "HJ-180"
        "The model cannot be saved: the disk is full, or the output folder is missing or may not be written to. The last model is kept; training continues, a job that is over waits."
        "make room, or bring the folder back: saving resumes by itself (HJ-181). Do not stop the program before"
    SavedAgain "HJ-181"
        "The model could be saved again."
        "nothing"
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Code {
    /// The table of all codes as `docs/operations.md` has it, in Markdown.
    pub fn table() -> String {
        let rows = Self::ALL.iter().map(|code| format!("| {code} | {} | {} |\n", code.meaning(), code.remedy()));
        rows.fold(String::from("| event | what happened | what to do |\n|---|---|---|\n"), |table, row| table + &row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
        assert!(Code::ALL.iter().all(|code| !code.meaning().is_empty() && !code.remedy().is_empty()));
    }
}
