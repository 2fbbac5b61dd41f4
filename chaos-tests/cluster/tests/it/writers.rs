//! Clients that write records without pause, wherever a member answers, and remember what was acknowledged and when.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::peer::{Peer, now_ms};
use chaos_cluster::{World, documents};
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;

/// Between two tries of a client that was refused.
const PAUSE: Duration = Duration::from_millis(10);

/// What the clients share.
pub(crate) struct Writers {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

struct Shared {
    peer: Peer,
    operator: String,
    /// Where members are; grows as they join.
    urls: Mutex<Vec<String>>,
    /// What handles begin with.
    name: String,
    next: AtomicU64,
    stop: AtomicBool,
    /// Handle and digest of what was acknowledged.
    acked: Mutex<Vec<(String, String)>>,
    /// When each acknowledgement came.
    times: Mutex<Vec<Instant>>,
    /// The codes of refusals; an empty one where none was told.
    refusals: Mutex<BTreeSet<String>>,
}

impl Writers {
    pub(crate) fn start(world: &World, count: usize) -> Result<Self> {
        Self::named(world, count, "written")
    }

    /// As [`Writers::start`], under handles of this name.
    pub(crate) fn named(world: &World, count: usize, name: &str) -> Result<Self> {
        let shared = Arc::new(Shared {
            peer: Peer::new("https://a.example")?,
            operator: world.operator_token()?,
            urls: Mutex::new(world.members.iter().map(|member| member.url.clone()).collect()),
            name: name.to_owned(),
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            acked: Mutex::default(),
            times: Mutex::default(),
            refusals: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(run(Arc::clone(&shared)));
        }
        Ok(Self { shared, tasks })
    }

    /// Has clients try this member too.
    pub(crate) fn knows(&self, url: &str) {
        self.shared.urls.lock().unwrap().push(url.to_owned());
    }

    /// Waits for so many further acknowledgements.
    pub(crate) async fn more(&self, count: usize) -> Result<()> {
        let wanted = self.shared.times.lock().unwrap().len() + count;
        let until = Instant::now() + chaos_cluster::world::PATIENCE;
        while self.shared.times.lock().unwrap().len() < wanted {
            ensure!(Instant::now() < until, "writes do not go on");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// The longest time without an acknowledgement around a moment that lies between two of them.
    pub(crate) fn gap_around(&self, moment: Instant) -> Duration {
        let times = self.shared.times.lock().unwrap();
        let after = times.iter().position(|at| *at > moment).unwrap_or(times.len());
        // The last answers of a dead leader may still be on their way: the longest of the next gaps counts.
        let around = &times[after.saturating_sub(1)..times.len().min(after + 50)];
        let gaps = around.windows(2).map(|pair| pair[1].saturating_duration_since(pair[0]));
        gaps.max().unwrap_or_default()
    }

    /// What was acknowledged so far.
    pub(crate) fn acked(&self) -> Vec<(String, String)> {
        self.shared.acked.lock().unwrap().clone()
    }

    /// With which codes writes were refused so far.
    pub(crate) fn refusals(&self) -> BTreeSet<String> {
        self.shared.refusals.lock().unwrap().clone()
    }

    /// Ends the clients; what was acknowledged.
    pub(crate) async fn stop(mut self) -> Result<Vec<(String, String)>> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(std::mem::take(&mut *self.shared.acked.lock().unwrap()))
    }
}

async fn run(shared: Arc<Shared>) -> Result<()> {
    let mut kept: Option<Operator> = None;
    let mut place = 0;
    while !shared.stop.load(Ordering::Relaxed) {
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        let handle = format!("urn:test:{}:{n:08}", shared.name);
        let document = documents::record(&shared.peer, &handle, WallMs(now_ms()))?;
        if kept.is_none() {
            place += 1;
            let url = {
                let urls = shared.urls.lock().unwrap();
                urls[place % urls.len()].clone()
            };
            kept = Operator::connect(&url, &shared.operator).await.ok();
        }
        let Some(operator) = &kept else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let request = wire::PutRecordRequest { document: document.into(), ..Default::default() };
        match operator.directory.clone().put_record(request).await {
            Ok(stored) => {
                let digest = stored.into_inner().digest;
                shared.times.lock().unwrap().push(Instant::now());
                shared.acked.lock().unwrap().push((handle, digest));
            }
            Err(status) => {
                let code = status.metadata().get("ecumene-code");
                let code = code.and_then(|code| code.to_str().ok()).unwrap_or_default();
                shared.refusals.lock().unwrap().insert(code.to_owned());
                kept = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    Ok(())
}

/// Holds that everything acknowledged is there, by a strong read.
pub(crate) async fn check(operator: &Operator, acked: &[(String, String)]) -> Result<()> {
    for (handle, digest) in acked {
        let request = wire::GetRecordRequest { handle: handle.clone(), consistency: 1 };
        let stored = operator.directory.clone().get_record(request).await;
        let stored = stored.with_context(|| format!("acknowledged {handle} is lost"))?;
        ensure!(stored.into_inner().digest == *digest, "acknowledged {handle} has changed");
    }
    Ok(())
}
