//! `cluster snapshot|defrag|backup|restore|verify`: copies of a member's state, and the room it takes.
//! It must never call a copy whole that was not read back, nor write over anything.

use std::path::{Path, PathBuf};

use deploy_service::private;
use proto_wire::registry::v1 as wire;
use registry_raft::offline::{self, Fault, Intake};
use serde_json::{Value, json};

use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

/// Beside a confirmed copy: what it holds at least.
const REVISION_KEY: &str = "ecumene-revision";

pub(super) async fn snapshot(profile: &Profile) -> Result<Output, Failure> {
    let made = profile.cluster()?.take_snapshot(wire::TakeSnapshotRequest {}).await?;
    Ok(Output::one(json!({ "index": made.into_inner().index })))
}

/// One after the other, so that no more than one is slow at a time.
pub(super) async fn defrag(profile: &Profile) -> Result<Output, Failure> {
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for url in &profile.registry {
        let mut cluster = profile.of(vec![url.clone()]).cluster()?;
        let done = cluster.defrag(wire::DefragRequest {}).await?.into_inner();
        let (before, after) = (done.bytes_before, done.bytes_after);
        rows.push(vec![url.clone(), before.to_string(), after.to_string()]);
        found.push(json!({ "url": url, "bytesBefore": before, "bytesAfter": after }));
    }
    let heads = &["url", "bytes before", "bytes after"];
    Ok(Output { heads, rows, json: Value::Array(found) })
}

pub(super) async fn backup(
    profile: &Profile,
    file: &Path,
    unconfirmed: bool,
) -> Result<Output, Failure> {
    let answer = profile.cluster()?.backup(wire::BackupRequest { unconfirmed }).await?;
    // A member of an older version says nothing, and may not have asked.
    let confirmed = answer.metadata().contains_key(REVISION_KEY);
    let mut chunks = answer.into_inner();
    private::restrict();
    let mut intake = Intake::begin(file).map_err(failed)?;
    while let Some(chunk) = chunks.message().await? {
        intake.write(&chunk.bytes).map_err(failed)?;
    }
    let bytes = intake.finish().map_err(failed)?;
    if !confirmed {
        eprintln!("warning: nobody confirmed this copy: it may miss the last acknowledged writes");
    }
    let file = file.display().to_string();
    Ok(Output::one(json!({ "file": file, "bytes": bytes, "confirmed": confirmed })))
}

pub(super) async fn restore(
    file: PathBuf,
    dir: PathBuf,
    members: Vec<(u64, String)>,
    epoch: Option<u64>,
) -> Result<Output, Failure> {
    private::restrict();
    let count = members.len();
    let members: std::collections::BTreeMap<u64, String> = members.into_iter().collect();
    if members.len() < count {
        return Err(Failure::usage("a member is named twice"));
    }
    let made = blocking(move || offline::restore(&file, &dir, &members, epoch)).await?;
    Ok(Output::one(json!({
        "revision": made.revision.0,
        "epoch": made.epoch,
        "members": made.members.len(),
    })))
}

/// Ends with code 1 and every fault on stderr unless all is well.
pub(super) async fn verify(path: PathBuf) -> Result<Output, Failure> {
    let report = blocking(move || offline::verify(&path)).await?;
    if !report.is_sound() {
        for fault in &report.faults {
            eprintln!("{}", crate::output::printable(fault));
        }
        return Err(Failure::internal(format!("{} faults", report.faults_total)));
    }
    let seen: serde_json::Map<String, Value> =
        report.seen.iter().map(|(what, count)| ((*what).to_owned(), json!(count))).collect();
    Ok(Output::one(Value::Object(seen)))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::internal)?.map_err(failed)
}

fn failed(fault: Fault) -> Failure {
    Failure::internal(deploy_service::telemetry::chain(&fault))
}
