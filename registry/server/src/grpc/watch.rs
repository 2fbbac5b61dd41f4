//! Watches over gRPC: changes as protobuf messages. The reason why a watch ends is always sent.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use registry_api::render;
use tonic::{Request, Status};

use crate::allowance::Account;
use crate::cursor;
use crate::follow::{Cursor, WatchItem, WatchQuery, follow};
use crate::member::Member;

use super::{Handled, at, call, log_cause};

/// The kind of a message that says only how far the watcher is.
const PROGRESS: &str = "progress";

/// What one watch sends.
pub(crate) type ChangeStream = BoxStream<'static, Result<wire::Change, Status>>;

/// Opens a watch.
pub(super) async fn open(
    member: &Arc<Member>,
    request: Request<wire::WatchRequest>,
) -> Handled<ChangeStream> {
    let call = call(&request)?;
    let account = Account::of(request.extensions());
    let wire::WatchRequest { since, kinds, prefix, namespace, progress } = request.into_inner();
    let query = WatchQuery { since, kinds, prefix, namespace };
    let cursor = Cursor::new(&call.principal, &query, account)?;
    let place = member.wait_place(&call.principal, call.source)?;
    let reading = cursor::reached(member, cursor.since).await?;
    let items = follow(member, cursor, place).filter_map(move |item| async move {
        match item {
            Ok(WatchItem::Change(change)) => Some(Ok(render::directory::change(&change))),
            Ok(WatchItem::Progress(revision)) => progress.then(|| Ok(mark(revision.0))),
            Err(problem) => {
                log_cause(&problem);
                Some(Err(Status::from(problem)))
            }
        }
    });
    Ok(at(&reading, items.boxed()))
}

fn mark(revision: u64) -> wire::Change {
    wire::Change { revision, kind: PROGRESS.to_owned(), ..wire::Change::default() }
}
