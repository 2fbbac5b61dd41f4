//! How data reaches stdout: aligned columns for people, one JSON document for programs.
//! It must never print messages there: those belong on stderr.

use std::io::{self, Write};

use serde_json::Value;

use crate::args::Format;

/// What a command found, in both shapes.
#[derive(Debug)]
pub(crate) struct Output {
    /// Column heads of the table.
    pub(crate) heads: &'static [&'static str],
    /// The table's rows.
    pub(crate) rows: Vec<Vec<String>>,
    /// The same and more, for programs.
    pub(crate) json: Value,
}

impl Output {
    /// One thing, shown as name and value a line.
    pub(crate) fn one(mut json: Value) -> Self {
        json.sort_all_objects();
        let rows = match &json {
            Value::Object(members) => {
                members.iter().map(|(name, value)| vec![name.clone(), plain(value)]).collect()
            }
            other => vec![vec![plain(other)]],
        };
        Self { heads: &[], rows, json }
    }

    /// Prints it.
    pub(crate) fn print(&self, format: Format) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match format {
            Format::Json => writeln!(out, "{:#}", sorted(&self.json))?,
            Format::Table => out.write_all(self.table().as_bytes())?,
        }
        out.flush()
    }

    fn table(&self) -> String {
        let heads: Vec<String> = self.heads.iter().map(|&head| head.to_uppercase()).collect();
        let lines: Vec<&Vec<String>> =
            (!heads.is_empty()).then_some(&heads).into_iter().chain(&self.rows).collect();
        let columns = lines.iter().map(|line| line.len()).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for line in lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| padded(cell, *width));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}

/// The members of each object by their names: how they are kept is decided by whoever else uses `serde_json`.
fn sorted(json: &Value) -> Value {
    let mut sorted = json.clone();
    sorted.sort_all_objects();
    sorted
}

/// By hand: a width of a format ends at 65,535.
fn padded(cell: &str, width: usize) -> String {
    format!("{cell}{}", " ".repeat(width.saturating_sub(cell.chars().count())))
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        other => other.to_string(),
    }
}

/// The text with control characters escaped: what peers wrote must not drive the terminal.
pub(crate) fn printable(text: &str) -> String {
    let escape =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_escaped() {
        let rows = vec![
            vec!["a".to_owned(), printable("x\u{1b}[31m")],
            vec!["long".to_owned(), "y".to_owned()],
        ];
        let output = Output { heads: &["id", "what"], rows, json: Value::Null };
        assert_eq!(output.table(), "ID    WHAT\na     x\\u{1b}[31m\nlong  y\n");
    }

    /// Caught: a cell of more than 65,535 characters was a panic.
    #[test]
    fn a_cell_may_be_as_long_as_a_document() {
        let long = "x".repeat(100_000);
        let rows = vec![vec![long.clone(), "y".to_owned()], vec!["a".to_owned(), long]];
        let table = Output { heads: &["id", "what"], rows, json: Value::Null }.table();
        let lengths: Vec<_> = table.lines().map(str::len).collect();
        assert_eq!(lengths, [100_006, 100_003, 200_002]);
    }
}
