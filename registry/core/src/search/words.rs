//! How text becomes words, and how a name becomes the term of a filter. Documents and queries are read alike, within the
//! bounds that the caller names.

use std::iter;

/// Longer words are cut here, in documents and queries alike. German compounds are shorter; hashes and URLs are not.
pub const WORD_BYTES_MAX: usize = 40;

/// Longer names are not searched for by filters. Media types, bindings and most URIs are shorter.
pub const TERM_BYTES_MAX: usize = 128;

/// The words of a text, in order: runs of letters and digits, lower case, without accents; each ideograph and kana is a
/// word of its own, since nothing stands between them.
pub fn words(text: &str) -> impl Iterator<Item = String> {
    let text = folded(text);
    let mut at = 0;
    iter::from_fn(move || {
        at += text[at..].find(char::is_alphanumeric)?;
        let word = first_word(&text[at..]);
        at += word.len();
        Some(word[..word.floor_char_boundary(WORD_BYTES_MAX)].to_owned())
    })
}

/// The word that a folded text starts with.
fn first_word(text: &str) -> &str {
    let inside = |c: char| c.is_alphanumeric() && !stands_alone(c);
    let len = match text.chars().next() {
        Some(first) if stands_alone(first) => first.len_utf8(),
        _ => text.find(|c| !inside(c)).unwrap_or(text.len()),
    };
    &text[..len]
}

/// The term of a name: lower case, without accents and outer blanks. `None` for what no filter can find: nothing, too
/// much, or control characters.
#[must_use]
pub fn term(name: &str) -> Option<String> {
    let term = folded(name.trim());
    let findable = (1..=TERM_BYTES_MAX).contains(&term.len()) && !term.contains(char::is_control);
    findable.then_some(term)
}

/// Han, kana: written without blanks, so that a run of them is a sentence and not a word.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}')
}

/// A text in lower case, and in ASCII where it has Latin letters with marks. Marks of their own are dropped.
fn folded(text: &str) -> String {
    // Most texts; a lookup for each of their letters would be most of the work of reading a document.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    let lower = text.chars().flat_map(char::to_lowercase);
    for c in lower.filter(|c| !matches!(c, '\u{300}'..='\u{36f}')) {
        match ascii(c) {
            "" => folded.push(c),
            ascii => folded.push_str(ascii),
        }
    }
    folded
}

/// The letters of Latin-1 and Latin Extended-A, and the Romanian ones; empty for all others.
fn ascii(c: char) -> &'static str {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits_without_case_and_accents() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(words(text).collect::<Vec<_>>(), expected, "{text:?}");
        };
        check("", &[]);
        check(" -- !", &[]);
        check("Translates German/French (v2)", &["translates", "german", "french", "v2"]);
        check("Größe, Ærø, cafe\u{301}, İstanbul", &["grosse", "aero", "cafe", "istanbul"]);
        check("Привет мир", &["привет", "мир"]);
        check("東京weather天", &["東", "京", "weather", "天"]);
        check("a\0b\u{1b}[31m", &["a", "b", "31m"]);
    }

    #[test]
    fn words_and_terms_keep_their_bounds() {
        let long = "é".repeat(10_000);
        assert_eq!(words(&long).collect::<Vec<_>>(), ["e".repeat(WORD_BYTES_MAX)]);
        let wide = "я".repeat(10_000);
        assert_eq!(words(&wide).collect::<Vec<_>>(), ["я".repeat(WORD_BYTES_MAX / 2)]);
        assert_eq!(term(&"x".repeat(TERM_BYTES_MAX)).map(|term| term.len()), Some(TERM_BYTES_MAX));
        assert_eq!(term(&"x".repeat(TERM_BYTES_MAX + 1)), None);
        assert_eq!(term(" HTTP+JSON "), Some("http+json".to_owned()));
        assert_eq!((term("  "), term("a\0b"), term("a\nb")), (None, None, None));
    }
}
