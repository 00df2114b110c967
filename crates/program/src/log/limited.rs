//! A layer that leaves out lines that repeat too often, and logs how many were left out.

use super::repeats::Repeats;
use std::fmt::{Debug, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_core::field::Value;
use tracing_core::{Callsite, Interest, Kind, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The time since the start of the log.
type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// Passes lines to the layer inside unless they repeat too often. Debug and trace lines are never left out.
pub(super) struct Limited<L> {
    inside: L,
    repeats: Mutex<Repeats>,
    clock: Clock,
}

impl<L> Limited<L> {
    pub(super) fn new(inside: L) -> Self {
        let begun = Instant::now();
        Self::with_clock(inside, Box::new(move || begun.elapsed()))
    }

    fn with_clock(inside: L, clock: Clock) -> Self {
        Self { inside, repeats: Mutex::default(), clock }
    }
}

impl<S: Subscriber, L: Layer<S>> Layer<S> for Limited<L> {
    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if *event.metadata().level() > Level::INFO {
            return self.inside.on_event(event, ctx);
        }
        let (now, mut text) = ((self.clock)(), Message::default());
        event.record(&mut text);
        let (left_out, admitted) = {
            // Nothing that is kept can be half done.
            let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
            (repeats.over(now), repeats.admit(now, &text.0))
        };
        for text in left_out {
            log(&text, |event| self.inside.on_event(event, ctx.clone()));
        }
        if admitted {
            self.inside.on_event(event, ctx);
        }
    }
}

/// The text of an event.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            // Writing to memory cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

/// The call site of lines that this layer makes itself.
struct Repeated;

static REPEATED: Repeated = Repeated;
static METADATA: Metadata<'static> = tracing_core::metadata! {
    name: "repeated",
    target: module_path!(),
    level: Level::INFO,
    fields: &["message"],
    callsite: &REPEATED,
    kind: Kind::EVENT
};

impl Callsite for Repeated {
    fn set_interest(&self, _interest: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Makes an event of a text, without asking the layers outside.
fn log(text: &str, pass: impl FnOnce(&Event<'_>)) {
    let fields = METADATA.fields();
    let Some(message) = fields.field("message") else { return };
    // As the macros do: a string by itself would be logged with quotes.
    let text = format_args!("{text}");
    let values = [(&message, Some(&text as &dyn Value))];
    pass(&Event::new(&METADATA, &fields.value_set(&values)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Lines {
        fn on_event(&self, event: &Event<'_>, _ctx: Context<'_, S>) {
            let mut text = Message::default();
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }

    #[test]
    fn repeats_are_left_out_and_counted() {
        let (lines, seconds) = (Lines::default(), Arc::new(AtomicU64::new(0)));
        let clock = Arc::clone(&seconds);
        let limited =
            Limited::with_clock(lines.clone(), Box::new(move || Duration::from_secs(clock.load(Ordering::Relaxed))));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(limited), || {
            for round in 0..15 {
                tracing::warn!("round {round} was given up");
                tracing::debug!("round {round} in detail");
            }
            seconds.store(60, Ordering::Relaxed);
            tracing::info!("training continues");
        });
        let lines = lines.0.lock().unwrap();
        let count = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!((count("was given up") - 1, count("in detail")), (10, 15));
        let end = ["repeated 5 times within a minute, last: round 14 was given up", "training continues"];
        assert_eq!(lines[lines.len() - 2..], end);
    }
}
