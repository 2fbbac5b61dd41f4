//! The checks of a data directory or a copy while no member runs on it. They change no file, and name every fault.
//!
//! The checks of the state are those of `registry_core::verify::CHECKS`; here are those of what lies around it.

use std::path::{Path, PathBuf};

use openraft::entry::RaftEntry as _;
use registry_core::verify::{Report, check_into};
use registry_store::{Options, Store, StoreView};

use super::{Fault, archive};
use crate::codec::decode;
use crate::log::{COMMITTED, PURGED, VOTE};
use crate::snapshot::{DATABASE, Manifest, digest};
use crate::store_handle::{APPLIED, MEMBERSHIP};
use crate::types::{Entry, LogId, Membership, Vote};

/// Log entries read at a time.
const LOG_PAGE_BYTES: usize = 4 << 20;

/// Checks a member's data directory, an archive, or an unpacked one.
///
/// # Errors
/// There is nothing that could be checked; all that is found wrong is in the report.
pub fn verify(path: &Path) -> Result<Report, Fault> {
    let mut report = Report::default();
    if path.is_file() {
        let scratch = Scratch::next_to(path)?;
        report.begin("archive");
        match archive::unpack(path, &scratch.0) {
            Ok(manifest) => database(&scratch.0, &manifest, &mut report),
            Err(fault) => report.fault(fault),
        }
    } else if path.join(DATABASE).is_dir() {
        copy(path, &mut report);
    } else {
        member(path, &mut report)?;
    }
    Ok(report)
}

/// A member's directory: log, state, snapshots.
fn member(dir: &Path, report: &mut Report) -> Result<(), Fault> {
    let store = Store::open_read_only(dir, Options::default())?;
    report.begin("log");
    let log = log(&store, report).unwrap_or_else(|fault| {
        report.fault(fault);
        None
    });
    let applied = position(&store.view(), report);
    if let Some((first, last)) = log {
        // A member that was killed young has written out nothing of its state.
        let next = applied.map_or(0, |applied| applied + 1);
        if next < first {
            report.fault(format_args!("it begins at {first}, the state goes on at {next}"));
        }
        let behind = (last + 1).saturating_sub(next);
        let behind = usize::try_from(behind).unwrap_or(usize::MAX);
        report.saw("log entries behind the state", behind);
    }
    check_into(&store.view(), report);
    let snapshots = dir.join("snapshots");
    let names = std::fs::read_dir(&snapshots).map(|all| all.flatten().map(|entry| entry.path()));
    for path in names.into_iter().flatten() {
        if path.join(DATABASE).is_dir() && path.join("manifest").is_file() {
            report.begin("snapshot");
            report.saw("snapshots", 1);
            files(&path, report);
        }
    }
    Ok(())
}

/// The log's first and last entry, if it has one.
fn log(store: &Store, report: &mut Report) -> Result<Option<(u64, u64)>, Fault> {
    let log = store.log();
    let saved = |key| log.saved(key).map_err(Fault::from);
    let purged: Option<LogId> = saved(PURGED)?.as_deref().map(decode).transpose()?;
    saved(VOTE)?.as_deref().map(decode::<Vote>).transpose()?;
    saved(COMMITTED)?.as_deref().map(decode::<Option<LogId>>).transpose()?;
    let (mut from, mut first, mut term) = (0, None, 0);
    loop {
        let page = log.entries(from, u64::MAX, LOG_PAGE_BYTES)?;
        let Some((last, _)) = page.last() else { break };
        let next = *last + 1;
        for (index, bytes) in page {
            if first.is_some() && index != from {
                report.fault(format_args!("entry {index} comes where {from} should"));
            }
            first.get_or_insert(index);
            from = index + 1;
            report.saw("log entries", 1);
            entry(index, &bytes, &mut term, report);
        }
        from = next;
    }
    let begins = purged.map_or(0, |purged| purged.index() + 1);
    if let Some(first) = first
        && first > begins
    {
        report.fault(format_args!("it begins at entry {first}, not at {begins}"));
    }
    Ok(first.map(|first| (first, from - 1)))
}

fn entry(index: u64, bytes: &[u8], term: &mut u64, report: &mut Report) {
    let entry: Entry = match decode(bytes) {
        Ok(entry) => entry,
        Err(cause) => return report.fault(format_args!("entry {index}: {cause}")),
    };
    let id = entry.log_id();
    if id.index() != index {
        report.fault(format_args!("under {index} lies entry {}", id.index()));
    }
    let of = id.committed_leader_id().term;
    if of < *term {
        report.fault(format_args!("entry {index} is of term {of}, after one of {term}"));
    }
    *term = of;
    if let openraft::EntryPayload::Normal(payload) = &entry.payload
        && let Err(cause) = payload.read()
    {
        report.fault(format_args!("the batch of entry {index}: {cause}"));
    }
}

/// The last entry that a state holds.
fn position(view: &StoreView, report: &mut Report) -> Option<u64> {
    report.begin("position");
    let read = || -> Result<Option<u64>, Fault> {
        let applied: Option<LogId> = view.meta(APPLIED)?.as_deref().map(decode).transpose()?;
        view.meta(MEMBERSHIP)?.as_deref().map(decode::<Membership>).transpose()?;
        Ok(applied.map(|last| last.index()))
    };
    read().unwrap_or_else(|fault| {
        report.fault(fault);
        None
    })
}

/// An unpacked copy.
fn copy(dir: &Path, report: &mut Report) {
    report.begin("archive");
    if let Some(manifest) = files(dir, report) {
        database(&dir.join(DATABASE), &manifest, report);
    }
}

/// The files of a manifest have its digests.
fn files(dir: &Path, report: &mut Report) -> Option<Manifest> {
    let manifest = match archive::manifest(dir) {
        Ok(manifest) => manifest,
        Err(fault) => {
            report.fault(fault);
            return None;
        }
    };
    for piece in &manifest.files {
        report.saw("files", 1);
        match digest(&dir.join(DATABASE).join(&piece.name)) {
            Ok(found) if found == piece.sha256 => {}
            Ok(_) => report.fault(Fault::Corrupt(piece.name.clone())),
            Err(cause) => report.fault(format_args!("{}: {cause}", piece.name)),
        }
    }
    Some(manifest)
}

/// The state in a copy is the one that its manifest names, and sound.
fn database(dir: &Path, manifest: &Manifest, report: &mut Report) {
    let view = match Store::view_of(dir, &Options::default()) {
        Ok(view) => view,
        Err(cause) => return report.fault(cause),
    };
    let stated = manifest.meta.last_log_id.map(|last| last.index());
    if position(&view, report) != stated {
        report.fault("it holds another state than its manifest says");
    }
    check_into(&view, report);
}

/// A directory of this process alone, gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn next_to(path: &Path) -> Result<Self, Fault> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".verify-{}", std::process::id()));
        let dir = PathBuf::from(name);
        if dir.exists() {
            return Err(Fault::NotEmpty(dir.display().to_string()));
        }
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
