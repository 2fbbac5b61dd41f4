//! The signed roster, made once for each state.
//!
//! It decides when the roster is made anew: when the state has changed, or when it is old enough that a key may have begun
//! or ceased to count. It must never be made on a thread of the network, nor twice at a time: anybody may ask for it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto_types::Revision;
use registry_api::{Code, Problem, render};
use registry_core::entry::PeerEntry;
use registry_core::query;
use registry_core::view::View;
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::Instant;

use crate::member::{Member, Reading};

/// Peers read at a time.
const PAGE: usize = 1_000;

/// Peers of one roster; it cannot be paged, because it is signed whole. Below the bound of our own
/// reader.
const ROSTER_MAX: usize = 50_000;

/// A key may begin or cease to count without a change of the state; peers may keep a roster for a minute.
const AGE_MAX: Duration = Duration::from_secs(10);

/// The newest roster.
#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<Option<Made>>);

#[derive(Debug)]
struct Made {
    of: Revision,
    at: Instant,
    document: Bytes,
}

/// The roster of a state that holds at least what this member's state holds now, and that state.
pub(crate) async fn current(member: &Member) -> Result<(Reading, Bytes), Problem> {
    let mut kept = member.roster.0.lock().await;
    // Read under the lock: whoever waited for it shares what was made in the meantime.
    let reading = member.stale();
    if let Some(made) = &*kept
        && made.of == reading.revision
        && made.at.elapsed() < AGE_MAX
    {
        return Ok((reading, made.document.clone()));
    }
    let (view, now, signer) =
        (reading.view.clone(), member.clock.now(), Arc::clone(&member.signer));
    let made = task::spawn_blocking(move || {
        let peers = all_peers(&view)?;
        Ok::<_, Problem>(Bytes::from(render::pilox::roster(&peers, now, &signer.key).to_string()))
    });
    let document = made.await.map_err(Problem::internal)??;
    let made = Made { of: reading.revision, at: Instant::now(), document: document.clone() };
    *kept = Some(made);
    Ok((reading, document))
}

fn all_peers(view: &dyn View) -> Result<Vec<PeerEntry>, Problem> {
    let mut peers: Vec<PeerEntry> = Vec::new();
    loop {
        let after = peers.last().map(|peer| peer.origin.clone());
        let page = query::peers(view, after.as_ref(), PAGE)?;
        let whole = page.len() < PAGE;
        peers.extend(page);
        if peers.len() > ROSTER_MAX {
            let why = format_args!("more than {ROSTER_MAX} peers do not fit into one roster");
            return Err(Problem::new(Code::BoundReached, why));
        }
        if whole {
            return Ok(peers);
        }
    }
}
