//! What a process has logged from a moment on, and how often each kind of line came.
//! It decides what a kind is: what a line says but for its numbers. It must never take a panic for a quiet line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// Seconds of a day, after which the clock of the lines begins anew.
const DAY: u64 = 24 * 60 * 60;

/// The log of one process from a moment on.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    from: usize,
}

impl Log {
    /// Begins behind what is there. A file that is not there yet is empty.
    #[must_use]
    pub fn from_now(path: PathBuf) -> Self {
        let from = std::fs::metadata(&path).map_or(0, |file| file.len() as usize);
        Self { path, from }
    }

    /// All that was written.
    ///
    /// # Errors
    /// The file cannot be read, or has become shorter.
    pub fn text(&self) -> Result<String> {
        let bytes = std::fs::read(&self.path)?;
        let fresh = bytes.get(self.from..).context("the log has become shorter")?;
        Ok(String::from_utf8_lossy(fresh).into_owned())
    }

    /// The line with which a process that was refused has ended.
    ///
    /// # Errors
    /// It ended without one.
    pub fn last_words(&self) -> Result<String> {
        let text = self.text()?;
        let last = text.lines().last().unwrap_or_default();
        ensure!(last.starts_with("ecumene: "), "it does not say why it ended: {text}");
        Ok(last.to_owned())
    }

    /// Holds that no kind of line came more often than once a second, and that nothing panicked.
    ///
    /// # Errors
    /// One did; with its count.
    pub fn check_quiet(&self) -> Result<()> {
        check(&self.text()?).with_context(|| self.path.display().to_string())
    }
}

fn check(text: &str) -> Result<()> {
    ensure!(!text.contains("panicked at"), "it panicked: {text}");
    let seconds: Vec<u64> = text.lines().filter_map(second).collect();
    let span = match (seconds.first(), seconds.last()) {
        (Some(first), Some(last)) => (last + DAY - first) % DAY,
        _ => 0,
    };
    let mut kinds = BTreeMap::<String, u64>::new();
    for line in text.lines() {
        *kinds.entry(kind(line)).or_default() += 1;
    }
    let loud = kinds.iter().find(|(_, count)| **count > span + 1);
    ensure!(loud.is_none(), "within {span} s: {loud:?}");
    Ok(())
}

/// The second of the day at which a line was written, if it says so: `2026-01-31T12:34:56.789Z  WARN ..`.
fn second(line: &str) -> Option<u64> {
    let (_, time) = line.split_once('T').filter(|(date, _)| date.len() == "2026-01-31".len())?;
    let mut parts = time.get(..8)?.split(':').map(str::parse::<u64>);
    let (hours, minutes) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some((hours * 60 + minutes) * 60 + parts.next()?.ok()?)
}

fn kind(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u64, says: &str) -> String {
        format!("2026-01-31T23:58:{second:02}.123456Z  WARN registry_raft: {says}\n")
    }

    #[test]
    fn a_kind_that_comes_more_than_once_a_second_is_found_whatever_its_numbers() {
        let once: String = (0..30).map(|at| line(at, &format!("attempt {at}"))).collect();
        assert!(check(&once).is_ok());
        let both: String = (0..30).map(|at| line(at, "one") + &line(at, "another")).collect();
        assert!(check(&both).is_ok(), "kinds are counted apart");
        let ten: String = (0..30).map(|at| line(at / 10, &format!("attempt {at}"))).collect();
        assert!(check(&ten).is_err());
        let midnight = "2026-01-31T23:59:59.9Z a\n2026-02-01T00:00:01.1Z a\n";
        assert!(check(midnight).is_ok());
    }

    #[test]
    fn a_panic_is_found_and_so_is_a_flood_without_times() {
        assert!(check("thread 'main' panicked at src/main.rs:1:2\n").is_err());
        assert!(check("one\ntwo\n").is_ok());
        assert!(check("a line\na line\n").is_err());
    }
}
