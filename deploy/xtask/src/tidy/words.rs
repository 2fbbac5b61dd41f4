//! What code must not say outside tests: that it is unfinished, or that it may panic for want of
//! a reason.
//!
//! It reads notes in comments from the text and calls from the tokens, so that a word in a text
//! is no call.

use super::{Fault, source::Source};

/// Assembled, so that this file does not accuse itself.
const NOTES: [&str; 2] = [concat!("TO", "DO"), concat!("FIX", "ME")];
/// The one comparison of secrets in constant time (attack case 35).
const SECRETS: &str = "proto/types/src/digest.rs";
const UNFINISHED: [&str; 2] = ["todo", "unimplemented"];

pub(super) fn check(source: &Source) -> Vec<Fault> {
    let mut faults = notes(source);
    let code = source.code();
    for (at, token) in code.iter().enumerate() {
        let next = |ahead: usize| code.get(at + ahead).map_or("", |token| &*token.text);
        if UNFINISHED.contains(&&*token.text) && next(1) == "!" {
            let message = format!("`{}!` is unfinished", token.text);
            faults.push(Fault::new(&source.path, token.line, message));
        }
        if token.text == "ct_eq" && source.path != SECRETS {
            let message = format!("secrets are compared in {SECRETS} only: `Digest::same_secret`");
            faults.push(Fault::new(&source.path, token.line, message));
        }
        if token.text == "." && next(1) == "unwrap" && next(2) == "(" {
            let message = "`.unwrap()`: handle it, or `expect` the invariant and who keeps it";
            faults.push(Fault::new(&source.path, token.line, message));
        }
    }
    faults
}

fn notes(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if !source.is_test_line(number) && words.any(|word| NOTES.contains(&word)) {
            faults.push(Fault::new(&source.path, number, "a note is an issue: open one instead"));
        }
    }
    faults
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check_text(text: &str) -> usize {
        check(&Source::parse("a/src/b.rs", text).unwrap()).len()
    }

    #[test]
    fn unfinished_and_careless_code_is_a_fault() {
        assert_eq!(check_text(&format!("// {}: later\n", NOTES[0])), 1);
        assert_eq!(check_text(&format!("/* {} */\n", NOTES[1])), 1);
        assert_eq!(check_text("fn f() { todo!() }"), 1);
        assert_eq!(check_text("fn f() { unimplemented!(\"x\") }"), 1);
        assert_eq!(check_text("fn f() { g()\n.unwrap() }"), 1);
    }

    #[test]
    fn case_35_secrets_are_compared_in_one_place() {
        let text = "fn f() { a.ct_eq(&b); }";
        assert_eq!(check_text(text), 1);
        assert!(check(&Source::parse(SECRETS, text).unwrap()).is_empty());
    }

    #[test]
    fn tests_text_and_lookalikes_pass() {
        assert_eq!(check_text("#[cfg(test)]\nmod tests { fn f() { g().unwrap() } }"), 0);
        assert_eq!(check_text("fn f() { g().unwrap_or(\".unwrap()\"); todo(); }"), 0);
        assert_eq!(check_text("const A: &str = \"TODOS and mastodons\";"), 0);
    }
}
