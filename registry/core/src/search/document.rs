//! The words and names of a card, record or agent, with their weights. The edge makes the document once and
//! `apply` never does, so that a newer tokeniser changes no state that is already there.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::terms::{TERMS_MAX, Term, TermKind, Terms};
use super::words::{term, words};

/// Different words of a document at most; those of the name come first, then the skills', then the descriptions'.
const WORDS_MAX: usize = 96;

/// Text that is read for words. Arbitrary: ten pages say what an agent does.
const TEXT_BYTES_MAX: usize = 32 << 10;

/// A name is shown up to here.
const NAME_BYTES_MAX: usize = 200;

/// A description is shown up to here: two lines of a list.
const SUMMARY_BYTES_MAX: usize = 280;

/// How often a word counts by where it stands: a name says more than a description.
const IN_NAME: u32 = 4;
const IN_SKILL: u32 = 3;
const IN_TEXT: u32 = 1;

/// What the edge read of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The agent's name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// What it can do.
    pub skills: Vec<Skill<'a>>,
    /// Words for what of a protocol it does, or what it says it can do.
    pub capabilities: Vec<&'a str>,
    /// Media types and modalities, of either direction.
    pub modalities: Vec<&'a str>,
    /// Protocol bindings.
    pub bindings: Vec<&'a str>,
}

/// One skill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skill<'a> {
    /// Its id within the card.
    pub id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// Its tags.
    pub tags: Vec<&'a str>,
}

/// What a search knows of a body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The name, cut to 200 bytes.
    pub name: String,
    /// The description, cut to 280 bytes.
    pub summary: String,
    /// What it can be found by.
    pub terms: Terms,
}

impl Document {
    /// Of these facts. Deterministic and bounded: at most 224 terms.
    #[must_use]
    pub fn of(facts: &Facts<'_>) -> Self {
        let mut text = Text { left: TEXT_BYTES_MAX, ..Text::default() };
        text.read(facts.name, IN_NAME, true);
        for skill in &facts.skills {
            text.read(skill.name, IN_SKILL, false);
            skill.tags.iter().for_each(|tag| text.read(tag, IN_SKILL, false));
        }
        facts.capabilities.iter().for_each(|word| text.read(word, IN_SKILL, false));
        text.read(facts.description, IN_TEXT, true);
        facts.skills.iter().for_each(|skill| text.read(skill.description, IN_TEXT, false));
        let words = text.weighed();
        let names = names(facts, TERMS_MAX - words.len());
        let whole = |(kind, text)| Term { kind, text, weight: u8::MAX, open: 0 };
        let names = names.iter().map(|(kind, text)| whole((*kind, text.as_str())));
        let words = words.iter().map(|(text, (weight, open))| Term {
            kind: TermKind::Word,
            text,
            weight: *weight,
            open: *open,
        });
        Self {
            name: cut(facts.name, NAME_BYTES_MAX),
            summary: cut(facts.description, SUMMARY_BYTES_MAX),
            terms: Terms::pack(words.chain(names)),
        }
    }
}

/// Words and how often they stand where.
#[derive(Default)]
struct Text {
    /// Bytes that may still be read.
    left: usize,
    /// Counts in everything, and in name and description alone.
    counts: BTreeMap<String, (u32, u32)>,
    /// Words in everything, and in name and description alone.
    lengths: (u32, u32),
}

impl Text {
    fn read(&mut self, text: &str, times: u32, open: bool) {
        let text = &text[..text.floor_char_boundary(self.left)];
        self.left -= text.len();
        for word in words(text) {
            self.lengths.0 += 1;
            self.lengths.1 += u32::from(open);
            let full = self.counts.len() >= WORDS_MAX;
            let count = match self.counts.get_mut(&word) {
                Some(count) => count,
                None if full => continue,
                None => self.counts.entry(word).or_default(),
            };
            count.0 += times;
            count.1 += if open { times } else { 0 };
        }
    }

    fn weighed(self) -> BTreeMap<String, (u8, u8)> {
        let (all, open) = self.lengths;
        let weigh = |(in_all, in_open)| (weight(in_all, all), weight(in_open, open));
        self.counts.into_iter().map(|(word, counts)| (word, weigh(counts))).collect()
    }
}

/// The document's half of BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75), scaled to 1..=255; 0 for a word that
/// does not stand there. The mean length is a constant, so that the weight is a function of the document alone: 64
/// words is a card with three skills.
fn weight(times: u32, length: u32) -> u8 {
    const MEAN_LENGTH: u64 = 64;
    if times == 0 {
        return 0;
    }
    let times = u64::from(times) * 1_000;
    let damping = 300 + 900 * u64::from(length) / MEAN_LENGTH;
    let scaled = 255 * times / (times + damping);
    u8::try_from(scaled.max(1)).expect("the fraction is below 1")
}

/// What filters find, up to `max`, in their order. Kinds that name few things come first, so that a long list of tags
/// does not push them out.
fn names(facts: &Facts<'_>, max: usize) -> BTreeSet<(TermKind, String)> {
    let ids = facts.skills.iter().flat_map(|skill| [skill.id, skill.name]);
    let tags = facts.skills.iter().flat_map(|skill| skill.tags.iter().copied());
    let types = facts.modalities.iter().filter_map(|kind| Some(kind.split_once('/')?.0));
    let found = (facts.bindings.iter().map(|name| (TermKind::Binding, *name)))
        .chain(facts.capabilities.iter().map(|name| (TermKind::Capability, *name)))
        .chain(facts.modalities.iter().copied().chain(types).map(|name| (TermKind::Modality, name)))
        .chain(ids.map(|name| (TermKind::Skill, name)))
        .chain(tags.map(|name| (TermKind::Tag, name)));
    let mut kept = BTreeSet::new();
    for (kind, name) in found {
        if kept.len() >= max {
            break;
        }
        kept.extend(term(name).map(|name| (kind, name)));
    }
    kept
}

fn cut(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts<'static> {
        let skill =
            Skill { id: "tr-1", name: "Translate", description: "any language", tags: vec!["NLP"] };
        Facts {
            name: "Babel",
            description: "Babel speaks",
            skills: vec![skill],
            capabilities: vec!["streaming"],
            modalities: vec!["text/plain"],
            bindings: vec!["JSONRPC"],
        }
    }

    #[test]
    fn a_document_is_found_by_its_words_and_names() {
        let document = Document::of(&facts());
        let has = |kind, text| document.terms.find(kind, text).is_some();
        for word in ["babel", "speaks", "translate", "any", "language", "nlp"] {
            assert!(has(TermKind::Word, word), "{word}");
        }
        assert!(has(TermKind::Skill, "tr-1") && has(TermKind::Skill, "translate"));
        assert!(has(TermKind::Tag, "nlp") && has(TermKind::Capability, "streaming"));
        assert!(has(TermKind::Modality, "text/plain") && has(TermKind::Modality, "text"));
        assert!(has(TermKind::Binding, "jsonrpc"));
        assert_eq!((document.name.as_str(), document.summary.as_str()), ("Babel", "Babel speaks"));
    }

    #[test]
    fn a_word_weighs_more_in_a_name_and_only_name_and_description_are_open() {
        let document = Document::of(&facts());
        let term =
            |text| document.terms.find(TermKind::Word, text).map(|term| (term.weight, term.open));
        let (babel, speaks) =
            (term("babel").unwrap_or_default(), term("speaks").unwrap_or_default());
        assert!(babel > speaks && speaks.1 > 0, "{babel:?} {speaks:?}");
        assert_eq!(term("language").map(|(_, open)| open), Some(0));
        assert!(
            document
                .terms
                .iter()
                .filter(|term| term.kind != TermKind::Word)
                .all(|term| term.open == 0)
        );
    }

    #[test]
    fn weights_rise_with_count_and_fall_with_length() {
        assert!(weight(1, 8) < weight(2, 8) && weight(2, 8) > weight(2, 800));
        assert_eq!((weight(0, 8), weight(1, u32::MAX)), (0, 1));
        assert!(weight(u32::MAX, 1) <= 254);
    }

    proptest! {
        #[test]
        fn every_document_fits_a_command(
            texts in prop::collection::vec("\\PC{0,400}", 0..40), name in "\\PC{0,400}",
        ) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let skill = |text: &&'_ str| (*text).to_owned();
            let ids: Vec<String> = texts.iter().map(skill).collect();
            let skills = ids.iter().map(|id| Skill { id, name: id, description: id, tags: texts.clone() });
            let facts = Facts {
                name: &name,
                description: texts.first().unwrap_or(&""),
                skills: skills.collect(),
                capabilities: texts.clone(),
                modalities: texts.clone(),
                bindings: texts.clone(),
            };
            let document = Document::of(&facts);
            prop_assert_eq!(document.terms.check(), Ok(()));
            prop_assert!(document.name.len() <= NAME_BYTES_MAX && document.summary.len() <= SUMMARY_BYTES_MAX);
            prop_assert_eq!(&document, &Document::of(&facts));
        }
    }
}
