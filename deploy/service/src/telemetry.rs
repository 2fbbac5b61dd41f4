//! Logs: one event, one line, on stderr; and what a collector gets of them besides (`otlp.rs`).
//!
//! It decides the form and that nothing inside a value can end a line or drive a terminal:
//! control characters are written as escapes, whoever sent them. It never writes to stdout,
//! which belongs to data, and it never colours, because colours are control characters.
//! A warning that comes again and again is written once a minute (`damped.rs`). What is logged may change while the process
//! runs, unless its environment says it.

mod damped;
mod otlp;

use std::env;
use std::io::{self, Write};
use std::sync::OnceLock;

use serde::Deserialize;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt as _;

use self::damped::{Damped, held_back};
use self::otlp::Logs;

pub use self::otlp::{Error as OtlpError, Exporters, Otlp};

/// How an event is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter is not understood.
    #[error("the log filter `{filter}` is not understood: {reason}")]
    Filter {
        /// What was written.
        filter: String,
        /// The parser's words.
        reason: String,
    },
    /// This process already logs elsewhere.
    #[error("logging was started before")]
    Started,
}

/// An error and its causes in one line. Wrappers that repeat their cause's words are passed over.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

/// The variable that says what is logged, whatever a configuration says.
pub const VARIABLE: &str = "ECUMENE_LOG";

/// What a process logs unless it is told otherwise: consensus tells every step of an election at `info`, in terms that
/// help its authors only.
const FILTER_DEFAULT: &str = "info,openraft=warn";

/// What is to be logged: as the environment says, else as a configuration does, else the default.
#[must_use]
pub fn filter(configured: Option<&str>) -> String {
    let of_environment = env::var(VARIABLE).ok();
    of_environment.unwrap_or_else(|| configured.unwrap_or(FILTER_DEFAULT).to_owned())
}

/// Whether a filter is understood.
///
/// # Errors
/// [`Error::Filter`].
pub fn check_filter(filter: &str) -> Result<(), Error> {
    understood(filter).map(drop)
}

fn understood(filter: &str) -> Result<EnvFilter, Error> {
    EnvFilter::try_new(filter)
        .map_err(|error| Error::Filter { filter: filter.to_owned(), reason: error.to_string() })
}

/// Starts logging to stderr, and to a collector where there is one. `filter` has the form `info,registry_raft=debug`.
///
/// # Errors
/// Every [`Error`]; call it once a process.
pub fn init(format: Format, filter: &str, exporters: Option<&Exporters>) -> Result<(), Error> {
    // It gets what is written, but for lines that are held back.
    let exported = exporters.map(Logs::of);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(understood(filter)?)
        .with_ansi(false)
        .with_writer(|| Escaped(io::stderr()));
    let (started, change) = match format {
        Format::Text => {
            let lines = lines.with_filter_reloading();
            let change = change(lines.reload_handle());
            (lines.finish().with(Damped::default()).with(exported).try_init(), change)
        }
        Format::Json => {
            let lines = lines.json().flatten_event(true).with_filter_reloading();
            let change = change(lines.reload_handle());
            (lines.finish().with(Damped::default()).with(exported).try_init(), change)
        }
    };
    started.map_err(|_| Error::Started)?;
    // Only who has started sets it.
    let _ = CHANGE.set(change);
    Ok(())
}

/// Puts a filter in the place of the one that logging was started with.
type Change = Box<dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync>;

static CHANGE: OnceLock<Change> = OnceLock::new();

fn change<S: 'static>(handle: Handle<EnvFilter, S>) -> Change {
    Box::new(move |filter| handle.reload(filter))
}

/// Logs as a configuration says from now on, unless the environment says it, or nothing is logged at all.
///
/// # Errors
/// [`Error::Filter`]; what was logged before is logged on.
pub fn set_filter(configured: Option<&str>) -> Result<(), Error> {
    let Some(change) = CHANGE.get() else { return Ok(()) };
    let filter = filter(configured);
    let refused = |reason: String| Error::Filter { filter: filter.clone(), reason };
    change(understood(&filter)?).map_err(|error| refused(error.to_string()))
}

/// A writer that passes one event a call and escapes every control character but its last newline.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        // Events come from a `String`, so the lossy reading loses nothing.
        let text = String::from_utf8_lossy(event);
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (&*text, ""),
        };
        let stands_for = held_back();
        if line.contains(drives_a_reader) || stands_for > 0 {
            let mut escaped = String::with_capacity(line.len() + 32);
            line.chars().for_each(|c| push(&mut escaped, c));
            count(&mut escaped, stands_for);
            escaped.push_str(end);
            self.0.write_all(escaped.as_bytes())?;
        } else {
            self.0.write_all(event)?;
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Says for how many lines that were held back this one stands.
fn count(line: &mut String, stands_for: u64) {
    match (stands_for, line.starts_with('{') && line.ends_with('}')) {
        (0, _) => {}
        (_, true) => {
            line.truncate(line.len() - 1);
            line.push_str(&format!(",\"repeated\":{stands_for}}}"));
        }
        (_, false) => line.push_str(&format!(" repeated={stands_for}")),
    }
}

/// Control characters (C0, DEL, C1) and the two Unicode line ends.
fn drives_a_reader(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// All of these characters are below U+10000, so the escape is also a right one inside JSON.
fn push(line: &mut String, c: char) {
    if drives_a_reader(c) {
        line.push_str(&format!("\\u{:04x}", u32::from(c)));
    } else {
        line.push(c);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    pub(super) struct Sink(pub(super) Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\r\nERROR forged\u{1b}[2J\u{9b}1m\u{2028}b";

    #[test]
    fn case_34_a_hostile_value_stays_inside_its_line_in_text_and_json() {
        for json in [false, true] {
            let sink = Sink::default();
            let out = sink.clone();
            let lines = tracing_subscriber::fmt()
                .with_ansi(false)
                .with_writer(move || Escaped(out.clone()));
            let log = || tracing::info!(peer = %HOSTILE, kind = HOSTILE, "seen {HOSTILE}");
            if json {
                tracing::subscriber::with_default(lines.json().finish(), log);
            } else {
                tracing::subscriber::with_default(lines.finish(), log);
            }
            let written = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
            let line = written.strip_suffix('\n').unwrap();
            assert!(!line.contains(drives_a_reader), "{line:?}");
            assert!(line.contains("forged") && line.contains("u001b"), "{line}");
            if json {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["fields"]["peer"], HOSTILE);
            }
        }
    }

    #[test]
    fn a_filter_that_is_not_understood_is_refused() {
        assert!(matches!(init(Format::Text, "info,=,x=y=z", None), Err(Error::Filter { .. })));
    }
}
