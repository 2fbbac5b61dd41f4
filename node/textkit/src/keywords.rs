//! Keywords by RAKE (Rose et al., "Automatic keyword extraction from individual documents", 2010).
//!
//! Decides which phrases stand for a text: runs of content words between stop words and punctuation,
//! scored by the degree of their words over their frequency. Must never depend on a corpus, nor on
//! the order of a map: equal scores are ordered by count and then by the alphabet.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::statistics::{round, to_f64};
use crate::words::words;

/// A phrase of more words is a clause that lacks stop words, or a list, and no keyword.
const PHRASE_WORDS_MAX: usize = 4;

/// English words that carry grammar and no content. For other languages RAKE still works, less
/// sharply, on punctuation alone.
const STOP_WORDS: &str = "a about above after again against all also am an and any are aren't as at \
    be because been before being below between both but by can can't cannot could couldn't did \
    didn't do does doesn't doing don't down during each either else ever few for from further get \
    got had hadn't has hasn't have haven't having he her here hers herself him himself his how \
    however i i'm i've if in into is isn't it it's its itself just let like may me might more most \
    much must my myself neither no nor not now of off often on once only or other our ours \
    ourselves out over own per quite rather same shall she should shouldn't since so some such \
    than that that's the their theirs them themselves then there there's these they they're this \
    those though through thus to too under until up upon us very was wasn't we we're were weren't \
    what when where whether which while who whom whose why will with within without won't would \
    wouldn't yet you you're your yours yourself yourselves";

thread_local! {
    static STOP: BTreeSet<&'static str> = STOP_WORDS.split_whitespace().collect();
}

/// Whether a word, in lower case, is an English stop word.
#[must_use]
pub fn is_stop_word(lower: &str) -> bool {
    let straight = lower.replace('\u{2019}', "'");
    STOP.with(|stop| stop.contains(straight.as_str()))
}

/// One keyword.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Keyword {
    /// The phrase, in lower case.
    pub phrase: String,
    /// The higher, the more it stands for the text; comparable within one text only.
    pub score: f64,
    /// How often it stands in the text.
    pub count: usize,
}

/// The best keywords of a text, best first.
#[must_use]
pub fn keywords(text: &str, count_max: usize) -> Vec<Keyword> {
    let phrases = phrases(text);
    let weights = weights(&phrases);
    let mut counts: BTreeMap<&[String], usize> = BTreeMap::new();
    for phrase in phrases.iter().filter(|phrase| phrase.len() <= PHRASE_WORDS_MAX) {
        *counts.entry(phrase).or_default() += 1;
    }
    let mut found: Vec<Keyword> = counts
        .into_iter()
        .map(|(phrase, count)| {
            let weight: f64 = phrase.iter().filter_map(|word| weights.get(word.as_str())).sum();
            Keyword { phrase: phrase.join(" "), score: round(weight * to_f64(count)), count }
        })
        .collect();
    found.sort_by(|a, b| {
        let by_score = b.score.total_cmp(&a.score);
        by_score.then(b.count.cmp(&a.count)).then_with(|| a.phrase.cmp(&b.phrase))
    });
    found.truncate(count_max);
    found
}

/// The runs of content words.
fn phrases(text: &str) -> Vec<Vec<String>> {
    let mut phrases = Vec::new();
    let mut phrase = Vec::new();
    for word in words(text) {
        let lower = word.text.to_lowercase();
        // A number alone says nothing; a single letter is a list mark or a variable.
        let content =
            !is_stop_word(&lower) && lower.chars().any(char::is_alphabetic) && lower.len() > 1;
        let ends_phrase = !content || !word.continues_phrase;
        if ends_phrase && !phrase.is_empty() {
            phrases.push(std::mem::take(&mut phrase));
        }
        if content {
            phrase.push(lower);
        }
    }
    if !phrase.is_empty() {
        phrases.push(phrase);
    }
    phrases
}

/// The degree of each word (how many words stand in its phrases, itself included) over its
/// frequency.
fn weights(phrases: &[Vec<String>]) -> BTreeMap<&str, f64> {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for phrase in phrases {
        for word in phrase {
            let (degree, frequency) = sums.entry(word).or_default();
            *degree += phrase.len();
            *frequency += 1;
        }
    }
    let ratio = |(degree, frequency)| to_f64(degree) / to_f64(frequency);
    sums.into_iter().map(|(word, sum)| (word, ratio(sum))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the RAKE paper.
    const PAPER: &str = "Compatibility of systems of linear constraints over the set of natural \
        numbers. Criteria of compatibility of a system of linear Diophantine equations, strict \
        inequations, and nonstrict inequations are considered.";

    #[test]
    fn the_example_of_the_paper_gives_the_scores_of_the_paper() {
        let found = keywords(PAPER, 50);
        let score =
            |phrase: &str| found.iter().find(|word| word.phrase == phrase).map(|word| word.score);
        assert_eq!(score("linear diophantine equations"), Some(8.5));
        assert_eq!(score("linear constraints"), Some(4.5));
        assert_eq!(score("natural numbers"), Some(4.0));
        assert_eq!(score("criteria"), Some(1.0));
        assert_eq!(found[0].phrase, "linear diophantine equations");
    }

    #[test]
    fn equal_scores_have_a_fixed_order_and_the_count_is_bounded() {
        let found = keywords("pear, apple, pear, fig, apple, pear", 2);
        let names: Vec<_> = found.iter().map(|word| (word.phrase.as_str(), word.count)).collect();
        assert_eq!(names, [("pear", 3), ("apple", 2)]);
        assert_eq!(keywords("the of 12 x", 5), []);
        assert_eq!(keywords("", 5), []);
    }
}
