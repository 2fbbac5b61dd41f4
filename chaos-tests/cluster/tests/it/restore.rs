//! A cluster is restored from a backup under a fleet that goes on running: whom the restored cluster does not know, or has
//! revoked, is refused from its first answer on, and nothing of what was written after the backup is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::peer::Peer;
use chaos_cluster::world::PATIENCE;
use chaos_cluster::{World, web};
use proto_wire::registry::v1 as wire;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tonic::Code;

use crate::writers::{Writers, check};

/// Acknowledgements before the backup, and after it.
const SOME: usize = 30;

/// A change in the registry reaches a gateway within this on a busy machine; 60 s are promised.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_over_a_restore_believes_nothing_that_the_restored_cluster_does_not_know()
-> Result<()> {
    let mut world = World::registry(3).await?;
    world.add_gateway("g1").await?;
    let url = world.gateways[0].url.clone();
    let [kept, revoked, later] =
        ["https://kept.example", "https://revoked.example", "https://later.example"].map(Peer::new);
    let (kept, revoked, later) = (kept?, revoked?, later?);
    kept.enrol(&world.operator().await?).await?;
    revoked.enrol(&world.operator().await?).await?;
    let early = written(&world).await?;
    let copy = world.path("copy").to_str().context("UTF-8")?.to_owned();
    world.cli(&["cluster", "backup", &copy])?;

    // All of this is lost with the restore, and the gateway has heard of it.
    later.enrol(&world.operator().await?).await?;
    let lost = written(&world).await?;
    for peer in [&kept, &revoked, &later] {
        until(SOON, "the peer is let in", async || Ok(passes(&url, &peer.token(&url)?).await?))
            .await?;
    }
    let (unspent, cursor) = (kept.token(&url)?, revision(&world).await?);
    restore(&mut world, &copy).await?;
    // From the first answer of the restored cluster on; the gateway was never told anything.
    let intruder = RepeatedCalls::start(later, url.clone());
    world.cli(&["peer", "revoke", revoked.origin.as_str(), "--reason", "stolen"])?;
    until(SOON, "the kept peer is let in", async || passes(&url, &kept.token(&url)?).await).await?;
    ensure!(!passes(&url, &unspent).await?, "a token of before the restore");
    until(SOON, "the revoked peer is refused", async || {
        Ok(!passes(&url, &revoked.token(&url)?).await?)
    })
    .await?;
    for _ in 0..20 {
        ensure!(!passes(&url, &revoked.token(&url)?).await?, "the revoked peer is let in again");
        ensure!(passes(&url, &kept.token(&url)?).await?, "the kept peer is refused");
    }
    until(SOON, "an intruder that calls", async || Ok(intruder.count.load(Ordering::Relaxed) > 20))
        .await?;
    let (count, passed) = intruder.stop().await?;
    ensure!(passed == 0, "{passed} of {count} calls of a peer that is not enrolled");

    for member in &world.members {
        let operator = world.operator_at(&member.url).await?;
        check(&operator, &early).await?;
        for (handle, _) in &lost {
            let request = wire::GetRecordRequest { handle: handle.clone(), consistency: 1 };
            let found = operator.directory.clone().get_record(request).await;
            let code = found.err().map(|status| status.code());
            ensure!(
                code == Some(Code::NotFound),
                "{handle} was written after the backup: {code:?}"
            );
        }
        let answer = web::get(&format!("{}/v1/changes?since={cursor}", member.url), None).await?;
        ensure!(answer.status == 410, "a cursor of before: {}", answer.status);
    }
    world.stop()
}

/// Has clients write some records; what was acknowledged, as they left it.
async fn written(world: &World) -> Result<Vec<(String, String)>> {
    let writers = Writers::named(world, 2, &uuid::Uuid::now_v7().simple().to_string())?;
    writers.more(SOME).await?;
    writers.stop().await
}

/// Stops every member and starts a cluster made of the copy in its place. The gateway runs on.
async fn restore(world: &mut World, copy: &str) -> Result<()> {
    for member in &mut world.members {
        member.process.take().context("up")?.kill_9()?;
    }
    let named: Vec<String> =
        world.members.iter().map(|it| format!("--member={}={}", it.id, it.url)).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    for at in 0..world.members.len() {
        let dir = world.path(&format!("r{}", world.members[at].id));
        std::fs::rename(&dir, dir.with_extension("lost"))?;
        let dir = dir.to_str().context("UTF-8")?.to_owned();
        let made = world
            .cli(&[&["--output", "json", "cluster", "restore", copy, &dir], &named[..]].concat())?;
        ensure!(serde_json::from_str::<Value>(&made)?["epoch"] == 1, "{made}");
        world.start_member(at)?;
    }
    world.leader().await.map(drop)
}

/// The calls of a peer that calls all the time.
struct RepeatedCalls {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    calls: JoinHandle<Result<usize>>,
}

impl RepeatedCalls {
    fn start(peer: Peer, url: String) -> Self {
        let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (ends, counted) = (Arc::clone(&stop), Arc::clone(&count));
        let calls = tokio::spawn(async move {
            let mut passed = 0;
            while !ends.load(Ordering::Relaxed) {
                passed += usize::from(passes(&url, &peer.token(&url)?).await?);
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(passed)
        });
        Self { stop, count, calls }
    }

    /// How often it called, and how often it was let in.
    async fn stop(self) -> Result<(usize, usize)> {
        self.stop.store(true, Ordering::Relaxed);
        let passed = self.calls.await??;
        Ok((self.count.load(Ordering::Relaxed), passed))
    }
}

/// Whether a token is let in. GetTask of an unknown task answers TaskNotFound exactly then.
async fn passes(gateway: &str, token: &str) -> Result<bool> {
    let rpc = json!({ "jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": { "id": "none" } });
    let answer = web::post(&format!("{gateway}/v1/a2a/jsonrpc"), Some(token), &rpc).await?;
    Ok(answer.json().is_ok_and(|answer| answer["error"]["code"] == -32001))
}

async fn revision(world: &World) -> Result<u64> {
    let answer = web::get(&format!("{}/v1/health", world.members[0].url), None).await?;
    answer.json()?["revision"].as_u64().context("a revision")
}

async fn until(within: Duration, what: &str, holds: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + within.min(PATIENCE);
    while !holds().await? {
        ensure!(Instant::now() < end, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
