//! Families of samples in Prometheus' text format 0.0.4.

use std::fmt::{Display, Write};

/// Collects families of samples. Each family is begun once, and its samples follow.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// Begins a family of `kind` "gauge", "counter" or "histogram".
    pub fn family(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to memory cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Adds a sample with labels to the last family.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (place, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A gauge of one sample.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("gauge", name, help);
        self.sample(name, &[], value);
    }

    /// A gauge of one sample; nothing if it is not known.
    pub fn gauge_if(&mut self, name: &str, help: &str, value: Option<f64>) {
        if let Some(value) = value {
            self.gauge(name, help, value);
        }
    }

    /// A counter of one sample.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family("counter", name, help);
        self.sample(name, &[], value);
    }

    /// All that was collected.
    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.family("gauge", "a", "What it is.");
        text.sample("a", &[("site", "plant \"1\""), ("path", "C:\\x\n")], 1.5);
        text.counter("b_total", "How many.", 3);
        text.gauge_if("c", "Not known.", None);
        let right = "# HELP a What it is.\n# TYPE a gauge\na{site=\"plant \\\"1\\\"\",path=\"C:\\\\x\\n\"} 1.5\n\
                     # HELP b_total How many.\n# TYPE b_total counter\nb_total 3\n";
        assert_eq!(text.finish(), right);
    }
}
