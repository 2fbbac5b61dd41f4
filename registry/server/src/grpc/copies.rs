//! Backups of a member's state over gRPC, and the room that its databases take. One runs at a time, since each reads or
//! writes the whole state. A copy is called confirmed only if the leader has confirmed it.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, identity};
use registry_raft::SnapshotError;
use tonic::{Request, Response, Status};

use crate::member::{Member, stopping};

use super::{Handled, at, caller};

pub(super) async fn snapshot(
    member: &Member,
    request: Request<wire::TakeSnapshotRequest>,
) -> Handled<wire::TakeSnapshotReply> {
    operator(&request)?;
    let _turn = turn(member)?;
    let index = member.registry.snapshot().await.map_err(not_made)?;
    Ok(Response::new(wire::TakeSnapshotReply { index }))
}

pub(super) async fn defrag(
    member: &Member,
    request: Request<wire::DefragRequest>,
) -> Handled<wire::DefragReply> {
    operator(&request)?;
    let _turn = turn(member)?;
    let (bytes_before, bytes_after) = member.registry.defrag().await.map_err(failed)?;
    Ok(Response::new(wire::DefragReply { bytes_before, bytes_after }))
}

pub(super) async fn backup(
    member: &Member,
    request: Request<wire::BackupRequest>,
) -> Handled<BoxStream<'static, Result<wire::BackupChunk, Status>>> {
    operator(&request)?;
    let turn = turn(member)?;
    // Without a majority, which may be why a copy is taken, it holds what this member has: for whoever says that this will do.
    let confirmed = match request.get_ref().unconfirmed {
        true => None,
        false => Some(member.strong().await.map_err(unconfirmed)?),
    };
    let pieces = member.registry.backup().await.map_err(failed)?;
    let chunks = pieces.map(move |bytes| {
        // The next one may begin when this one has been sent.
        let _held = &turn;
        Ok(wire::BackupChunk { bytes })
    });
    Ok(match confirmed {
        Some(reading) => at(&reading, chunks.boxed()),
        None => Response::new(chunks.boxed()),
    })
}

/// Why no copy is taken, and what can be done about it.
fn unconfirmed(problem: Problem) -> Problem {
    if problem.code() == Code::Internal {
        return problem;
    }
    let (code, why) = (problem.code(), problem.detail());
    Problem::new(
        code,
        format_args!(
            "the last acknowledged writes may be missing here: {why}; ask another member, or have the copy \
             unconfirmed (`--unconfirmed` of `ecumene cluster backup`)"
        ),
    )
}

fn operator<T>(request: &Request<T>) -> Result<(), Problem> {
    caller(request)?.require(&[identity::Role::Operator])
}

fn turn(member: &Member) -> Result<tokio::sync::OwnedSemaphorePermit, Problem> {
    std::sync::Arc::clone(&member.upkeep).try_acquire_owned().map_err(|_| {
        Problem::new(Code::TooManyStreams, "a copy or compaction of this member is under way")
    })
}

fn not_made(why: SnapshotError) -> Problem {
    match why {
        SnapshotError::Stopped => stopping(),
        late @ SnapshotError::Late { .. } => failed(late),
    }
}

fn failed(cause: impl std::fmt::Display) -> Problem {
    Problem::internal(format_args!("upkeep: {cause}"))
}
