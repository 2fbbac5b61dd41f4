//! Clients that write, swap and read the same few registers at every member, and add records besides.
//! They decide what an error means: only the codes that say so mean that nothing was done. They must never repeat a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chaos_cluster::clients::Operator;
use chaos_cluster::linear::Action;
use chaos_cluster::peer::{Peer, now_ms};
use chaos_cluster::{World, documents};
use deploy_service::tls::Connector;
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::task::JoinSet;
use tonic::{Code, Status};

use super::log::Log;
use super::registers::{Author, CARDS, Found, KEYS, put, read};

/// Of each member, to which they keep: those of one that is cut off wait, and the others go on.
const CLIENTS_EACH: usize = 4;

/// A client gives up before a member does (10 s), so that more happens in a run; then it knows nothing of a write.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two calls of a client: some hundred calls a second in all, which leave the members the processor.
const PAUSE: Duration = Duration::from_millis(50);

/// These codes mean that nothing was proposed (docs/errors).
const UNDONE: &[&str] = &["no-leader", "overloaded"];

/// All clients.
pub(crate) struct Crowd {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

struct Shared {
    connector: Connector,
    token: String,
    urls: Vec<String>,
    author: Author,
    /// Every value once.
    next: AtomicU64,
    stop: AtomicBool,
    log: Log,
}

impl Crowd {
    /// Gives every register a first value and starts the clients.
    pub(crate) async fn start(world: &World, seed: u64) -> Result<Self> {
        // An hour ago, so that no value's time lies ahead.
        let author =
            Author { peer: Peer::new("https://a.example")?, epoch_ms: now_ms() - 3_600_000 };
        let shared = Arc::new(Shared {
            connector: world.connector()?,
            token: world.operator_token()?,
            urls: world.members.iter().map(|member| member.url.clone()).collect(),
            author,
            next: AtomicU64::new(1),
            stop: AtomicBool::new(false),
            log: Log::new(),
        });
        shared.found().await?;
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS_EACH * shared.urls.len() {
            let chance = StdRng::seed_from_u64(seed.wrapping_add(number as u64 + 1));
            tasks.spawn(run(Arc::clone(&shared), number % shared.urls.len(), chance));
        }
        Ok(Self { shared, tasks })
    }

    /// Waits for so many further acknowledgements; how long that took.
    pub(crate) async fn more(&self, count: usize, patience: Duration) -> Result<Duration> {
        let (begun, wanted) = (Instant::now(), self.acknowledged() + count);
        while self.acknowledged() < wanted {
            ensure!(begun.elapsed() < patience, "writes do not go on within {patience:?}");
            tokio::time::sleep(PAUSE).await;
        }
        Ok(begun.elapsed())
    }

    pub(crate) fn acknowledged(&self) -> usize {
        self.shared.log.acknowledged()
    }

    pub(crate) fn proves_something(&self) -> bool {
        self.shared.log.proves_something()
    }

    /// Ends the clients.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Reads everything once more at each member, and holds all that was ever answered against it.
    pub(crate) async fn check(&self, world: &World) -> Result<()> {
        let (log, author) = (&self.shared.log, &self.shared.author);
        let added = log.all_added();
        for member in &world.members {
            let operator = world.operator_at(&member.url).await?;
            for key in 0..KEYS {
                let begun = log.now();
                let found = read(&operator, author, key, true).await;
                log.saw(key, begun, &found.with_context(|| format!("{key} at {}", member.id))?);
            }
            let complete = crate::writers::check(&operator, &added).await;
            complete.with_context(|| format!("at member {}", member.id))?;
        }
        log.check()
    }
}

/// What became of a call.
enum End {
    /// The member answered.
    Answered,
    /// The connection is not worth another call.
    Silent,
}

async fn run(shared: Arc<Shared>, place: usize, mut chance: StdRng) -> Result<()> {
    let mut kept: Option<Operator> = None;
    while !shared.stop.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
        if kept.is_none() {
            kept = shared.connect(place).await;
        }
        let Some(operator) = &kept else {
            shared.log.refused("no connection");
            continue;
        };
        if matches!(shared.act(operator, &mut chance).await?, End::Silent) {
            kept = None;
        }
    }
    Ok(())
}

impl Shared {
    async fn connect(&self, place: usize) -> Option<Operator> {
        let (connector, url) = (self.connector.clone(), &self.urls[place]);
        Operator::connect_within(connector, url, &self.token, PATIENCE).await.ok()
    }

    /// The first values, seen by each member before anybody reads: then nothing is ever not found.
    async fn found(&self) -> Result<()> {
        for key in 0..KEYS {
            let operator = self.connect(0).await.context("the first member")?;
            self.write(&operator, key).await?;
        }
        for place in 0..self.urls.len() {
            let operator = self.connect(place).await.context("a member")?;
            for key in 0..KEYS {
                read(&operator, &self.author, key, true).await.context("no first value")?;
            }
        }
        Ok(())
    }

    fn value(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    async fn act(&self, operator: &Operator, chance: &mut StdRng) -> Result<End> {
        let key = chance.random_range(0..KEYS);
        match chance.random_range(0..10) {
            0..3 if key < CARDS => self.write(operator, key).await,
            0..3 => self.swap(operator, key).await,
            3 => self.add(operator).await,
            4..7 => self.look(operator, key, true).await.map(|(end, _)| end),
            _ => self.look(operator, key, false).await.map(|(end, _)| end),
        }
    }

    async fn write(&self, operator: &Operator, key: usize) -> Result<End> {
        let (value, begun) = (self.value(), self.log.now());
        let action = Action::Write(value);
        match put(operator, &self.author, key, (value, String::new())).await {
            Ok(found) => self.log.wrote(key, begun, action, Some(found)),
            Err(status) => {
                return self.failed(&status, || self.log.wrote(key, begun, action, None));
            }
        }
        Ok(End::Answered)
    }

    /// Puts a version in the place of the one that was read.
    async fn swap(&self, operator: &Operator, key: usize) -> Result<End> {
        let (end, found) = self.look(operator, key, false).await?;
        let Some(before) = found else { return Ok(end) };
        // Drawn after the version before was seen, so that its time is later.
        let (to, begun) = (self.value(), self.log.now());
        let action = Action::Swap { from: before.value, to };
        match put(operator, &self.author, key, (to, before.digest)).await {
            Ok(found) => self.log.wrote(key, begun, action, Some(found)),
            Err(status) if code(&status) == Some("precondition-failed") => {
                self.log.refused_swap(key, begun, before.value);
            }
            Err(status) => {
                return self.failed(&status, || self.log.wrote(key, begun, action, None));
            }
        }
        Ok(End::Answered)
    }

    async fn add(&self, operator: &Operator) -> Result<End> {
        let value = self.value();
        let handle = format!("urn:test:added:{value:08}");
        let time = WallMs(self.author.epoch_ms + value);
        let document = documents::record(&self.author.peer, &handle, time)?.into();
        let request = wire::PutRecordRequest { document, ..Default::default() };
        match operator.directory.clone().put_record(request).await {
            Ok(stored) => self.log.added(handle, stored.into_inner().digest),
            Err(status) => return self.failed(&status, || ()),
        }
        Ok(End::Answered)
    }

    async fn look(
        &self,
        operator: &Operator,
        key: usize,
        strong: bool,
    ) -> Result<(End, Option<Found>)> {
        let begun = self.log.now();
        match read(operator, &self.author, key, strong).await {
            Ok(found) => {
                self.log.saw(key, begun, &found);
                Ok((End::Answered, Some(found)))
            }
            Err(status) => Ok((self.failed(&status, || ())?, None)),
        }
    }

    /// Notes why a call failed; `unknown` is done unless it is certain that nothing was.
    fn failed(&self, status: &Status, unknown: impl FnOnce()) -> Result<End> {
        let said = code(status);
        self.log.refused(said.unwrap_or("silence"));
        if matches!(status.code(), Code::NotFound | Code::DataLoss | Code::InvalidArgument) {
            bail!("nobody may be told so: {status}");
        }
        if !said.is_some_and(|said| UNDONE.contains(&said)) {
            unknown();
        }
        Ok(if said.is_some() { End::Answered } else { End::Silent })
    }
}

/// What the member itself says, if it was the member.
fn code(status: &Status) -> Option<&str> {
    status.metadata().get("ecumene-code")?.to_str().ok()
}
