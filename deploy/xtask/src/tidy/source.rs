//! A Rust file as tokens with lines, its functions, and which lines are tests.
//!
//! It decides what is test code. It uses the lexer of `proc-macro2`, so that comments and text
//! are never taken for code; it never resolves a name, so that it needs no compiler.

use std::{ops::RangeInclusive, str::FromStr};

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::Fault;

/// A parsed file.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    /// Identifiers, punctuation and brackets in order; literals are one `"` each.
    pub(super) tokens: Vec<Token>,
    pub(super) functions: Vec<Function>,
    tests: Vec<RangeInclusive<usize>>,
    is_test: bool,
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) text: String,
    pub(super) line: usize,
}

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) line: usize,
    /// From the line of `fn` to the closing brace.
    pub(super) lines: usize,
}

impl Source {
    pub(super) fn parse(path: &str, text: &str) -> Result<Self, Fault> {
        let stream = TokenStream::from_str(text)
            .map_err(|error| Fault::new(path, error.span().start().line, error.to_string()))?;
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: Vec::new(),
            functions: Vec::new(),
            tests: Vec::new(),
            is_test: is_test_path(path),
        };
        source.walk(stream);
        Ok(source)
    }

    /// Whether the line is only compiled for tests.
    pub(super) fn is_test_line(&self, line: usize) -> bool {
        self.is_test || self.tests.iter().any(|range| range.contains(&line))
    }

    /// Non-test tokens, in order.
    pub(super) fn code(&self) -> Vec<&Token> {
        self.tokens.iter().filter(|token| !self.is_test_line(token.line)).collect()
    }

    fn walk(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            let line = tree.span().start().line;
            if is_punct(tree, '#') {
                self.note_test(&trees[at + 1..], line);
            }
            if let (TokenTree::Ident(word), Some(TokenTree::Ident(name))) =
                (tree, trees.get(at + 1))
                && word == "fn"
            {
                self.note_function(name.to_string(), line, &trees[at + 2..]);
            }
            match tree {
                TokenTree::Group(group) => self.enter(group),
                TokenTree::Literal(_) => self.push("\"".to_owned(), line),
                other => self.push(other.to_string(), line),
            }
        }
    }

    fn enter(&mut self, group: &Group) {
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("(", ")"),
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::None => ("", ""),
        };
        self.push(open.to_owned(), group.span_open().start().line);
        self.walk(group.stream());
        self.push(close.to_owned(), group.span_close().start().line);
    }

    fn push(&mut self, text: String, line: usize) {
        self.tokens.push(Token { text, line });
    }

    /// After `#`: remembers what `[cfg(test)]` covers; after `#!` that is the whole file.
    fn note_test(&mut self, after: &[TokenTree], line: usize) {
        let inner = after.first().is_some_and(|tree| is_punct(tree, '!'));
        let Some(TokenTree::Group(attribute)) = after.get(usize::from(inner)) else { return };
        if !is_cfg_test(attribute) {
            return;
        }
        if inner {
            self.is_test = true;
        } else if let Some(end) = after.iter().find_map(item_end) {
            self.tests.push(line..=end);
        }
    }

    fn note_function(&mut self, name: String, line: usize, after: &[TokenTree]) {
        let Some(end) = after.iter().find(|tree| item_end(tree).is_some()) else { return };
        if let (TokenTree::Group(_), Some(last)) = (end, item_end(end)) {
            self.functions.push(Function { name, line, lines: last - line + 1 });
        }
    }
}

/// The last line of an item, if this tree is what ends it: a braced body or a semicolon.
fn item_end(tree: &TokenTree) -> Option<usize> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some(group.span_close().start().line)
        }
        tree if is_punct(tree, ';') => Some(tree.span().start().line),
        _ => None,
    }
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

/// `[cfg(test)]` and `[cfg(all(test, ..))]`, but not `[cfg(not(test))]`.
fn is_cfg_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text == "cfg(test)" || text.starts_with("cfg(all(test,")
}

fn is_test_path(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
        || path.ends_with("_tests.rs")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const SAMPLE: &str = r##"//! Head.
fn long(
    a: [u8; 2],
) -> Option<()> {
    let text = "fn inside() { } #[cfg(test)]"; // fn comment() {}
    None
}
trait T { fn declared(&self); fn given(&self) {} }
#[cfg(not(test))]
fn real() {}
#[cfg(test)]
#[expect(dead_code, reason = "x")]
mod tests {
    fn inner() {
    }
}
fn after() {}
"##;

    #[test]
    fn functions_and_tests_are_found_and_text_is_not_code() {
        let source = Source::parse("a/src/lib.rs", SAMPLE).unwrap();
        let found: Vec<_> = source.functions.iter().map(|f| (&*f.name, f.line, f.lines)).collect();
        let expected =
            [("long", 2, 6), ("given", 8, 1), ("real", 10, 1), ("inner", 14, 2), ("after", 17, 1)];
        assert_eq!(found, expected);
        let tests: Vec<_> = (1..=17).filter(|line| source.is_test_line(*line)).collect();
        assert_eq!(tests, [11, 12, 13, 14, 15, 16]);
        assert!(
            !source.code().iter().any(|token| token.text == "comment" || token.text == "inner")
        );
    }

    #[test]
    fn whole_files_of_tests_are_known_by_path_or_attribute() {
        for path in ["a/tests/b.rs", "a/benches/b.rs", "a/src/b/tests.rs", "a/src/b_tests.rs"] {
            assert!(Source::parse(path, "fn f() {}").unwrap().is_test_line(1), "{path}");
        }
        assert!(Source::parse("a/src/b.rs", "#![cfg(test)]").unwrap().is_test_line(9));
        assert!(!Source::parse("a/src/b.rs", "fn f() {}").unwrap().is_test_line(1));
    }

    #[test]
    fn a_file_that_is_not_rust_is_a_fault_with_its_line() {
        let fault = Source::parse("a.rs", "fn f() {\n}\n}\n").unwrap_err();
        assert_eq!((&*fault.path, fault.line), ("a.rs", 3));
    }
}
