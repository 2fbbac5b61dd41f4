//! The signed roster, made once for each state. It is made anew when the state has changed, or when a key may have begun
//! or ceased to count. Anybody may ask for it, so it is made beside the threads of the network, and never twice at a
//! time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto_types::pilox::roster::{self, Listed};
use proto_types::{Kid, Revision, SecretKey, WallMs};
use registry_api::{Problem, render};
use registry_core::query;
use registry_core::view::View;
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::Instant;

use crate::reading::Reading;

/// Peers read at a time.
const PAGE: usize = 1_000;

/// A key may begin or cease to count without a change of the state; peers may keep a roster for a minute.
const AGE_MAX: Duration = Duration::from_secs(10);

/// The key that signs roster and catalog.
#[derive(Debug)]
pub(crate) struct Signer {
    pub(crate) kid: Kid,
    pub(crate) key: SecretKey,
}

/// The newest roster.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    of: Revision,
    at: Instant,
    signed: Signed,
}

/// A roster. It cannot be paged, because it is signed whole.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub(crate) document: Bytes,
    /// Whether there are more active peers than its readers read.
    pub(crate) truncated: bool,
}

impl Roster {
    /// The roster of a state that holds at least what this member's state holds now, and that state.
    pub(crate) async fn current(
        &self,
        signer: &Arc<Signer>,
        read: impl FnOnce() -> Reading,
    ) -> Result<(Reading, Signed), Problem> {
        let mut kept = self.0.lock().await;
        // Read under the lock: whoever waited for it shares what was made in the meantime.
        let reading = read();
        if let Some(made) = &*kept
            && made.of == reading.revision
            && made.at.elapsed() < AGE_MAX
        {
            return Ok((reading, made.signed.clone()));
        }
        let (view, now, signer) = (reading.view.clone(), reading.time, Arc::clone(signer));
        let made = task::spawn_blocking(move || sign(&view, now, &signer));
        let signed = made.await.map_err(Problem::internal)??;
        if signed.truncated && !kept.as_ref().is_some_and(|before| before.signed.truncated) {
            tracing::warn!(
                "the roster leaves out the last peers: a Pilox instance reads no longer one"
            );
        }
        *kept = Some(Made { of: reading.revision, at: Instant::now(), signed: signed.clone() });
        Ok((reading, signed))
    }
}

fn sign(view: &dyn View, now: WallMs, signer: &Signer) -> Result<Signed, Problem> {
    let (listed, truncated) = listed(view, now)?;
    let document = roster::sign(listed.peers(), now, &signer.key).to_string();
    Ok(Signed { document: Bytes::from(document), truncated })
}

/// Active peers in the order of their origins; true if there are more than have room.
fn listed(view: &dyn View, now: WallMs) -> Result<(Listed, bool), Problem> {
    let mut listed = Listed::default();
    let mut after = None;
    loop {
        let page = query::peers(view, after.as_ref(), PAGE)?;
        let mut peers = page.iter().filter_map(|peer| render::pilox::listed(peer, now));
        if !peers.all(|peer| listed.add(peer)) {
            return Ok((listed, true));
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.origin.clone()),
            _ => return Ok((listed, false)),
        }
    }
}
