//! Fifty rounds of SIGKILL under load: leader, follower, all members, node.
//! No acknowledged write is lost, no token is spent twice, no outcome is committed twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::peer::{Peer, now_ms};
use chaos_cluster::process::Process;
use chaos_cluster::{World, documents};
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;

use crate::history::{History, spend};

const ROUNDS: u64 = 50;
/// A busy machine gets more rounds for the same load.
const ROUNDS_MAX: u64 = 3 * ROUNDS;
const TARGET: &str = "kill-loop";
/// Load before and after the kill, in each round.
const LOAD: Duration = Duration::from_millis(150);

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rounds_of_sigkill_lose_no_acknowledged_write_and_double_nothing() -> Result<()> {
    let mut world = World::registry(3).await?;
    world.add_node("n1").await?;
    world.deploy_text_agent("text-stats")?;
    let gateway = gateway_credential(&world).await?;
    let load = Load {
        history: Arc::new(History::default()),
        counter: Arc::new(AtomicU64::new(0)),
        peer: Arc::new(Peer::new("https://a.example")?),
        urls: world.members.iter().map(|member| member.url.clone()).collect(),
        operator: world.operator_token()?,
        gateway,
    };
    let mut round = 0;
    while round < ROUNDS || (round < ROUNDS_MAX && !load.history.proves_something()) {
        let stop = Arc::new(AtomicBool::new(false));
        let mut workers = load.start(&stop);
        tokio::time::sleep(LOAD).await;
        kill(&mut world, round).await?;
        tokio::time::sleep(LOAD).await;
        stop.store(true, Ordering::Relaxed);
        while let Some(worker) = workers.join_next().await {
            worker??;
        }
        world.leader().await.with_context(|| format!("after round {round}"))?;
        round += 1;
        if round % 10 == 0 {
            check(&world, &load).await.with_context(|| format!("after round {round}"))?;
        }
    }
    check(&world, &load).await?;
    let operator = Operator::connect(&load.urls[0], &load.gateway).await?;
    load.history.check_envelopes(&operator, TARGET).await?;
    let (written, spent, ended) = load.history.counts();
    println!("{round} rounds: {written} records, {spent} tokens, {ended} outcomes held");
    ensure!(load.history.proves_something(), "too little load to prove anything");
    world.stop()
}

async fn check(world: &World, load: &Load) -> Result<()> {
    let operator = world.operator().await?;
    load.history.check_records(&operator).await?;
    load.history.check_tasks(&operator).await?;
    let gateway = Operator::connect(&load.urls[0], &load.gateway).await?;
    load.history.check_tokens(&gateway).await
}

/// Kills a victim by turns and starts it again.
async fn kill(world: &mut World, round: u64) -> Result<()> {
    let leader = world.leader().await?;
    let victims: Vec<usize> = match round % 5 {
        0 | 2 => vec![leader],
        1 => vec![(leader + 1) % 3],
        3 => vec![0, 1, 2],
        _ => {
            world.nodes[0].process.take().map_or(Ok(()), Process::kill_9)?;
            return world.start_node(0);
        }
    };
    for &at in &victims {
        world.members[at].process.take().map_or(Ok(()), Process::kill_9)?;
    }
    victims.into_iter().try_for_each(|at| world.start_member(at))
}

/// A gateway of the test's own, so that it may spend tokens and submit tasks.
pub(crate) async fn gateway_credential(world: &World) -> Result<String> {
    let operator = world.operator().await?;
    let invite = wire::IssueJoinTokenRequest { role: "gateway".to_owned(), ttl_seconds: 600 };
    let join_token = operator.directory.clone().issue_join_token(invite).await?.into_inner().token;
    let credential = proto_types::base64url::encode(&rand::random::<[u8; 32]>());
    let request = wire::RegisterGatewayRequest {
        id: "test".to_owned(),
        endpoint: "http://127.0.0.1:1".to_owned(),
        join_token,
        credential: credential.clone(),
    };
    operator.fleet.clone().register_gateway(request).await?;
    Ok(format!("gateway:test:{credential}"))
}

/// What the workers share.
#[derive(Clone)]
struct Load {
    history: Arc<History>,
    counter: Arc<AtomicU64>,
    peer: Arc<Peer>,
    urls: Vec<String>,
    operator: String,
    gateway: String,
}

impl Load {
    fn start(&self, stop: &Arc<AtomicBool>) -> JoinSet<Result<()>> {
        let mut workers = JoinSet::new();
        for _ in 0..4 {
            let (load, stop) = (self.clone(), Arc::clone(stop));
            workers.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let n = load.counter.fetch_add(1, Ordering::Relaxed);
                    load.write(n).await?;
                    Box::pin(load.spend_thrice(n)).await;
                    if n % 4 == 0 {
                        load.enqueue(n).await?;
                    }
                    if n % 16 == 0 {
                        load.submit(n).await?;
                    }
                }
                Ok(())
            });
        }
        workers
    }

    async fn at(&self, n: u64, token: &str) -> Option<Operator> {
        let place = usize::try_from(n).ok()? % self.urls.len();
        Operator::connect(&self.urls[place], token).await.ok()
    }

    async fn write(&self, n: u64) -> Result<()> {
        let handle = format!("urn:test:agent:{n:08}");
        let document = documents::record(&self.peer, &handle, WallMs(now_ms()))?;
        let Some(operator) = self.at(n, &self.operator).await else { return Ok(()) };
        let request = wire::PutRecordRequest {
            document: document.into(),
            if_match: String::new(),
            visibility: String::new(),
        };
        if let Ok(stored) = operator.directory.clone().put_record(request).await {
            let digest = stored.into_inner().digest;
            self.history.records.lock().unwrap().insert(handle, digest);
        }
        Ok(())
    }

    /// The same token from three clients at once: at most one may hear that it is fresh.
    async fn spend_thrice(&self, n: u64) {
        let key: [u8; 32] = rand::random();
        let (a, b, c) = tokio::join!(
            Box::pin(self.spend_at(n, key)),
            Box::pin(self.spend_at(n + 1, key)),
            Box::pin(self.spend_at(n + 2, key)),
        );
        let fresh = [a, b, c].into_iter().map(u32::from).sum();
        self.history.tokens.lock().unwrap().insert(key, fresh);
    }

    /// Whether this gateway's member said that the token is fresh.
    async fn spend_at(&self, n: u64, key: [u8; 32]) -> bool {
        let Some(gateway) = self.at(n, &self.gateway).await else { return false };
        let verdicts = spend(&gateway, &[key]).await.unwrap_or_default();
        verdicts.first() == Some(&wire::Verdict::Fresh)
    }

    async fn enqueue(&self, n: u64) -> Result<()> {
        let Some(gateway) = self.at(n, &self.gateway).await else { return Ok(()) };
        let id = format!("envelope-{n:08}");
        let request = wire::EnqueueEnvelopeRequest {
            id: id.clone(),
            source: "https://a.example".to_owned(),
            target: TARGET.to_owned(),
            correlation: id.clone(),
            document: "{}".into(),
            expires_at_ms: now_ms() + 3_600_000,
            ..Default::default()
        };
        if gateway.fleet.clone().enqueue_envelope(request).await.is_ok() {
            self.history.envelopes.lock().unwrap().push(id);
        }
        Ok(())
    }

    async fn submit(&self, n: u64) -> Result<()> {
        let Some(gateway) = self.at(n, &self.gateway).await else { return Ok(()) };
        let id = format!("task-{n:08}");
        let input = serde_json::json!({ "messageId": id, "role": "ROLE_USER", "parts": [{ "text": "Count me." }] });
        let request = wire::SubmitTaskRequest {
            id: id.clone(),
            context: "kill-loop".to_owned(),
            agent: "text-stats".to_owned(),
            owner: "https://a.example".to_owned(),
            input: input.to_string().into(),
            deadline_ms: now_ms() + 120_000,
            ..Default::default()
        };
        if let Ok(task) = gateway.fleet.clone().submit_task(request).await {
            self.history.tasks.lock().unwrap().entry(id).or_default();
            self.history.saw_task(task.into_inner())?;
        }
        Ok(())
    }
}
