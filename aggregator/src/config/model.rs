//! `[model]`: the shape of what is trained.

use heijunka_settings::Problem;
use heijunka_wire::limits::{CONVOLUTIONS_MAX, WIDTHS_MAX};
use heijunka_wire::{Activation, Convolution, Pooling};
use serde::Deserialize;
use std::path::{Path, PathBuf};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ModelKind {
    #[default]
    Dense,
    Conv,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum HiddenActivation {
    #[default]
    Relu,
    Tanh,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PooledBy {
    #[default]
    None,
    Mean,
    Max,
}

/// One number for all convolutions, or one for each.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a whole number, or a list of one for each of the filters")]
enum ForEach {
    All(u16),
    Each(Vec<u16>),
}

/// `[model]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Model {
    /// dense: fully connected layers; conv: convolutions over a window's rows, then fully connected layers. `kind = "dense"`
    kind: ModelKind,
    /// conv: filters of each of 1 to 3 convolutions; [16, 16] if omitted, for example `filters = [16, 16]`
    filters: Option<Vec<u16>>,
    /// conv: rows that a filter sees, one number for all convolutions or a list; 5 if omitted, for example `kernel = 5`
    kernel: Option<ForEach>,
    /// conv: rows from one place of a filter to the next, 1 to the kernel; 1 if omitted, for example `stride = [2, 1]`
    stride: Option<ForEach>,
    /// conv: what the hidden layers see of each filter: its mean or max over time, or with none all its places; none if omitted, for example `pooling = "mean"`
    pooling: Option<PooledBy>,
    /// Widths of the hidden layers, 1 to 65536; [] for linear or softmax regression. [64] if omitted; anomaly: as wide as
    /// the inputs suggest, with a narrow layer between, for example `hidden = [64]`
    hidden: Option<Vec<u32>>,
    /// What hidden layers do with their sums. `activation = "relu"`
    activation: HiddenActivation,
    /// A model of this shape to begin with, in place of a new one: model.safetensors with its card beside it, or their
    /// folder. Its scaling and classes stay; for example `start_from = 'last-year/model.safetensors'`
    start_from: Option<PathBuf>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            kind: ModelKind::Dense,
            filters: None,
            kernel: None,
            stride: None,
            pooling: None,
            hidden: None,
            activation: HiddenActivation::Relu,
            start_from: None,
        }
    }
}

impl Model {
    /// Widths of the hidden layers; none where anomalies are looked for and none are named.
    pub(super) fn hidden(&self, is_anomaly: bool) -> Result<Vec<u32>, Problem> {
        if is_anomaly && self.kind == ModelKind::Conv {
            let message = "a model that gives its inputs again is fully connected";
            return Err(Problem::new("model.kind", message, "write kind = \"dense\""));
        }
        if is_anomaly && self.hidden.as_ref().is_some_and(Vec::is_empty) {
            let message = "without a hidden layer the inputs would only be copied";
            return Err(Problem::new("model.hidden", message, "delete it, or write for example hidden = [16, 4, 16]"));
        }
        let usual = if is_anomaly { Vec::new() } else { vec![64] };
        let hidden = self.hidden.clone().unwrap_or(usual);
        if hidden.len() + 2 > WIDTHS_MAX || hidden.iter().any(|w| !(1..=65_536).contains(w)) {
            let fix = format!("write at most {} widths of 1 to 65536, for example hidden = [64]", WIDTHS_MAX - 2);
            return Err(Problem::new("model.hidden", "these layers cannot be built", fix));
        }
        Ok(hidden)
    }

    /// Convolutions before the hidden layers, over windows of that many rows.
    pub(super) fn convolutions(&self, window_rows: Option<u16>) -> Result<Vec<Convolution>, Problem> {
        if self.kind == ModelKind::Dense {
            return self.without_convolutions();
        }
        let Some(rows) = window_rows else {
            let message = "conv needs windows of several rows, and [task] has no window_rows";
            let fix = "write window_rows = 30 and group_by in [task], or kind = \"dense\" here";
            return Err(Problem::new("model.kind", message, fix));
        };
        let filters = self.filters.clone().unwrap_or_else(|| vec![16, 16]);
        if !(1..=CONVOLUTIONS_MAX).contains(&filters.len()) || filters.contains(&0) {
            let fix =
                format!("write the filters of 1 to {CONVOLUTIONS_MAX} convolutions, for example filters = [16, 16]");
            return Err(Problem::new("model.filters", "these convolutions cannot be built", fix));
        }
        let kernels = for_each(self.kernel.as_ref(), 5, filters.len(), "model.kernel")?;
        let strides = for_each(self.stride.as_ref(), 1, filters.len(), "model.stride")?;
        let mut left = rows;
        let layers = filters.into_iter().zip(kernels).zip(strides).enumerate();
        layers
            .map(|(index, ((filters, kernel), stride))| {
                let layer = Convolution { filters, kernel, stride };
                left = rows_after(layer, index, left)?;
                Ok(layer)
            })
            .collect()
    }

    /// What follows the last convolution.
    pub(super) fn pooling(&self) -> Pooling {
        match self.pooling.unwrap_or_default() {
            PooledBy::None => Pooling::None,
            PooledBy::Mean => Pooling::Mean,
            PooledBy::Max => Pooling::Max,
        }
    }

    /// What the hidden layers do with their sums.
    pub(super) fn activation(&self) -> Activation {
        match self.activation {
            HiddenActivation::Relu => Activation::Relu,
            HiddenActivation::Tanh => Activation::Tanh,
        }
    }

    /// The model to begin with.
    pub(super) fn start_from(&self) -> Option<&Path> {
        self.start_from.as_deref()
    }

    /// Keys of convolutions would have no effect.
    fn without_convolutions(&self) -> Result<Vec<Convolution>, Problem> {
        let named = [
            ("filters", self.filters.is_some()),
            ("kernel", self.kernel.is_some()),
            ("stride", self.stride.is_some()),
            ("pooling", self.pooling.is_some()),
        ];
        match named.into_iter().find(|(_, is_written)| *is_written) {
            Some((key, _)) => {
                let message = "belongs to convolutions, and this model is fully connected";
                Err(Problem::new(format!("model.{key}"), message, "write kind = \"conv\", or delete this line"))
            }
            None => Ok(Vec::new()),
        }
    }
}

/// Rows that a convolution leaves of `rows`.
fn rows_after(layer: Convolution, index: usize, rows: u16) -> Result<u16, Problem> {
    let Convolution { kernel, stride, .. } = layer;
    if stride > kernel {
        let message = format!("{stride} is longer than the kernel of {kernel} rows: rows between would be lost");
        return Err(Problem::new("model.stride", message, format!("write 1 to {kernel}")));
    }
    let Some(more) = rows.checked_sub(kernel) else {
        let left = if index == 0 {
            format!("the window of {rows} rows, task.window_rows")
        } else {
            format!("the {rows} rows that the convolutions before it leave of the window")
        };
        let message = format!("{kernel} rows are longer than {left}");
        return Err(Problem::new("model.kernel", message, "write a shorter kernel, or a higher task.window_rows"));
    };
    Ok(more / stride + 1)
}

/// One number for each of `count` convolutions.
fn for_each(written: Option<&ForEach>, otherwise: u16, count: usize, key: &str) -> Result<Vec<u16>, Problem> {
    let numbers = match written {
        None => vec![otherwise; count],
        Some(ForEach::All(number)) => vec![*number; count],
        Some(ForEach::Each(numbers)) => numbers.clone(),
    };
    if numbers.len() != count {
        let message = format!("{} numbers for {count} convolutions", numbers.len());
        return Err(Problem::new(key, message, "write one for each of the filters, or one for all"));
    }
    if numbers.contains(&0) {
        return Err(Problem::new(key, "0 is out of range", "write 1 or more rows"));
    }
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(text: &str) -> Model {
        toml::from_str(text).unwrap()
    }

    fn refused(text: &str) -> String {
        let problem = model(text).convolutions(Some(30)).unwrap_err();
        format!("{}: {}; {}", problem.key, problem.message, problem.fix)
    }

    #[test]
    fn one_number_serves_all_convolutions() {
        let layers = |text| {
            let layers = model(text).convolutions(Some(30)).unwrap();
            layers.iter().map(|l| (l.filters, l.kernel, l.stride)).collect::<Vec<_>>()
        };
        assert_eq!(layers(""), []);
        assert_eq!(layers("kind = 'conv'"), [(16, 5, 1), (16, 5, 1)]);
        assert_eq!(layers("kind = 'conv'\nfilters = [8]\nkernel = 9\nstride = 4"), [(8, 9, 4)]);
        let named = "kind = 'conv'\nfilters = [8, 4, 2]\nkernel = [9, 5, 1]\nstride = [4, 2, 1]";
        assert_eq!(layers(named), [(8, 9, 4), (4, 5, 2), (2, 1, 1)]);
    }

    #[test]
    fn what_cannot_be_built_is_said() {
        let said = refused("kind = 'conv'\nfilters = [8, 8, 8, 8]");
        assert!(
            said.starts_with("model.filters: these convolutions cannot be built; write the filters of 1 to 3"),
            "{said}"
        );
        assert!(refused("kind = 'conv'\nfilters = [8, 0]").starts_with("model.filters"));
        let said = refused("kind = 'conv'\nkernel = [3, 3, 3]");
        assert!(said.starts_with("model.kernel: 3 numbers for 2 convolutions; write one for each"), "{said}");
        assert!(refused("kind = 'conv'\nkernel = 0").starts_with("model.kernel: 0 is out of range"));
        let said = refused("kind = 'conv'\nkernel = 3\nstride = 4");
        assert!(said.starts_with("model.stride: 4 is longer than the kernel of 3 rows"), "{said}");
        let said = refused("kind = 'conv'\nkernel = 31");
        assert!(
            said.starts_with("model.kernel: 31 rows are longer than the window of 30 rows, task.window_rows"),
            "{said}"
        );
        let said = refused("kind = 'conv'\nkernel = [5, 10]\nstride = [3, 1]");
        assert!(said.starts_with("model.kernel: 10 rows are longer than the 9 rows that"), "{said}");
        let problem = model("kind = 'conv'").convolutions(None).unwrap_err();
        assert!(problem.key == "model.kind" && problem.fix.starts_with("write window_rows = 30"), "{problem:?}");
        let said = refused("pooling = 'mean'");
        assert!(said.contains("model.pooling") && said.contains("write kind = \"conv\""), "{said}");
    }
}
