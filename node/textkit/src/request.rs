//! What a message asks of textkit.
//!
//! Decides which parts are text and which options are allowed. Must never guess: what it cannot
//! read it refuses, and says which part and why.

use serde::Deserialize;
use serde_json::Number;

/// More text than this takes seconds; longer texts are to be split by the caller.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// See [`Request::repeat`]. Some ten seconds for a short text, some minutes for a page.
pub const REPEAT_MAX: u32 = 200_000;
/// See [`Request::keywords`]. More are no summary.
pub const KEYWORDS_MAX: usize = 50;

/// A part of a message, as far as this agent cares.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// Plain text.
    Text(&'a str),
    /// One JSON value, as its text.
    Data(&'a str),
    /// A file.
    File {
        /// Its media type.
        media_type: Option<&'a str>,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// The address of a file.
    Url(&'a str),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// All text, the parts on lines of their own.
    pub text: String,
    /// How many keywords to give.
    pub keywords: usize,
    /// The work factor: how often to do the analysis.
    pub repeat: u32,
}

/// Why a message is refused, in words for its sender. Parts count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is nothing to analyse.
    #[error("there is no text to analyse: send a text part, or a file of type text/*")]
    Empty,
    /// There is too much.
    #[error("the text has more than {TEXT_BYTES_MAX} bytes: send it in pieces")]
    TooLong,
    /// This agent has no network.
    #[error("part {0} is a url, which this agent cannot fetch: send the text itself")]
    Url(usize),
    /// A picture, perhaps.
    #[error("part {0} is a file of another type than text/*, or not UTF-8")]
    File(usize),
    /// Options that cannot be read.
    #[error("part {0} holds options that cannot be read: {1}")]
    Options(usize, String),
    /// Options out of range.
    #[error("{name} must be a whole number from 1 to {max}")]
    Range {
        /// Which option.
        name: &'static str,
        /// Its greatest value.
        max: u64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    keywords: Option<Number>,
    repeat: Option<Number>,
}

/// A whole number however it is written: clients that keep every number as a double send 3 as `3.0`.
fn whole(number: &Number, name: &'static str, max: u64) -> Result<u64, Refusal> {
    let double = || number.as_f64().filter(|double| double.fract() == 0.0 && *double >= 0.0);
    // A double beyond 2^64 becomes 2^64 - 1, which no option takes either.
    let value = number.as_u64().or_else(|| double().map(|double| double as u64));
    value.filter(|value| (1..=max).contains(value)).ok_or(Refusal::Range { name, max })
}

impl Request {
    /// Reads a message.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn read<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Result<Self, Refusal> {
        let mut request = Self { text: String::new(), keywords: 10, repeat: 1 };
        for (number, part) in (1_usize..).zip(parts) {
            match part {
                Part::Text(text) => request.add(text)?,
                Part::File { media_type, bytes } => {
                    let is_text = media_type.is_some_and(|media| media.starts_with("text/"));
                    let text = std::str::from_utf8(bytes).ok().filter(|_| is_text);
                    request.add(text.ok_or(Refusal::File(number))?)?;
                }
                Part::Url(_) => return Err(Refusal::Url(number)),
                Part::Data(json) => request.configure(number, json)?,
            }
        }
        if request.text.chars().any(char::is_alphanumeric) {
            Ok(request)
        } else {
            Err(Refusal::Empty)
        }
    }

    fn add(&mut self, text: &str) -> Result<(), Refusal> {
        if self.text.len().saturating_add(text.len()) >= TEXT_BYTES_MAX {
            return Err(Refusal::TooLong);
        }
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
        Ok(())
    }

    fn configure(&mut self, number: usize, json: &str) -> Result<(), Refusal> {
        let options: Options = serde_json::from_str(json)
            .map_err(|error| Refusal::Options(number, error.to_string()))?;
        if let Some(value) = options.repeat {
            let value = whole(&value, "repeat", u64::from(REPEAT_MAX))?;
            self.repeat = u32::try_from(value).expect("REPEAT_MAX is a u32");
        }
        if let Some(value) = options.keywords {
            let value = whole(&value, "keywords", KEYWORDS_MAX as u64)?;
            self.keywords = usize::try_from(value).expect("KEYWORDS_MAX is a usize");
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn texts_files_and_options_are_read() {
        let file = Part::File { media_type: Some("text/markdown"), bytes: b"# two" };
        let options = Part::Data(r#"{"repeat": 200000, "keywords": 3}"#);
        let request = Request::read([Part::Text("one"), file, options]);
        let expected = Request { text: "one\n# two".to_owned(), keywords: 3, repeat: 200_000 };
        assert_eq!(request, Ok(expected));
    }

    #[test]
    fn a_whole_number_is_taken_however_it_is_written() {
        for written in ["3", "3.0", "0.3e1", "3e0"] {
            let options = format!("{{\"keywords\": {written}, \"repeat\": {written}}}");
            let request = Request::read([Part::Text("one"), Part::Data(&options)]).unwrap();
            assert_eq!((request.keywords, request.repeat), (3, 3), "{written}");
        }
    }

    #[test]
    fn each_refusal_says_what_is_wrong() {
        let long = "a".repeat(TEXT_BYTES_MAX);
        let file = |media_type, bytes| Part::File { media_type, bytes };
        for (parts, reason) in [
            (vec![], "no text"),
            (vec![Part::Text(" \n ")], "no text"),
            (vec![Part::Text("a"), Part::Url("https://a.example")], "part 2 is a url"),
            (vec![file(None, b"a")], "part 1 is a file"),
            (vec![file(Some("text/plain"), b"\xff")], "part 1 is a file"),
            (vec![Part::Text(&long)], "in pieces"),
            (vec![Part::Data("[")], "part 1 holds options"),
            (vec![Part::Data(r#"{"repeat": "x"}"#)], "part 1 holds options"),
            (vec![Part::Data(r#"{"repaet": 1}"#)], "unknown field"),
            (
                vec![Part::Data(r#"{"repeat": 0}"#)],
                "repeat must be a whole number from 1 to 200000",
            ),
            (vec![Part::Data(r#"{"repeat": 200001}"#)], "repeat must be"),
            (vec![Part::Data(r#"{"keywords": 3.5}"#)], "keywords must be"),
            (vec![Part::Data(r#"{"keywords": -1}"#)], "keywords must be"),
            (vec![Part::Data(r#"{"keywords": 1e300}"#)], "keywords must be"),
            (
                vec![Part::Data(r#"{"keywords": 51}"#)],
                "keywords must be a whole number from 1 to 50",
            ),
        ] {
            let refusal = Request::read(parts).map_err(|refusal| refusal.to_string());
            assert!(refusal.as_ref().is_err_and(|text| text.contains(reason)), "{refusal:?}");
        }
    }
}
