//! A peer that calls a gateway with good tokens, all the time.
//! It decides what an answer says of the token; it must never send one twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Result, bail, ensure};
use chaos_cluster::peer::Peer;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::{POLL, until};

/// What becomes of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Called {
    Taken,
    Refused,
    /// Nobody knows: the registry was away.
    InDoubt,
}

/// What becomes of a good token. GetTask of an unknown task answers TaskNotFound exactly when it is taken.
pub(super) async fn call(peer: &Peer, origin: &str, gateway: &str) -> Result<Called> {
    let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "none" } });
    let url = format!("{gateway}/v1/a2a/jsonrpc");
    let answer = web::post(&url, Some(&peer.token(origin)?), &rpc).await?;
    if answer.status == 401 {
        return Ok(Called::Refused);
    }
    match answer.json()?["error"]["code"].as_i64() {
        Some(-32001) => Ok(Called::Taken),
        // registry-unavailable
        Some(-32045) => Ok(Called::InDoubt),
        _ => bail!("neither taken nor refused: {:?}", answer.json()?),
    }
}

/// A peer that calls all the time, and is never refused.
pub(super) struct Calls {
    stop: Arc<AtomicBool>,
    taken: Arc<AtomicUsize>,
    task: JoinHandle<Result<()>>,
}

impl Calls {
    pub(super) async fn start(world: &World, peer: Peer) -> Result<Self> {
        let (stop, taken) = <(Arc<AtomicBool>, Arc<AtomicUsize>)>::default();
        let url = world.gateways[0].url.clone();
        let end = Instant::now() + PATIENCE;
        while call(&peer, &url, &url).await? != Called::Taken {
            ensure!(Instant::now() < end, "the gateway never hears of the peer");
            sleep(POLL).await;
        }
        let (stops, counts) = (Arc::clone(&stop), Arc::clone(&taken));
        let task = tokio::spawn(async move {
            while !stops.load(Ordering::Relaxed) {
                match call(&peer, &url, &url).await? {
                    Called::Taken => counts.fetch_add(1, Ordering::Relaxed),
                    Called::Refused => bail!("a good token is refused"),
                    Called::InDoubt => 0,
                };
                sleep(POLL).await;
            }
            Ok(())
        });
        Ok(Self { stop, taken, task })
    }

    /// Waits for so many further calls.
    pub(super) async fn more(&self, count: usize) -> Result<()> {
        let wanted = self.taken.load(Ordering::Relaxed) + count;
        let goes_on = || {
            ensure!(!self.task.is_finished(), "a good token is refused");
            Ok(self.taken.load(Ordering::Relaxed) >= wanted)
        };
        until("calls go on", goes_on).await
    }

    pub(super) async fn stop(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await?
    }
}
