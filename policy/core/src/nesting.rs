//! How deep a text nests, found out before Cedar parses it.
//!
//! Decides by characters alone, outside of strings and comments. Must never let a text through whose syntax tree is so deep
//! that to walk or drop it takes more stack than a thread has: some walks of Cedar's are recursive and do not look.

use crate::fault::Fault;

/// Brackets and `if`s that are open at once. Arbitrary, and far above what people write.
const DEPTH_MAX: usize = 32;

/// What one statement may have of operators, each of which may stand below the one before it in the tree. Arbitrary.
const OPERATORS_MAX: usize = 512;

/// # Errors
/// The place where it nests too deep.
pub(crate) fn check(text: &str) -> Result<(), Fault> {
    let mut statement = Statement::default();
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let is_comment = c == '/' && rest.next_if(|(_, next)| *next == '/').is_some();
        match c {
            // Cedar ends a comment at either.
            _ if is_comment => while rest.next_if(|(_, c)| !matches!(c, '\n' | '\r')).is_some() {},
            '"' => skip_string(&mut rest),
            _ if is_word(c) => {
                let mut word = String::from(c);
                while let Some((_, next)) = rest.next_if(|(_, next)| is_word(*next)) {
                    word.push(next);
                }
                statement.word(&word);
            }
            _ => statement.sign(c),
        }
        statement.check(text, at)?;
    }
    Ok(())
}

#[derive(Default)]
struct Statement {
    /// Brackets that are open.
    open: usize,
    /// `if`s of the statement: where each ends a parser knows.
    ifs: usize,
    operators: usize,
}

impl Statement {
    fn word(&mut self, word: &str) {
        match word {
            "if" => self.ifs += 1,
            "has" | "like" | "in" | "is" => self.operators += 1,
            _ => {}
        }
    }

    fn sign(&mut self, c: char) {
        match c {
            '(' | '[' | '{' => self.open += 1,
            ')' | ']' | '}' => self.open = self.open.saturating_sub(1),
            ';' => *self = Self::default(),
            '&' | '|' | '+' | '-' | '*' | '.' | '!' | '<' | '>' | '=' => self.operators += 1,
            _ => {}
        }
    }

    fn check(&self, text: &str, at: usize) -> Result<(), Fault> {
        if self.open + self.ifs > DEPTH_MAX {
            let why = format!("more than {DEPTH_MAX} brackets and ifs within each other");
            return Err(Fault::at(text, at, why));
        }
        if self.operators > OPERATORS_MAX {
            let why = format!("a statement of more than {OPERATORS_MAX} operators: write several");
            return Err(Fault::at(text, at, why));
        }
        Ok(())
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Up to and with the closing quote.
fn skip_string(rest: &mut impl Iterator<Item = (usize, char)>) {
    while let Some((_, c)) = rest.next() {
        match c {
            // What is escaped, whatever it is.
            '\\' => {
                rest.next();
            }
            '"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nests_deep_is_refused_and_what_only_looks_so_is_not() {
        let deep = |open: &str, n: usize| {
            format!("permit(principal, action, resource) when {{ {} ", open.repeat(n))
        };
        assert!(check(&deep("(", 99)).is_err());
        assert!(check(&deep("if true then ", 99)).is_err());
        assert!(check(&deep("true && ", 400)).is_err(), "two signs each");
        assert!(check(&deep("true && ", 200)).is_ok());
        let quoted =
            format!("\"{}\\\"{}\" // {}\n", "(".repeat(99), "(".repeat(99), "(".repeat(99));
        assert!(check(&quoted).is_ok());
        assert!(check(&"permit(principal, action, resource);\n".repeat(999)).is_ok());
        let set = format!("[{}]", "\"a\", ".repeat(5_000));
        assert!(check(&set).is_ok(), "a set is flat");
    }

    #[test]
    fn no_text_ends_the_check() {
        for text in ["", "\"", "\"\\", "/", "//", "é(\u{0}", ")))];", "if"] {
            assert!(check(text).is_ok(), "{text:?}");
        }
        let fault = check(&format!("permit\n{}", "(".repeat(40))).map_err(|fault| fault.place);
        assert_eq!(fault, Err(Some((2, 33))));
    }
}
