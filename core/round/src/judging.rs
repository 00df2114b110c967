//! Settles what models are judged by: which class is positive, and which figure models are compared by.

use crate::fit::FitError;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{borrow::ToOwned, format};
use heijunka_judge::{Judge, Judging, ScoreName};
use heijunka_wire::document::{Fitted, Job, Survey, Target};

/// The judge of a fitted job, and the figure that decides. Error: a setting of `[task]` or `[training]` does not suit the
/// data.
pub(crate) fn judged(
    judging: &Judging,
    job: &Job,
    fitted: &Fitted,
    surveys: &[Survey],
) -> Result<(Judge, ScoreName), String> {
    let positive = match &fitted.target {
        Target::Classes { names, .. } if names.len() == 2 => Some(positive(judging, names, surveys)?),
        _ => None,
    };
    let anomaly = fitted.target == Target::Inputs;
    let ranked = positive.is_some() || anomaly && !job.target.is_empty();
    if positive.is_none() && judging.positive.is_some() || !ranked && judging.costs.is_some() {
        let key = if judging.positive.is_some() { "positive" } else { "costs" };
        return Err(format!("[task] {key} is for two classes, and this target does not have two: remove it"));
    }
    let usual = match &fitted.target {
        Target::Scaled { .. } => ScoreName::Rmse,
        Target::Inputs => ScoreName::Loss,
        Target::Classes { .. } if positive.is_some() => ScoreName::PrAuc,
        Target::Classes { .. } => ScoreName::MacroF1,
    };
    let score = judging.score.unwrap_or(usual);
    let has_it = match score {
        ScoreName::Loss => true,
        ScoreName::Accuracy | ScoreName::MacroF1 => matches!(fitted.target, Target::Classes { .. }),
        ScoreName::PrAuc | ScoreName::RocAuc | ScoreName::BestF1 => ranked,
        ScoreName::Rmse => matches!(fitted.target, Target::Scaled { .. }),
    };
    if !has_it {
        let (score, usual) = (score.as_str(), usual.as_str());
        return Err(format!("[training] score = \"{score}\" does not suit this target: write score = \"{usual}\""));
    }
    let anomaly_quantile = anomaly.then_some(judging.threshold_quantile);
    Ok((Judge { positive, costs: judging.costs, anomaly_quantile }, score))
}

/// The place of the class that is named, else of the rarer one; of equally frequent ones the second.
fn positive(judging: &Judging, names: &[String], surveys: &[Survey]) -> Result<usize, String> {
    if let Some(name) = &judging.positive {
        let place = names.iter().position(|class| class == name);
        return place.ok_or_else(|| {
            let column = surveys.first().map_or_else(String::new, |survey| survey.target.name.clone());
            let (class, classes) = (name.to_owned(), names.join(", "));
            FitError::UnknownClass { key: "positive", column, class, classes }.to_string()
        });
    }
    let values = || surveys.iter().flat_map(|survey| &survey.target.values);
    let rows = |name: &String| values().filter(|(value, _)| value == name).map(|(_, rows)| rows).sum::<u64>();
    let rows: Vec<u64> = names.iter().map(rows).collect();
    Ok(usize::from(rows.first() >= rows.get(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::plan;
    use alloc::vec;
    use heijunka_learn::metrics::ranking::Costs;
    use heijunka_wire::document::Column;

    fn job() -> Job {
        plan().job
    }

    fn fitted(names: &[&str]) -> Fitted {
        let names: Vec<String> = names.iter().map(|name| (*name).into()).collect();
        Fitted { inputs: vec![], target: Target::Classes { weights: vec![1.0; names.len()], names } }
    }

    fn surveys() -> Vec<Survey> {
        let survey = |rows: &[(&str, u64)]| {
            let values = rows.iter().map(|(name, rows)| ((*name).into(), *rows)).collect();
            Survey { target: Column { name: "fault".into(), values, ..Column::default() }, ..Survey::default() }
        };
        vec![survey(&[("0", 40), ("1", 41)]), survey(&[("0", 10)])]
    }

    #[test]
    fn the_rarer_class_is_the_positive_one_unless_one_is_named() {
        let place = |judging: &Judging| {
            judged(judging, &job(), &fitted(&["0", "1"]), &surveys()).map(|(judge, _)| judge.positive)
        };
        assert_eq!(place(&Judging::default()), Ok(Some(1)));
        assert_eq!(place(&Judging { positive: Some("0".into()), ..Judging::default() }), Ok(Some(0)));
        let error = place(&Judging { positive: Some("yes".into()), ..Judging::default() }).unwrap_err();
        assert_eq!(error, "positive names 'yes', but 'fault' has: 0, 1");
    }

    #[test]
    fn the_task_decides_what_models_are_judged_by() {
        let score = |fitted: &Fitted| judged(&Judging::default(), &job(), fitted, &surveys()).unwrap().1;
        assert_eq!(score(&fitted(&["0", "1"])), ScoreName::PrAuc);
        assert_eq!(score(&fitted(&["0", "1", "2"])), ScoreName::MacroF1);
        let number = Fitted { inputs: vec![], target: Target::Scaled { offset: 0.0, scale: 1.0 } };
        assert_eq!(score(&number), ScoreName::Rmse);
    }

    #[test]
    fn anomalies_are_judged_by_their_loss_unless_a_column_tells_them() {
        let inputs = Fitted { inputs: vec![], target: Target::Inputs };
        let by_rank = Judging { score: Some(ScoreName::PrAuc), ..Judging::default() };
        let (judge, score) = judged(&Judging::default(), &job(), &inputs, &surveys()).unwrap();
        assert_eq!((judge.anomaly_quantile, score), (Some(0.99), ScoreName::Loss));
        assert!(judged(&by_rank, &job(), &inputs, &surveys()).is_ok());
        let unlabelled = Job { target: String::new(), ..job() };
        assert!(judged(&by_rank, &unlabelled, &inputs, &surveys()).is_err());
    }

    #[test]
    fn what_does_not_suit_the_target_is_refused() {
        let number = Fitted { inputs: vec![], target: Target::Scaled { offset: 0.0, scale: 1.0 } };
        let score = Judging { score: Some(ScoreName::PrAuc), ..Judging::default() };
        let costs = Judging { costs: Some(Costs { missed: 50.0, false_alarm: 1.0 }), ..Judging::default() };
        let error = |judging| judged(judging, &job(), &number, &[]).unwrap_err();
        assert_eq!(error(&score), "[training] score = \"pr_auc\" does not suit this target: write score = \"rmse\"");
        assert_eq!(error(&costs), "[task] costs is for two classes, and this target does not have two: remove it");
    }
}
