//! Law two: the pure layers hold no async, clock, randomness, environment, thread, file, socket
//! or unordered map.
//!
//! It decides by names, outside tests. The crate's own clippy.toml sees through aliases and is
//! required for that; this check sees what clippy has no ban for, such as `async`.

use super::{
    Crate, Fault,
    arrows::is_pure,
    source::{Source, Token},
    tree::Tree,
};

/// Words that have no place in a pure crate, whatever path leads to them.
const WORDS: &[&str] =
    &["async", "await", "tokio", "Instant", "SystemTime", "HashMap", "HashSet", "RandomState"];
/// Modules of the standard library that touch the world.
const STD: &[&str] = &["env", "thread", "fs", "net", "process"];

pub(super) fn check(crates: &[Crate], sources: &[Source], tree: &Tree) -> Vec<Fault> {
    let mut faults = Vec::new();
    for pure in crates.iter().filter(|each| is_pure(&each.name)) {
        let lints = format!("{}/clippy.toml", pure.folder);
        if !tree.holds(&lints) {
            let message = format!("{} is pure and needs its bans in this file", pure.name);
            faults.push(Fault::new(lints, 1, message));
        }
        let inside = format!("{}/src/", pure.folder);
        let own = sources.iter().filter(|source| source.path.starts_with(&inside));
        faults.extend(own.flat_map(impurities));
    }
    faults
}

fn impurities(source: &Source) -> Vec<Fault> {
    let code = source.code();
    let fault = |token: &Token, name: &str| {
        Fault::new(&source.path, token.line, format!("`{name}` has no place in a pure crate"))
    };
    let mut faults = Vec::new();
    for (at, token) in code.iter().enumerate() {
        let word = &*token.text;
        let is_path = is_path(&code[at + 1..]);
        if WORDS.contains(&word) || (is_path && word == "rand") {
            faults.push(fault(token, word));
        }
        if is_path && word == "std" {
            let used = std_modules(&code[at + 3..]);
            let banned = used.into_iter().filter(|module| STD.contains(&&*module.text));
            faults.extend(banned.map(|module| fault(module, &format!("std::{}", module.text))));
        }
    }
    faults
}

fn is_path(after: &[&Token]) -> bool {
    matches!(after, [first, second, ..] if first.text == ":" && second.text == ":")
}

/// After `std::`: the module, or the first name of each member of a braced list.
fn std_modules<'a>(after: &[&'a Token]) -> Vec<&'a Token> {
    let Some(first) = after.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![first];
    }
    let (mut depth, mut starts, mut modules) = (0_usize, true, Vec::new());
    for token in after {
        match &*token.text {
            "{" => depth += 1,
            "}" if depth <= 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 => starts = true,
            _ if starts && depth == 1 => {
                modules.push(*token);
                starts = false;
            }
            _ => {}
        }
    }
    modules
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn check_text(name: &str, text: &str) -> Vec<String> {
        let folder = "x/core".to_owned();
        let crates = [Crate { name: name.to_owned(), folder, imports: Vec::new() }];
        let sources = [Source::parse("x/core/src/lib.rs", text).unwrap()];
        let tree = Tree::of(&[("x/core/clippy.toml", "")]);
        check(&crates, &sources, &tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_impurity_is_named_with_its_line() {
        for (text, name) in [
            ("use std::time::Instant;", "Instant"),
            ("fn f() -> std::time::SystemTime { g() }", "SystemTime"),
            ("use std::{collections::{BTreeMap, HashMap}, fmt};", "HashMap"),
            ("use std::{fmt, net::IpAddr};", "std::net"),
            ("fn f() { std::env::var(\"x\"); }", "std::env"),
            ("use std::thread;", "std::thread"),
            ("async fn f() {}", "async"),
            ("fn f() { g().await }", "await"),
            ("use tokio::sync::mpsc;", "tokio"),
            ("fn f() { rand::random() }", "rand"),
        ] {
            let faults = check_text("gateway-core", text);
            assert_eq!(faults.len(), 1, "{text}: {faults:?}");
            let expected = format!("x/core/src/lib.rs:1: `{name}`");
            assert!(faults[0].starts_with(&expected), "{text}: {faults:?}");
        }
    }

    #[test]
    fn tests_text_harmless_names_and_other_layers_pass() {
        for text in [
            "// HashMap\nconst A: &str = \"tokio\"; use std::{fmt::{self, env}, io};",
            "#[cfg(test)]\nmod tests { use std::collections::HashMap; }",
            "fn f(rand: u64, net: u8) {}",
        ] {
            assert!(check_text("gateway-core", text).is_empty(), "{text}");
        }
        assert!(check_text("gateway-server", "use std::fs;").is_empty());
    }

    #[test]
    fn a_pure_crate_without_its_own_bans_is_a_fault() {
        let name = "proto-types".to_owned();
        let crates = [Crate { name, folder: "x".to_owned(), imports: Vec::new() }];
        let faults = check(&crates, &[], &Tree::default());
        assert_eq!(faults[0].path, "x/clippy.toml");
    }
}
