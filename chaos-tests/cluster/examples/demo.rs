//! `make demo`: the whole path on real processes, each step timed, each claim checked.
//! It must never print a step as done that did not hold: the first that fails ends it with an error.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::peer::{Peer, message};
use chaos_cluster::{World, documents, sdk, web};
use serde_json::{Value, json};

/// The Pilox documents and test keys that the protocol crate is tested with.
const VECTORS: &str = include_str!("../../../proto/types/tests/vectors/pilox-formats.json");
const AGENT: &str = "text-stats";
const TARGET: &str = "https://b.example";
const TEXT: &str = "The inhabited world of agents is wide. Federated agents meet in the inhabited world, \
                    and every meeting of agents is checked.";

#[tokio::main]
async fn main() -> Result<()> {
    let mut show = Show { begun: Instant::now(), steps: Vec::new() };
    let mut world = show.step("three registry members elect a leader", World::registry(3)).await?;
    show.step("a gateway registers and is ready", world.add_gateway("g1")).await?;
    show.step("a node registers, measures itself, joins", world.add_node("n1")).await?;
    let peer = publish(&mut show, &world).await?;
    call(&mut show, &world, &peer).await?;
    replay(&mut show, &world, &peer).await?;
    lose_leader(&mut show, &mut world, &peer).await?;
    envelope(&mut show, &world).await?;
    show.step("everything drains and stops", async { world.stop() }).await?;
    show.summary();
    Ok(())
}

/// The peer of the vectors enrols with its own key and publishes its record and a card; an agent is deployed.
async fn publish(show: &mut Show, world: &World) -> Result<Peer> {
    let vectors: Value = serde_json::from_str(VECTORS)?;
    let peer = vector_peer(&vectors)?;
    let key = world.path("peer.json");
    peer.write_key(&key)?;
    let key = key.to_str().context("UTF-8")?;
    let enrol = async { world.cli(&["peer", "enrol", "https://a.example", "--key", key]) };
    show.step("a peer enrols with its own key", enrol).await?;
    let record = vectors["records"]["valid_hive"]["record"].to_string();
    let named = "it publishes its Pilox record; the registry knows its key";
    show.step(named, async { put_record(world, &record) }).await?;
    let named = "it publishes a signed Agent Card, kept byte for byte";
    show.step(named, async { put_card(world, &peer) }).await?;
    let deploy = async { world.deploy_text_agent(AGENT) };
    show.step("a hosted agent is deployed as a WebAssembly component", deploy).await?;
    Ok(peer)
}

/// The peer whose documents and test key the vectors hold.
fn vector_peer(vectors: &Value) -> Result<Peer> {
    let seed = vectors["keys"]["a"]["seedHex"].as_str().context("seedHex")?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&seed[2 * at..2 * at + 2], 16)?;
    }
    Peer::from_seed("https://a.example", bytes)
}

fn put_record(world: &World, record: &str) -> Result<()> {
    let path = world.path("record.json");
    std::fs::write(&path, record)?;
    let put = ["--output", "json", "record", "put", path.to_str().context("UTF-8")?];
    let put: Value = serde_json::from_str(&world.cli(&put)?)?;
    // It is the operator who brings it, and its proof covers four of its members.
    ensure!(put["assurance"] == "self-asserted", "the record is {}", put["assurance"]);
    ensure!(put["owner"] == "https://a.example", "the record is {}'s", put["owner"]);
    let read = world.cli(&["record", "get", "urn:hive:agent:sha256:0001", "--strong"])?;
    ensure!(read == record, "the record came back changed: {read}");
    Ok(())
}

fn put_card(world: &World, peer: &Peer) -> Result<()> {
    let card = documents::card(peer, "A remote agent")?;
    let path = world.path("card.json");
    std::fs::write(&path, &card)?;
    world.cli(&[
        "card",
        "put",
        "a-remote",
        path.to_str().context("UTF-8")?,
        "--owner",
        "https://a.example",
    ])?;
    ensure!(
        world.cli(&["card", "get", "a-remote"])?.as_bytes() == card,
        "the card came back changed"
    );
    Ok(())
}

/// The official SDK calls the agent, unary and streaming.
async fn call(show: &mut Show, world: &World, peer: &Peer) -> Result<()> {
    let base = format!("{}/agents/{AGENT}", world.gateways[0].url);
    show.step("the Python A2A SDK calls it", sdk_call(world, peer, base.clone(), false)).await?;
    show.step("the Python A2A SDK streams from it", sdk_call(world, peer, base, true)).await
}

/// One call through the SDK; the statistics must be those of the text.
async fn sdk_call(world: &World, peer: &Peer, base: String, streaming: bool) -> Result<()> {
    let (key, issuer) = (world.path("peer.json"), peer.origin.to_string());
    let called = move || sdk::call(&base, &key, &issuer, TEXT, streaming);
    let events = tokio::task::spawn_blocking(called).await??;
    let all = json!(events).to_string();
    ensure!(all.contains("TASK_STATE_COMPLETED"), "the task did not complete: {all}");
    ensure!(
        all.contains("\"statistics\"") && all.contains("keywords"),
        "artifacts are missing: {all}"
    );
    ensure!(
        all.contains("\"sentences\":2") || all.contains("\"sentences\":2.0"),
        "wrong statistics: {all}"
    );
    ensure!(!streaming || events.len() >= 4, "a stream of {} events: {all}", events.len());
    Ok(())
}

/// The same token a second time is refused.
async fn replay(show: &mut Show, world: &World, peer: &Peer) -> Result<()> {
    let url = world.gateways[0].url.clone();
    show.step("a replayed token is refused", async {
        let token = peer.token(&url)?;
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": message(TEXT, None) });
        let rpc = format!("{url}/agents/{AGENT}");
        let first = web::post(&rpc, Some(&token), &body).await?;
        ensure!(first.status == 200, "the first use: {} {:?}", first.status, first.body);
        let second = web::post(&rpc, Some(&token), &body).await?;
        ensure!(second.status == 401, "the second use: {} {:?}", second.status, second.body);
        Ok(())
    })
    .await
}

/// The leader is killed; calls work again as soon as another leads.
async fn lose_leader(show: &mut Show, world: &mut World, peer: &Peer) -> Result<()> {
    let leader = world.leader().await?;
    let process = world.members[leader].process.take().context("the leader is up")?;
    show.step("the leader is killed with SIGKILL", async { process.kill_9() }).await?;
    let url = world.gateways[0].url.clone();
    show.step("the first call after it succeeds", until(|| completes(peer, &url))).await?;
    world.start_member(leader)?;
    let doctor = until(async || world.cli(&["doctor"]).map(drop));
    show.step("the killed member comes back; the doctor finds nothing", doctor).await
}

/// One call, to its completion.
async fn completes(peer: &Peer, url: &str) -> Result<()> {
    let answer = peer.rpc(url, AGENT, "SendMessage", message(TEXT, None)).await?;
    let state = answer.json()?["result"]["task"]["status"]["state"].clone();
    ensure!(state == "TASK_STATE_COMPLETED", "{} {:?}", answer.status, answer.body);
    Ok(())
}

/// Tries until it holds, for as long as anything may take.
async fn until<F: Future<Output = Result<()>>>(attempt: impl Fn() -> F) -> Result<()> {
    let end = Instant::now() + chaos_cluster::world::PATIENCE;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < end => tokio::time::sleep(Duration::from_millis(50)).await,
            done => return done,
        }
    }
}

/// An envelope is accepted durably and pulled by its local subscriber.
async fn envelope(show: &mut Show, world: &World) -> Result<()> {
    let named = "a WAN envelope is accepted, delivered and acknowledged";
    show.step(named, async { send_and_pull(world) }).await
}

fn send_and_pull(world: &World) -> Result<()> {
    let key = world.path("peer.json");
    let key = key.to_str().context("UTF-8")?;
    let send =
        ["envelope", "send", "--key", key, "--issuer", "https://a.example", "--target", TARGET];
    let greeting = ["--payload", r#"{"greeting":"hello"}"#, "--correlation-id", "demo-0001"];
    world.cli(&[&send[..], &greeting].concat())?;
    let pull = ["--output", "json", "envelope", "pull", TARGET, "--wait-seconds", "0"];
    let pulled: Value = serde_json::from_str(&world.cli(&pull)?)?;
    ensure!(pulled[0]["envelope"]["payload"]["greeting"] == "hello", "pulled {pulled}");
    let again: Value = serde_json::from_str(&world.cli(&pull)?)?;
    ensure!(again == json!([]), "delivered twice: {again}");
    Ok(())
}

/// What was done, and how long it took.
struct Show {
    begun: Instant,
    steps: Vec<(String, Duration)>,
}

impl Show {
    /// Does a step and prints it with its time, or fails with its name.
    async fn step<T>(&mut self, name: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let begun = Instant::now();
        let done = work.await.with_context(|| format!("the demo's step failed: {name}"))?;
        let took = begun.elapsed();
        println!("{:>8.3} s  {name}", took.as_secs_f64());
        self.steps.push((name.to_owned(), took));
        Ok(done)
    }

    fn summary(&self) {
        let total = self.begun.elapsed().as_secs_f64();
        println!("\n{} steps held, in {total:.1} s.", self.steps.len());
    }
}
