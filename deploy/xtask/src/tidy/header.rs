//! Every Rust file opens by saying what it is.
//!
//! It checks that there is such an opening, never whether it is true: reviewers do.

use super::{Fault, source::Source};

pub(super) fn check(source: &Source) -> Option<Fault> {
    let opens = source.text.starts_with("//! ");
    (!opens).then(|| Fault::new(&source.path, 1, "a file opens with `//!`: what it is"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_say_what_it_is_is_a_fault() {
        let check_text = |text| check(&Source::parse("a/src/b.rs", text).unwrap());
        assert!(check_text("//! A thing.\nfn f() {}").is_none());
        assert!(check_text("// A thing.\nfn f() {}").is_some());
        assert!(check_text("use std::fmt;\n").is_some());
    }
}
