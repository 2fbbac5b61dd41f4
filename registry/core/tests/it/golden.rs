//! What is stored and sent, byte for byte: commands, answers, entries, derived keys and the writes of a whole log, each of
//! fixed values, against files that are committed in `tests/golden`, a line `name hex` for each.
//!
//! Members of two versions read what either has written, and compare digests of what they write. So a line that is there
//! never changes; where something new is stored, `ECUMENE_BLESS=1 cargo nextest run -p registry-core golden` writes the
//! files anew, and the difference must have new lines alone.

#![expect(clippy::disallowed_methods, reason = "the goldens are files")]

mod chapters;
mod commands;
mod entries;
mod nested;
mod peers;
mod replies;
mod story;
mod undelivered;
mod values;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden");

/// One committed file, and what it should say.
struct Golden {
    file: &'static str,
    committed: BTreeMap<String, String>,
    found: Vec<(String, String)>,
}

impl Golden {
    fn open(file: &'static str) -> Self {
        let text = if is_blessed() {
            String::new()
        } else {
            fs::read_to_string(path(file)).unwrap_or_default()
        };
        let lines = text.lines().filter_map(|line| line.rsplit_once(' '));
        let committed = lines.map(|(name, digits)| (name.to_owned(), digits.to_owned())).collect();
        Self { file, committed, found: Vec::new() }
    }

    /// Pins bytes.
    fn bytes(&mut self, name: String, bytes: &[u8]) {
        self.found.push((name, hex(bytes)));
    }

    /// Pins a value as it was encoded. The bytes that are committed must be read as this value, too.
    fn encoded<T>(&mut self, name: String, value: &T, encoded: &[u8])
    where
        T: DeserializeOwned + PartialEq + Debug,
    {
        let committed = self.committed.get(&name).map(|digits| unhex(digits));
        match rmp_serde::from_slice::<T>(committed.as_deref().unwrap_or(encoded)) {
            Ok(read) => assert_eq!(read, *value, "{name} is read as something else"),
            Err(cause) => panic!("{name} is not read: {cause}"),
        }
        self.bytes(name, encoded);
    }

    /// Pins values of a type that has no variants.
    fn each<T>(&mut self, kind: &str, values: &[T])
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        for (number, value) in (1..).zip(values) {
            self.encoded(format!("{kind} {number}"), value, &encode(value));
        }
    }

    /// Pins values of an enum. Every variant that can be read must be among them.
    fn every<T>(&mut self, kind: &str, values: &[T])
    where
        T: Serialize + DeserializeOwned + PartialEq + Debug,
    {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        for value in values {
            let encoded = encode(value);
            let variant = variant(&encoded).to_owned();
            let number = counts.entry(variant.clone()).or_default();
            *number += 1;
            self.encoded(format!("{kind} {variant} {number}"), value, &encoded);
        }
        let pinned: BTreeSet<String> = counts.into_keys().collect();
        assert_eq!(pinned, variants::<T>(), "each variant of {kind} needs a value here");
    }

    /// Compares with what is committed, or writes it.
    fn finish(self) {
        let found: BTreeMap<String, String> = self.found.iter().cloned().collect();
        assert_eq!(found.len(), self.found.len(), "{}: a name stands twice", self.file);
        if is_blessed() {
            let line = |(name, digits): &(String, String)| format!("{name} {digits}\n");
            let text: String = self.found.iter().map(line).collect();
            fs::create_dir_all(FOLDER).unwrap();
            fs::write(path(self.file), text).unwrap();
            return;
        }
        let names = found.keys().chain(self.committed.keys());
        let changed: BTreeSet<&String> =
            names.filter(|name| found.get(*name) != self.committed.get(*name)).collect();
        let first: Vec<_> = changed.iter().take(9).collect();
        assert!(
            changed.is_empty(),
            "registry/core/tests/golden/{}: {} lines are not as they are committed, and stored bytes must not change. \
             The first are {first:#?}. Where they are new, or the file is not there yet: \
             ECUMENE_BLESS=1 cargo nextest run -p registry-core golden",
            self.file,
            changed.len()
        );
    }
}

fn is_blessed() -> bool {
    std::env::var_os("ECUMENE_BLESS").is_some()
}

fn path(file: &str) -> PathBuf {
    Path::new(FOLDER).join(file)
}

/// As the log spells commands, and tables spell entries.
fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(value).unwrap()
}

/// Two digits a byte; a dash for none.
fn hex(bytes: &[u8]) -> String {
    match bytes {
        [] => "-".to_owned(),
        bytes => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn unhex(digits: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Which variant is encoded: a text alone, the key of a map of one, or what the member `kind` says, which comes first.
fn variant(encoded: &[u8]) -> &str {
    let is_map = encoded[0] >> 4 == 8;
    let (name, rest) = short_text(&encoded[usize::from(is_map)..]);
    if name == "kind" { short_text(rest).0 } else { name }
}

/// The MessagePack text of less than 32 bytes that comes first, and what follows it.
fn short_text(bytes: &[u8]) -> (&str, &[u8]) {
    assert_eq!(bytes[0] >> 5, 5, "a short text: {bytes:x?}");
    let (text, rest) = bytes[1..].split_at(usize::from(bytes[0] & 31));
    (std::str::from_utf8(text).unwrap(), rest)
}

/// The variants of an enum by their stored names: who reads one that is none is told them all.
fn variants<T: DeserializeOwned>() -> BTreeSet<String> {
    let no_variant = [encode(&"?"), encode(&BTreeMap::from([("kind", "?")]))];
    let refusals = no_variant.iter().filter_map(|bytes| rmp_serde::from_slice::<T>(bytes).err());
    let told = refusals.map(|cause| cause.to_string()).find(|told| told.contains("variant `?`"));
    let told = told.expect("an enum, with the variant's name outside or as the member `kind`");
    // The first name in backticks is what was read, the others are what could have been.
    told.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}
