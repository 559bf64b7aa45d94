//! Logs as JSON lines on stdout, one object an event, flat: `ts`, `level`, `event`, `job`,
//! `invocation`, then the event's own fields and its `message`.
//!
//! The host takes each line as one trace; it cannot tell by itself which invocation a line
//! belongs to, so every line says it. `infra/` has alerts that read these fields.

use std::fmt;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

/// Targets of this project begin so.
const OURS: &str = "kusto_copy";

/// Starts logging with a filter that was found to be one; only the first call in a process does
/// anything.
pub(crate) fn start(filter: &str) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = JsonLines {
        write: |line: &[u8]| {
            // Nobody is left to be told when stdout is gone; the work goes on.
            let mut stdout = std::io::stdout().lock();
            let _ = stdout.write_all(line).and_then(|()| stdout.flush());
        },
    };
    let started = Registry::default().with(filter).with(lines).try_init();
    if started.is_err() {
        tracing::debug!("logging was started before");
    }
}

/// Makes a line of each event and writes it in one piece.
struct JsonLines<W> {
    write: W,
}

/// What a span adds to the events in it.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn(&[u8]) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(SpanFields(fields.0));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(span) = context.span(id)
            && let Some(known) = span.extensions_mut().get_mut::<SpanFields>()
        {
            known.0.extend(fields.0);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        // Below that, libraries may print addresses, which may carry access.
        if *metadata.level() > Level::INFO && !metadata.target().starts_with(OURS) {
            return;
        }
        let mut around = Map::new();
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(fields) = span.extensions().get::<SpanFields>() {
                for (name, value) in &fields.0 {
                    // The innermost span comes first and wins.
                    around.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
        }
        let mut own = Fields::default();
        event.record(&mut own);
        if !metadata.target().starts_with(OURS) {
            around.insert("target".to_owned(), metadata.target().into());
        }
        let line = line(SystemTime::now(), metadata.level(), around, own.0);
        if let Ok(mut text) = serde_json::to_vec(&Line(line)) {
            text.push(b'\n');
            (self.write)(&text);
        }
    }
}

/// Members in their order.
struct Line(Vec<(String, Value)>);

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// The members of a line: what every line has, what is around the event, its own.
fn line(
    at: SystemTime,
    level: &Level,
    mut around: Map<String, Value>,
    mut own: Map<String, Value>,
) -> Vec<(String, Value)> {
    let mut line = vec![
        ("ts".to_owned(), timestamp(at).into()),
        ("level".to_owned(), level.as_str().to_lowercase().into()),
    ];
    let message = own.remove("message").unwrap_or_default();
    for name in ["event", "job", "invocation"] {
        let outer = around.remove(name);
        let value = own.remove(name).or(outer);
        let usual = (name == "event").then(|| Value::from("log"));
        line.extend(value.or(usual).map(|value| (name.to_owned(), value)));
    }
    around.retain(|name, _| !own.contains_key(name));
    line.extend(around);
    line.extend(own);
    line.push(("message".to_owned(), message));
    line
}

fn timestamp(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default();
    DateTime::<Utc>::from_timestamp(seconds, since.subsec_nanos())
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Fields as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        self.0.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.add(field, kusto_copy_driver::complaint::chain(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format!("{value:?}").into());
    }
}

/// Keeps what this thread logs until the guard is dropped.
#[cfg(test)]
pub(crate) fn captured(
    filter: &str,
) -> (tracing::subscriber::DefaultGuard, impl Fn() -> Vec<Value>) {
    use std::sync::{Arc, Mutex};
    let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
    let written = Arc::clone(&lines);
    let layer = JsonLines {
        write: move |line: &[u8]| {
            let line = serde_json::from_slice(line).expect("each line is JSON");
            written.lock().expect("no writer panicked").push(line);
        },
    };
    let subscriber = Registry::default().with(EnvFilter::new(filter)).with(layer);
    let guard = tracing::subscriber::set_default(subscriber);
    (guard, move || {
        lines.lock().expect("no writer panicked").clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(filter: &str, act: impl FnOnce()) -> Vec<Value> {
        let (guard, lines) = captured(filter);
        act();
        drop(guard);
        lines()
    }

    #[test]
    fn a_line_is_flat_and_knows_its_invocation() {
        let lines = logged("info", || {
            let outer = tracing::info_span!("invocation", invocation = "i-1", job = "outer");
            let inner = outer.in_scope(|| tracing::info_span!("step", job = "a\"b\n"));
            inner.in_scope(|| {
                let lag: Option<u64> = None;
                tracing::info!(event = "step", lag_ms = lag, rpo_ms = 5_u64, "copied {}", 3);
            });
        });
        let [line] = lines.as_slice() else {
            panic!("one line was wanted: {lines:?}");
        };
        assert_eq!(line.as_object().map(Map::len), Some(7), "{line}");
        assert_eq!(line["event"], "step");
        assert_eq!(line["job"], "a\"b\n");
        assert_eq!(line["invocation"], "i-1");
        assert_eq!(line["rpo_ms"], 5);
        assert_eq!(line["message"], "copied 3");
        assert_eq!(line["level"], "info");
    }

    #[test]
    fn a_line_begins_with_its_time_and_ends_with_its_message() {
        let own = |pairs: &[(&str, &str)]| -> Map<String, Value> {
            let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
            pairs.iter().map(pair).collect()
        };
        let around = own(&[("job", "a"), ("invocation", "i"), ("x", "outer")]);
        let event = own(&[("message", "m"), ("x", "own"), ("a", "1")]);
        let line = Line(line(UNIX_EPOCH, &Level::WARN, around, event));
        assert_eq!(
            serde_json::to_string(&line).expect("it is plain data"),
            "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"warn\",\"event\":\"log\",\
             \"job\":\"a\",\"invocation\":\"i\",\"a\":\"1\",\"x\":\"own\",\"message\":\"m\"}"
        );
    }

    #[test]
    fn libraries_stay_quiet_about_details() {
        let lines = logged("trace", || {
            tracing::debug!(target: "reqwest::connect", "https://x?sig=secret");
            tracing::warn!(target: "reqwest::connect", "slow");
            tracing::debug!(target: "kusto_copy_driver", "ours");
        });
        let messages: Vec<&Value> = lines.iter().map(|line| &line["message"]).collect();
        assert_eq!(messages, ["slow", "ours"]);
    }
}
