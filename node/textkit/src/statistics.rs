//! Counts over a text.
//!
//! Decides how sentences are found: by their end signs, so abbreviations count as ends. Must never
//! divide by a count that may be zero.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::keywords::is_stop_word;
use crate::words::words;

/// Words a minute of silent reading, the mean over 190 studies of English (Brysbaert 2019).
const READING_WORDS_A_MINUTE: f64 = 238.0;

/// What `statistics` finds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// Unicode scalar values.
    pub characters: usize,
    /// The same without white space.
    pub characters_without_spaces: usize,
    /// Words.
    pub words: usize,
    /// Different words, lower case.
    pub distinct_words: usize,
    /// Sentences.
    pub sentences: usize,
    /// Lines, empty ones included.
    pub lines: usize,
    /// Words in a sentence, on average.
    pub words_per_sentence: f64,
    /// The part of the words that carry content, that is, are no English stop words: 0 to 1.
    pub lexical_density: f64,
    /// Seconds of silent reading.
    pub reading_time_seconds: f64,
}

/// Counts.
#[must_use]
pub fn statistics(text: &str) -> Statistics {
    let lower: Vec<String> = words(text).iter().map(|word| word.text.to_lowercase()).collect();
    let content = lower.iter().filter(|word| !is_stop_word(word)).count();
    let sentences = sentences(text);
    Statistics {
        characters: text.chars().count(),
        characters_without_spaces: text.chars().filter(|sign| !sign.is_whitespace()).count(),
        words: lower.len(),
        distinct_words: lower.iter().collect::<BTreeSet<_>>().len(),
        sentences,
        lines: text.lines().count(),
        words_per_sentence: ratio(lower.len(), sentences),
        lexical_density: ratio(content, lower.len()),
        reading_time_seconds: round(to_f64(lower.len()) * 60.0 / READING_WORDS_A_MINUTE),
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { round(to_f64(part) / to_f64(whole)) }
}

/// Three digits are more than any of these figures means.
pub(crate) fn round(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "texts are bounded far below 2^52")]
pub(crate) fn to_f64(count: usize) -> f64 {
    count as f64
}

/// A sentence is text with a word in it, up to an end sign or the end of the text. A full stop ends
/// one only before a blank or a closing mark: 3.14 and example.org are no two sentences.
fn sentences(text: &str) -> usize {
    let mut count = 0;
    let mut has_word = false;
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        let ends = match sign {
            '。' | '！' | '？' | '।' | '؟' => true,
            '.' | '!' | '?' | '…' => signs.peek().is_none_or(|next| !next.is_alphanumeric()),
            _ => false,
        };
        if ends && has_word {
            count += 1;
            has_word = false;
        }
        has_word |= sign.is_alphanumeric();
    }
    count + usize::from(has_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_text_is_counted_by_hand() {
        let counted = statistics("The cat sat. The cat, at 3.14, slept!\nDid it?");
        let expected = Statistics {
            characters: 45,
            characters_without_spaces: 36,
            words: 11,
            distinct_words: 9,
            sentences: 3,
            lines: 2,
            words_per_sentence: 3.667,
            lexical_density: 0.545,
            reading_time_seconds: 2.773,
        };
        assert_eq!(counted, expected);
    }

    #[test]
    fn an_empty_text_has_zeros_and_no_division_by_zero() {
        let counted = statistics("");
        assert_eq!((counted.words, counted.sentences, counted.lines), (0, 0, 0));
        assert!(counted.lexical_density == 0.0 && counted.words_per_sentence == 0.0);
    }

    #[test]
    fn sentences_are_ended_by_the_signs_of_their_script() {
        for (text, count) in [
            ("No end", 1),
            ("Wait... what?! Yes.", 3),
            ("See example.org now.", 1),
            ("こんにちは。元気ですか？", 2),
            ("नमस्ते। ठीक है।", 2),
            ("?!. …", 0),
        ] {
            assert_eq!(sentences(text), count, "{text}");
        }
    }
}
