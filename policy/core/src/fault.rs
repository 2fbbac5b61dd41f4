//! What is wrong with the text of a policy, and where.
//!
//! Decides how a fault is told. Must never hold more than some words of the text: whoever reads a fault need not have written
//! it.

use std::fmt;

use miette::Diagnostic;

/// Faults that are told of one text. Arbitrary: whoever mends them tries again.
pub(crate) const FAULTS_MAX: usize = 8;

/// Longer words of Cedar's are cut: they quote the text.
const WHY_CHARS_MAX: usize = 256;

/// One fault of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line and the column in it, each from 1, in characters; absent where the fault has no place.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub why: String,
}

impl Fault {
    /// One of the text as a whole.
    pub(crate) fn of_all(why: impl fmt::Display) -> Self {
        Self { place: None, why: cut(&why) }
    }

    /// One at this byte of the text.
    pub(crate) fn at(text: &str, offset: usize, why: impl fmt::Display) -> Self {
        Self { place: Some(place(text, offset)), why: cut(&why) }
    }

    /// What Cedar says, where it says it.
    pub(crate) fn of_cedar(text: &str, said: &dyn Diagnostic) -> Self {
        let offset = said.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
        let help = said.help().map(|help| format!(" ({help})")).unwrap_or_default();
        Self { place: offset.map(|offset| place(text, offset)), why: cut(&format!("{said}{help}")) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "line {line}, column {column}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

fn cut(why: &dyn fmt::Display) -> String {
    let said = why.to_string();
    let plain = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(WHY_CHARS_MAX).collect()
}

fn place(text: &str, offset: usize) -> (usize, usize) {
    let (mut line, mut column) = (1, 1);
    for (_, c) in text.char_indices().take_while(|(at, _)| *at < offset) {
        (line, column) = if c == '\n' { (line + 1, 1) } else { (line, column + 1) };
    }
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters_from_one() {
        let text = "ab\nçd\n";
        assert_eq!(
            [0, 1, 3, 5, 99].map(|at| place(text, at)),
            [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)]
        );
        assert_eq!(Fault::at(text, 5, "x").to_string(), "line 2, column 2: x");
        assert_eq!(Fault::of_all("a\nb").to_string(), "a b");
    }
}
