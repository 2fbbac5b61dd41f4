//! A member that was removed notes it in its directory, so that it does not start again and ask the others again.
//! It must never take itself for removed before its number is retired, which is committed, nor end the process: reads go
//! on until an operator stops it.

use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::{Inner, status};
use crate::machine::blocking;

/// How often it looks. Arbitrary.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks until the member has noted it, or is gone.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        look.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        if !status::left(&inner) {
            continue;
        }
        let home = Arc::clone(&inner.home);
        drop(inner);
        match blocking(move || home.store.retire().map_err(io::Error::other)).await {
            Ok(()) => break,
            Err(cause) => tracing::warn!(%cause, "that this member was removed cannot be noted"),
        }
    }
    tracing::error!(
        "this member was removed from the cluster: it campaigns no more and does not start again; see \
         docs/runbooks/replace-a-member.md"
    );
}
