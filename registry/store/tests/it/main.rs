//! The store at its boundary: what is written is read back, what is acknowledged survives, what fails is refused.
#![allow(clippy::unwrap_used, reason = "tests")]

mod damage;
mod faults;
mod identity;
mod install;
mod log;
mod memory;
mod model;
mod steps;

use std::path::Path;
use std::sync::mpsc;

use registry_core::change::Write;
use registry_core::view::Space;
use registry_store::{Error, Log, Options, Store};

fn open(dir: &Path) -> Store {
    Store::open(dir, 1, Options::default()).unwrap()
}

/// Appends one entry of `bytes` bytes per index, and waits until they are on the disk.
fn append(log: &Log, indices: impl IntoIterator<Item = u64>, bytes: usize) -> Result<(), Error> {
    let entries: Vec<_> = indices.into_iter().map(|index| (index, entry(index, bytes))).collect();
    let (done, outcome) = mpsc::channel();
    log.append(&entries, None, Box::new(move |result| done.send(result).unwrap()))?;
    outcome.recv().unwrap()
}

fn entry(index: u64, bytes: usize) -> Vec<u8> {
    let mut entry = index.to_be_bytes().to_vec();
    entry.resize(bytes.max(8), 0xA5);
    entry
}

fn indices(log: &Log) -> Vec<u64> {
    log.entries(0, u64::MAX, usize::MAX).unwrap().into_iter().map(|(index, _)| index).collect()
}

fn put(key: &[u8], value: &[u8]) -> Write {
    Write::Put { space: Space::State, key: key.to_vec(), value: value.to_vec() }
}
