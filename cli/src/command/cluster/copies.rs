//! `cluster snapshot|defrag|backup|restore|verify`: copies of a member's state, and the room it takes.
//! It must never call a copy whole that was not read back, nor write over anything.

use std::path::{Path, PathBuf};

use deploy_service::private;
use proto_types::metadata::REVISION_KEY;
use proto_wire::registry::v1 as wire;
use proto_wire::to_json;
use registry_raft::offline::{self, Fault, Intake};
use serde_json::{Value, json};

use crate::args::Format;
use crate::client::Profile;
use crate::failure::Failure;
use crate::output::Output;

pub(super) async fn snapshot(profile: &Profile) -> Result<Output, Failure> {
    let made = profile.cluster()?.take_snapshot(wire::TakeSnapshotRequest {}).await?;
    Ok(Output::one(to_json(made.get_ref())))
}

/// One after the other, so that no more than one is slow at a time. One that fails keeps no other from it: the first
/// failure is told at the end.
pub(super) async fn defrag(profile: &Profile, format: Format) -> Result<(), Failure> {
    let (mut rows, mut found, mut first) = (Vec::new(), Vec::new(), None);
    for url in &profile.registry {
        match defrag_one(profile, url).await {
            Ok(done) => {
                let (before, after) = (done.bytes_before.to_string(), done.bytes_after.to_string());
                rows.push([url.clone(), before, after, "ok".to_owned()]);
                let mut json = to_json(&done);
                json["url"] = url.as_str().into();
                found.push(json);
            }
            Err(failure) => {
                rows.push([url.clone(), "-".to_owned(), "-".to_owned(), failure.to_string()]);
                found.push(json!({ "url": url, "error": failure.to_string() }));
                first = first.or(Some(failure));
            }
        }
    }
    let rows = rows.into_iter().map(Vec::from).collect();
    let heads = &["url", "bytes before", "bytes after", "state"];
    Output { heads, rows, json: Value::Array(found) }.print(format)?;
    first.map_or(Ok(()), Err)
}

async fn defrag_one(profile: &Profile, url: &str) -> Result<wire::DefragReply, Failure> {
    let mut cluster = profile.of(vec![url.to_owned()]).cluster()?;
    Ok(cluster.defrag(wire::DefragRequest {}).await?.into_inner())
}

pub(super) async fn backup(
    profile: &Profile,
    file: &Path,
    unconfirmed: bool,
) -> Result<Output, Failure> {
    if file.exists() {
        return Err(Failure::internal(format!("{} exists already", file.display())));
    }
    let answer = profile.cluster()?.backup(wire::BackupRequest { unconfirmed }).await?;
    // A confirmed copy says what it holds at least. A member of an older version says nothing, and may not have asked.
    let confirmed = answer.metadata().contains_key(REVISION_KEY);
    private::restrict();
    let intake = Intake::begin(file).map_err(failed)?;
    let taken = take(answer.into_inner(), intake).await;
    if taken.is_err() {
        // What is not whole is worth nothing, and may be what fills the disk.
        let _ = std::fs::remove_file(partial(file));
    }
    let bytes = taken?;
    if !confirmed {
        eprintln!("warning: nobody confirmed this copy: it may miss the last acknowledged writes");
    }
    let file = file.display().to_string();
    Ok(Output::one(json!({ "file": file, "bytes": bytes, "confirmed": confirmed })))
}

async fn take(
    mut chunks: tonic::Streaming<wire::BackupChunk>,
    mut intake: Intake,
) -> Result<u64, Failure> {
    while let Some(chunk) = chunks.message().await? {
        intake.write(&chunk.bytes).map_err(failed)?;
    }
    intake.finish().map_err(failed)
}

/// The name of a copy until it is whole, as [`Intake`] gives it.
fn partial(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".partial");
    name.into()
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
    if path.is_dir() && !path.join("db").is_dir() {
        eprintln!(
            "warning: if a member runs on {}, this holds for the moment of reading only",
            path.display()
        );
    }
    let report = blocking(move || offline::verify(&path)).await?;
    if !report.is_sound() {
        for fault in &report.faults {
            eprintln!("{}", crate::output::printable(fault));
        }
        return Err(Failure::internal(faults(report.faults_total)));
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

/// So many, in words.
fn faults(count: u64) -> String {
    if count == 1 { "1 fault".to_owned() } else { format!("{count} faults") }
}

fn failed(fault: Fault) -> Failure {
    Failure::internal(deploy_service::telemetry::chain(&fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_is_told_as_one() {
        assert_eq!([faults(1), faults(2)], ["1 fault", "2 faults"]);
    }
}
