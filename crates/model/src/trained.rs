//! A trained model and its card, as the aggregator has written them.

use crate::card::{Card, digest};
use heijunka_data::Examples;
use heijunka_learn::{ModelShape, mean_squared_error, predict, scratch_len};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::Loss;
use heijunka_wire::document::{Fitted, Target};
use std::path::Path;
use std::time::Duration;

/// Rows that are computed at once.
const ROWS_AT_ONCE: usize = 256;
/// Looks at a model and a card that do not belong together, and the time between two: a slow disk takes as long to write both.
const LOOKS: u32 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What is needed to predict.
pub struct Trained {
    /// What the model predicts, from what, and how it came to be.
    pub card: Card,
    /// How columns become inputs, and outputs what people read.
    pub fitted: Fitted,
    /// Its layers.
    pub shape: ModelShape,
    /// Finite, as many as the shape says.
    pub parameters: Vec<f32>,
}

impl Trained {
    /// Reads `model.safetensors` and `model_card.json`, and checks that they belong together.
    pub fn load(folder: &Path) -> Result<Self, Failure> {
        patiently(|| Self::read_folder(folder))
    }

    /// The same without waiting for an aggregator that is just writing them.
    pub fn load_at_once(folder: &Path) -> Result<Self, Failure> {
        Self::read_folder(folder).map_err(Unread::into)
    }

    /// The same for one file: its card has its name and ends in .json, or is the folder's `model_card.json`.
    pub fn load_file(model: &Path) -> Result<Self, Failure> {
        if model.is_dir() {
            return Self::load(model);
        }
        let own = model.with_extension("json");
        let card = if own.exists() { own } else { model.with_file_name("model_card.json") };
        patiently(|| Self::read(model.parent().unwrap_or(model), model, &card))
    }

    fn read_folder(folder: &Path) -> Result<Self, Unread> {
        Self::read(folder, &folder.join("model.safetensors"), &folder.join("model_card.json"))
    }

    fn read(folder: &Path, model: &Path, card: &Path) -> Result<Self, Unread> {
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let wrong = |path: &Path, why: String| unusable(folder, &format!("{}: {why}", name(path)));
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| unusable(folder, &format!("{}: {error}", path.display())))
        };
        let described: Card = serde_json::from_slice(&read(card)?).map_err(|error| wrong(card, error.to_string()))?;
        let shape = shape(&described).map_err(|why| unusable(folder, &why))?;
        let parameters = crate::safetensors::from_bytes(&shape, &read(model)?).map_err(|why| wrong(model, why))?;
        if described.model.digest.as_ref().is_some_and(|known| *known != digest(&parameters)) {
            let what = format!("the model in {} cannot be used", folder.display());
            let why = format!("{} is of another save than {}", name(card), name(model));
            let fix = "copy both files of one save; if a save was interrupted, its aggregator repairs them at its next \
                       start";
            return Err(Unread::Mixed(Failure::new(Exit::Config, what).why(why).fix(fix)));
        }
        Ok(Self::new(described, parameters).map_err(|why| unusable(folder, &why))?)
    }

    /// Checks that card and parameters belong together.
    pub fn new(card: Card, parameters: Vec<f32>) -> Result<Self, String> {
        let fitted = card.fitted()?;
        let shape = shape(&card)?;
        if parameters.len() != shape.parameters() {
            return Err("the parameters are not those of the card's model".into());
        }
        let channels = shape.convolutions().map_or(fitted.input_width(), |front| front.channels as usize);
        if fitted.input_width() * card.window_rows() != shape.inputs() || channels != fitted.input_width() {
            return Err("the card's inputs are not those of its model".into());
        }
        let fits = match &fitted.target {
            Target::Classes { names, .. } => names.len() == shape.outputs(),
            Target::Scaled { scale, .. } => shape.outputs() == 1 && scale.is_normal(),
            Target::Inputs => shape.outputs() == shape.inputs(),
        };
        if !fits {
            return Err("the card's target is not that of its model".into());
        }
        Ok(Self { card, fitted, shape, parameters })
    }

    /// Numbers that are made of an example: the model's outputs, or the one score of an anomaly.
    pub fn width(&self) -> usize {
        if self.fitted.target == Target::Inputs { 1 } else { self.shape.outputs() }
    }

    /// What is made of all examples.
    pub fn outputs_of(&self, examples: &Examples) -> Result<Vec<f32>, Failure> {
        let (mut all, mut x) = (Vec::new(), Vec::new());
        for first in (0..examples.len()).step_by(ROWS_AT_ONCE) {
            x.clear();
            for example in first..examples.len().min(first + ROWS_AT_ONCE) {
                examples.extend(example, &mut x);
            }
            all.extend(self.outputs(&x)?);
        }
        Ok(all)
    }

    /// What is made of `x`, which holds rows of encoded inputs one after another.
    pub fn outputs(&self, x: &[f32]) -> Result<Vec<f32>, Failure> {
        let (inputs, outputs) = (self.shape.inputs(), self.shape.outputs());
        let rows = (x.len() / inputs).min(ROWS_AT_ONCE);
        let mut scratch = vec![0.0; scratch_len(&self.shape, rows)];
        let mut out = vec![0.0; rows * outputs];
        let mut all = Vec::with_capacity(x.len() / inputs * self.width());
        for x in x.chunks(ROWS_AT_ONCE * inputs) {
            let out = out.get_mut(..x.len() / inputs * outputs).unwrap_or_default();
            predict(&self.shape, &self.parameters, x, &mut scratch, out)
                .map_err(|error| Failure::new(Exit::Config, "the model cannot be computed").why(error.to_string()))?;
            if self.fitted.target == Target::Inputs {
                let rows = out.chunks_exact(outputs).zip(x.chunks_exact(inputs));
                all.extend(rows.map(|(outputs, inputs)| mean_squared_error(outputs, inputs)));
            } else {
                all.extend_from_slice(out);
            }
        }
        Ok(all)
    }
}

/// Why a model was not read.
enum Unread {
    /// Card and parameters are of two saves: a save may be in progress.
    Mixed(Failure),
    Unusable(Failure),
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Unusable(failure)
    }
}

impl From<Unread> for Failure {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::Mixed(failure) | Unread::Unusable(failure) => failure,
        }
    }
}

/// Reads again while a save is in progress.
fn patiently(read: impl Fn() -> Result<Trained, Unread>) -> Result<Trained, Failure> {
    for _ in 1..LOOKS {
        match read() {
            Err(Unread::Mixed(_)) => std::thread::sleep(LOOK_EVERY),
            read => return read.map_err(Unread::into),
        }
    }
    read().map_err(Unread::into)
}

fn unusable(folder: &Path, why: &str) -> Failure {
    Failure::new(Exit::Config, format!("the model in {} cannot be used", folder.display()))
        .why(why)
        .fix("name the folder that an aggregator has written")
}

fn shape(card: &Card) -> Result<ModelShape, String> {
    let loss = if card.classes.is_some() { Loss::CrossEntropy } else { Loss::MeanSquaredError };
    card.model.shape(loss).ok_or_else(|| "the card's model is not valid".into())
}
