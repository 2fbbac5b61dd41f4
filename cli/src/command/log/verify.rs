//! `log verify`: the log is the one that was saved, grown.
//! It decides what is wrong, in words. Evidence goes to a file beside the saved checkpoint, which is
//! replaced only after everything held.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use proto_types::tlog::{
    self, Breach, Checkpoint, Frontier, Note, Policy, TilePath, consistency, follows,
};
use serde_json::json;

use super::source::{Named, Source, Tiles};
use super::{beside, proven};
use crate::failure::Failure;
use crate::output::Output;

/// Evidence files beside one checkpoint; whoever has as many has other worries.
const EVIDENCE_MAX: u32 = 1_000;

/// What is to be verified.
pub(super) struct Checks {
    pub(super) policy: Policy,
    pub(super) saved: PathBuf,
    pub(super) entries: bool,
    pub(super) included: Vec<Named>,
}

pub(super) async fn run(source: &Source, checks: &Checks) -> Result<Output, Failure> {
    let bytes = source.checkpoint().await?;
    let checked = checks.policy.check(&bytes);
    let (note, head) = checked.map_err(|why| Failure::internal(format!("not believed: {why}")))?;
    let saved = saved(checks)?;
    if let Some((old_note, old)) = &saved {
        let breach = compared(source, old, &head).await?;
        breach.map_err(|breach| accuse(checks, &breach, old_note, &note))?;
    }
    if checks.entries {
        replay(source, &head).await?;
    }
    for named in &checks.included {
        included(source, checks, named, &head).await?;
    }
    save(&checks.saved, &note)?;
    let signatures = note.signatures().iter().map(|line| line.name.clone());
    Ok(Output::one(json!({
        "origin": head.origin,
        "size": head.size,
        "root": head.root.to_string(),
        "epoch": head.epoch(),
        "signatures": signatures.collect::<Vec<_>>(),
        "grownBy": saved.as_ref().map(|(_, old)| head.size - old.size),
        "verified": true,
    })))
}

/// Whether the new head continues the old one, by the tiles of the new.
async fn compared(
    source: &Source,
    old: &Checkpoint,
    new: &Checkpoint,
) -> Result<Result<(), Breach>, Failure> {
    // A tree that shrank needs no proof to be refused.
    let from = old.size.min(new.size);
    let mut tiles = Tiles::of(new.size);
    let proof = tiles.work(source, |rows| consistency(rows, from, new.size)).await?;
    Ok(follows(old, new, &proof))
}

/// What was saved, whose signature is checked again: the file may have been touched. Witnesses may
/// have been added to the policy since.
fn saved(checks: &Checks) -> Result<Option<(Note, Checkpoint)>, Failure> {
    let path = checks.saved.display();
    let bytes = match std::fs::read(&checks.saved) {
        Ok(bytes) => bytes,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(Failure::usage(format!("{path}: {why}"))),
    };
    let own = Policy::unwitnessed(checks.policy.log.clone());
    let checked = own.check(&bytes);
    checked.map(Some).map_err(|why| Failure::usage(format!("{path}: {why}")))
}

/// Says what is wrong, and keeps both notes: signed by one key, they are the proof against it.
fn accuse(checks: &Checks, breach: &Breach, old: &Note, new: &Note) -> Failure {
    let evidence = format!("{breach}\n\n--- saved\n{old}\n--- served\n{new}");
    let kept = (1..=EVIDENCE_MAX).find_map(|number| {
        let path = beside(&checks.saved, &format!(".evidence-{number}"));
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path).ok()?;
        file.write_all(evidence.as_bytes()).and_then(|()| file.sync_all()).ok()?;
        Some(path)
    });
    match kept {
        Some(path) => Failure::internal(format!("{breach}; evidence is in {}", path.display())),
        None => Failure::internal(format!("{breach}; the evidence could not be written")),
    }
}

/// Makes the tree anew from every entry.
async fn replay(source: &Source, head: &Checkpoint) -> Result<(), Failure> {
    let mut frontier = Frontier::default();
    while frontier.size() < head.size {
        let tile = TilePath::of(0, frontier.size(), head.size).expect("it is below the size");
        let bundle = TilePath { level: None, ..tile };
        let bytes = source.tile(&bundle).await?;
        let entries = tlog::entries(&bytes).map_err(Failure::internal)?;
        if entries.len() != usize::from(bundle.width) {
            let (found, width) = (entries.len(), bundle.width);
            let why = format!("tile/{bundle} has {found} entries, not {width}");
            return Err(Failure::internal(why));
        }
        entries.iter().for_each(|entry| {
            frontier.append(tlog::leaf_hash(entry), |_, _, _| ());
        });
    }
    match frontier.root() == head.root {
        true => Ok(()),
        false => Err(Failure::internal(format!(
            "the entries make the root {}, and the checkpoint says {}: an entry was changed",
            frontier.root(),
            head.root
        ))),
    }
}

/// The proof may lead to a newer checkpoint than the one that was just verified, which it continues.
async fn included(
    source: &Source,
    checks: &Checks,
    named: &Named,
    head: &Checkpoint,
) -> Result<(), Failure> {
    let Source::Registry(profile) = source else {
        return Err(Failure::usage(
            "--handle and --card ask a registry; a folder has no documents",
        ));
    };
    let own = Policy::unwitnessed(checks.policy.log.clone());
    let (_, shown) = proven(profile, named, &own).await?;
    let (old, new) = if shown.size < head.size { (&shown, head) } else { (head, &shown) };
    compared(source, old, new).await?.map_err(Failure::internal)
}

/// Replaces the file as a whole: a crash leaves the old one or the new one.
fn save(path: &Path, note: &Note) -> Result<(), Failure> {
    let draft = beside(path, ".new");
    let mut file = std::fs::File::create(&draft)?;
    file.write_all(note.to_string().as_bytes())?;
    file.sync_all()?;
    Ok(std::fs::rename(&draft, path)?)
}

#[cfg(test)]
mod tests;
