//! How long a file and a function may be.
//!
//! It decides two bounds for each. Above the first one an entry in the list of exceptions is
//! needed, and an entry that is no longer needed is a fault too, so that the list only shrinks.
//! Above the second one nothing helps. Lines of tests count only towards the whole file.

use std::collections::BTreeSet;

use super::{Fault, source::Source};

/// Where the exceptions are: one `file PATH` or `function PATH::NAME` a line.
pub(super) const EXCEPTIONS: &str = "deploy/xtask/exceptions.txt";

/// docs/STYLE.md: about 110 lines, seldom over 300.
const FILE_LINES: usize = 300;
/// Tests included: beyond this nobody reads a file to its end.
const FILE_LINES_HARD: usize = 600;
/// docs/STYLE.md: a function is under 30 lines, so that it is seen whole.
const FUNCTION_LINES: usize = 30;
/// More than one screen.
const FUNCTION_LINES_HARD: usize = 70;

/// Something above its first bound.
#[derive(Debug)]
pub(super) struct Offender {
    /// The line that would excuse it.
    pub(super) entry: String,
    fault: Fault,
}

pub(super) fn check(sources: &[Source], exceptions: &str) -> Vec<Fault> {
    let mut faults: Vec<Fault> = sources.iter().flat_map(beyond_excuse).collect();
    let offenders = offenders(sources);
    let needed: BTreeSet<&str> = offenders.iter().map(|offender| &*offender.entry).collect();
    let mut listed = BTreeSet::new();
    for (number, line) in (1..).zip(exceptions.lines()) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !listed.insert(line) {
            faults.push(Fault::new(EXCEPTIONS, number, format!("`{line}` is listed twice")));
        }
        if !needed.contains(line) {
            let message = format!("`{line}` is no longer needed: take it off the list");
            faults.push(Fault::new(EXCEPTIONS, number, message));
        }
    }
    let unlisted = offenders.iter().filter(|offender| !listed.contains(&*offender.entry));
    faults.extend(unlisted.map(|offender| offender.fault.clone()));
    faults
}

/// Everything between the first bound and the second, tests left out.
pub(super) fn offenders(sources: &[Source]) -> Vec<Offender> {
    sources
        .iter()
        .flat_map(|source| long_file(source).into_iter().chain(long_functions(source)))
        .collect()
}

fn long_file(source: &Source) -> Option<Offender> {
    let lines =
        (1..=source.text.lines().count()).filter(|line| !source.is_test_line(*line)).count();
    let message = format!("{lines} lines without tests, more than {FILE_LINES}: split the file");
    let fault = Fault::new(&source.path, 1, message);
    (lines > FILE_LINES).then(|| Offender { entry: format!("file {}", source.path), fault })
}

fn long_functions(source: &Source) -> Vec<Offender> {
    let mut offenders: Vec<Offender> = Vec::new();
    for function in &source.functions {
        let within = (FUNCTION_LINES + 1..=FUNCTION_LINES_HARD).contains(&function.lines);
        let entry = format!("function {}::{}", source.path, function.name);
        let known = offenders.last().is_some_and(|last| last.entry == entry);
        if within && !known && !source.is_test_line(function.line) {
            let fault = too_long(source, function.line, &function.name, function.lines);
            offenders.push(Offender { entry, fault });
        }
    }
    offenders
}

fn too_long(source: &Source, line: usize, name: &str, lines: usize) -> Fault {
    let message = format!("`{name}` has {lines} lines, more than {FUNCTION_LINES}: split it");
    Fault::new(&source.path, line, message)
}

fn beyond_excuse(source: &Source) -> Vec<Fault> {
    let lines = source.text.lines().count();
    let mut faults = Vec::new();
    if lines > FILE_LINES_HARD {
        let message = format!("{lines} lines with tests, more than {FILE_LINES_HARD}: split it");
        faults.push(Fault::new(&source.path, 1, message));
    }
    for function in &source.functions {
        if function.lines > FUNCTION_LINES_HARD && !source.is_test_line(function.line) {
            faults.push(too_long(source, function.line, &function.name, function.lines));
        }
    }
    faults
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn function(name: &str, lines: usize) -> String {
        format!("fn {name}() {{\n{}}}\n", "f();\n".repeat(lines - 2))
    }

    fn check_text(text: &str, exceptions: &str) -> Vec<String> {
        let sources = [Source::parse("a/src/b.rs", text).unwrap()];
        check(&sources, exceptions).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_long_function_needs_an_entry_and_a_very_long_one_is_never_excused() {
        let entry = "function a/src/b.rs::f";
        assert!(check_text(&function("f", 30), "").is_empty());
        assert!(check_text(&function("f", 31), "")[0].starts_with("a/src/b.rs:1: `f` has 31"));
        assert!(check_text(&function("f", 70), entry).is_empty());
        assert!(check_text(&function("f", 71), "")[0].contains("71"));
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function("f", 90));
        assert!(check_text(&tests, "").is_empty());
    }

    #[test]
    fn an_entry_that_is_not_needed_is_a_fault_so_that_the_list_shrinks() {
        let exceptions = "# why\n\nfunction a/src/b.rs::f\n";
        let faults = check_text(&function("f", 12), exceptions);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with(&format!("{EXCEPTIONS}:3: ")), "{faults:?}");
        let twice = "function a/src/b.rs::f\nfunction a/src/b.rs::f\n";
        assert!(check_text(&function("f", 40), twice)[0].contains("twice"));
    }

    #[test]
    fn a_long_file_needs_an_entry_and_its_tests_count_only_towards_the_hard_bound() {
        let code = "static A: u8 = 0;\n";
        let tests = |lines: usize| format!("#[cfg(test)]\nmod t {{\n{}}}\n", code.repeat(lines));
        assert!(check_text(&(code.repeat(300) + &tests(200)), "").is_empty());
        assert_eq!(check_text(&code.repeat(301), "").len(), 1);
        assert!(check_text(&code.repeat(301), "file a/src/b.rs").is_empty());
        assert_eq!(check_text(&(code.repeat(300) + &tests(300)), "").len(), 1);
    }
}
