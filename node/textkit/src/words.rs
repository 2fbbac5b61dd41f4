//! Words and phrases of a text in any script.
//!
//! Decides where a word begins and ends: letters and digits of Unicode, with apostrophes and hyphens
//! inside; where a script writes no spaces, each sign is a word. Must never change a word: lower
//! case is made where words are compared.

/// Signs that belong to the letter before them although Unicode does not call them alphabetic:
/// combining accents, joiners, and the viramas of the Indic scripts.
fn continues(sign: char) -> bool {
    matches!(
        sign,
        '\u{300}'
            ..='\u{36f}'
                | '\u{200c}'
                | '\u{200d}'
                | '\u{94d}'
                | '\u{9cd}'
                | '\u{a4d}'
                | '\u{acd}'
                | '\u{b4d}'
                | '\u{bcd}'
                | '\u{c4d}'
                | '\u{ccd}'
                | '\u{d4d}'
    )
}

/// Han and kana: written without spaces, and nearly every sign is a unit of meaning or sound.
fn stands_alone(sign: char) -> bool {
    matches!(
        sign,
        '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
    )
}

/// Signs that join two letters into one word: don't, state-of-the-art.
fn joins(sign: char) -> bool {
    matches!(sign, '\'' | '\u{2019}' | '-' | '\u{2010}')
}

/// A word, and whether only blanks lie between it and the word before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'a> {
    /// As it stands in the text.
    pub text: &'a str,
    /// No punctuation and no line end separates it from the word before.
    pub continues_phrase: bool,
}

/// All words of a text, in order.
#[must_use]
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut continues_phrase = false;
    while let Some(first) = rest.chars().next() {
        let length = word_length(rest);
        if length == 0 {
            continues_phrase &= matches!(first, ' ' | '\t' | '\u{a0}');
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (word, after) = rest.split_at(length);
        found.push(Word { text: word, continues_phrase });
        continues_phrase = true;
        rest = after;
    }
    found
}

/// How many bytes at the start of the text are a word.
fn word_length(text: &str) -> usize {
    let mut signs = text.char_indices().peekable();
    let mut end = 0;
    while let Some((at, sign)) = signs.next() {
        let next = at + sign.len_utf8();
        if stands_alone(sign) {
            return if end == 0 { next } else { end };
        }
        let inside = end > 0 && at == end;
        let joined = joins(sign)
            && signs
                .peek()
                .is_some_and(|(_, after)| after.is_alphanumeric() && !stands_alone(*after));
        if sign.is_alphanumeric() || (inside && (continues(sign) || joined)) {
            end = next;
        } else {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = words(text).iter().map(|word| word.text).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn words_of_any_script_are_found() {
        check("", &[]);
        check(" -- ' ! ", &[]);
        check(
            "Don't stop: state-of-the-art, 'quoted'-",
            &["Don't", "stop", "state-of-the-art", "quoted"],
        );
        check("cafe\u{301} été 3.14", &["cafe\u{301}", "été", "3", "14"]);
        check("привет, мир", &["привет", "мир"]);
        check("हिन्दी", &["हिन्दी"]);
        check("東京abcです", &["東", "京", "abc", "で", "す"]);
        check("a-東", &["a", "東"]);
    }

    #[test]
    fn a_phrase_ends_at_punctuation_and_at_line_ends() {
        let joined =
            |text| words(text).iter().map(|word| word.continues_phrase).collect::<Vec<_>>();
        assert_eq!(joined("one two, three\nfour"), [false, true, false, false]);
    }
}
