//! `peer log`: the log as the registry tells it, and whether it holds.
//!
//! It must never call a log good of which one entry was not verified here.

use proto_types::Origin;
use proto_types::peer::{LogEntry, Replay, ReplayEntry};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};

use crate::client::Directory;
use crate::failure::Failure;
use crate::output::Output;

/// Entries of a page. Who shows no credential pays for all that a page may have, and a peer's log is short.
const PAGE: u32 = 100;

/// More than a peer makes in a lifetime: a registry that goes on telling is not believed.
const ENTRIES_MAX: usize = 100_000;

/// Reads the whole log.
pub(super) async fn read(
    directory: &mut Directory,
    origin: &Origin,
) -> Result<Vec<wire::PeerLogEntry>, Failure> {
    let mut entries: Vec<wire::PeerLogEntry> = Vec::new();
    loop {
        let request = wire::GetPeerLogRequest {
            origin: origin.to_string(),
            after: entries.len() as u64,
            limit: PAGE,
            consistency: wire::Consistency::Strong.into(),
        };
        let page = directory.get_peer_log(request).await?.into_inner();
        let ends = !page.more || page.entries.is_empty();
        entries.extend(page.entries);
        if ends || entries.len() >= ENTRIES_MAX {
            return Ok(entries);
        }
    }
}

/// Verifies every entry.
pub(super) fn replay(origin: &Origin, entries: &[wire::PeerLogEntry]) -> Result<Replay, Failure> {
    let mut replay = Replay::new(origin.clone());
    for (number, told) in (1..).zip(entries) {
        let entry = entry(told)?;
        let document = Some(told.document.to_vec()).filter(|bytes| !bytes.is_empty());
        replay.take(&ReplayEntry { entry, document }).map_err(|error| {
            let cause = std::error::Error::source(&error);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            Failure::internal(format!("entry {number} of {origin}'s log: {error}{cause}"))
        })?;
    }
    Ok(replay)
}

pub(super) async fn print(
    directory: &mut Directory,
    origin: &Origin,
    verify: bool,
) -> Result<Output, Failure> {
    let entries = read(directory, origin).await?;
    let lines = entries.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let (rows, shown): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let mut json = json!({ "entries": shown });
    if verify {
        let replay = replay(origin, &entries)?;
        check_told(&entries, &replay)?;
        let head = replay.head().map(|head| head.to_string());
        let newest = head.as_deref().unwrap_or("-");
        eprintln!("{} entries verified; the newest is {newest}", entries.len());
        json["verified"] = Value::Bool(true);
        json["head"] = head.into();
    }
    Ok(Output { heads: &["index", "at", "actor", "act", "digest", ""], rows, json })
}

/// An entry as a row and as JSON.
fn line(told: &wire::PeerLogEntry) -> Result<(Vec<String>, Value), Failure> {
    let entry = entry(told)?;
    let json = serde_json::to_value(&entry).map_err(Failure::internal)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (actor, act) = (text(&json["actor"]), text(&json["act"]["kind"]));
    let void = if told.voided_by > 0 { "void" } else { "" };
    let (index, at) = (entry.index.to_string(), entry.at.to_string());
    let row = vec![index, at, actor, act, told.digest.clone(), void.to_owned()];
    let voided_by = (told.voided_by > 0).then_some(told.voided_by);
    Ok((row, json!({ "entry": json, "digest": told.digest, "voidedBy": voided_by })))
}

/// What the registry says of digests and voided entries must be what comes out here.
fn check_told(entries: &[wire::PeerLogEntry], replay: &Replay) -> Result<(), Failure> {
    for (told, step) in entries.iter().zip(replay.steps()) {
        if told.digest != step.digest.to_string() || (told.voided_by > 0) != step.void {
            let why = format!("the registry says otherwise of the entry {}", step.digest);
            return Err(Failure::internal(why));
        }
    }
    Ok(())
}

fn entry(told: &wire::PeerLogEntry) -> Result<LogEntry, Failure> {
    let value = proto_types::json::parse(&told.entry).map_err(Failure::internal)?;
    proto_types::json::shaped(value).map_err(Failure::internal)
}
