//! The supervisor of the node's tasks: every order, event and timer comes here and is put to the pure cores, and their
//! outputs are carried out. It must never block, nor carry out the outputs of one task out of order.

mod former;
mod held;
mod note;
mod orders;
mod outputs;
mod report;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use deploy_service::Shutdown;
use node_core::{Duplicate, Event, Lease, Reservations};
use node_wasm::Runtime;
use proto_types::{LeaseEpoch, MonoUs, TaskId};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::node_message::Kind;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::artifacts::Artifacts;
use crate::clock::Clock;
use crate::config::Checked;
use crate::journal::Journal;
use crate::registry::Registry;
use crate::{Error, link};

use self::former::Former;
use self::held::Held;
use self::note::Note;

/// Notes of runs and orders of the leader that wait for the supervisor.
const QUEUE: usize = 1_024;
/// Until the leader has said how long its leases are.
const BEAT_FIRST: Duration = Duration::from_secs(1);
/// Past the drain deadline, killed runs still report for so long.
const DRAIN_REST: Duration = Duration::from_secs(5);

/// What a node did in one incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tasks whose outcome was committed.
    pub completed: u64,
    /// Tasks handed back or lost to a newer epoch.
    pub handed_back: u64,
    /// Tasks still held when the node stopped.
    pub left: u64,
}

/// The supervisor.
pub(crate) struct TaskSupervisor {
    config: Checked,
    clock: Clock,
    registry: Arc<Registry>,
    runtime: Arc<Runtime>,
    artifacts: Artifacts,
    journal: Journal,
    former: Former,
    offer: wire::Capacity,
    reservations: Reservations,
    held: BTreeMap<TaskId, Held>,
    notes: (mpsc::Sender<Note>, mpsc::Receiver<Note>),
    session: Option<mpsc::Sender<wire::NodeMessage>>,
    /// When the beats were sent whose grants have not come yet.
    beats: VecDeque<MonoUs>,
    beat_every: Duration,
    beat_next: Instant,
    /// What the leader granted last.
    lease: Lease,
    drain_by: Option<MonoUs>,
    summary: Summary,
}

impl TaskSupervisor {
    /// Opens the state folder.
    pub(crate) fn open(
        config: Checked,
        registry: Arc<Registry>,
        runtime: Arc<Runtime>,
        offer: wire::Capacity,
    ) -> Result<Self, Error> {
        let (journal, former) = Journal::open(&config.state_dir).map_err(config.no_state())?;
        let artifacts =
            Artifacts::open(&config.state_dir, Arc::clone(&registry)).map_err(config.no_state())?;
        Ok(Self {
            clock: Clock::new(),
            artifacts,
            journal,
            former: Former::new(former),
            reservations: Reservations::new(crate::work::offered_capacities(&offer)),
            held: BTreeMap::new(),
            notes: mpsc::channel(QUEUE),
            session: None,
            beats: VecDeque::new(),
            beat_every: BEAT_FIRST,
            beat_next: Instant::now(),
            lease: Lease::default(),
            drain_by: None,
            summary: Summary::default(),
            config,
            registry,
            runtime,
            offer,
        })
    }

    /// Works until `shutdown`, then drains. Ends at once, with everything that runs, for another process that serves as
    /// this node.
    pub(crate) async fn run(mut self, shutdown: Shutdown) -> Result<Summary, Error> {
        let mut duplicate = Duplicate::default();
        let (link, mut from_link) = mpsc::channel(QUEUE);
        let keeper = tokio::spawn(link::keep(Arc::clone(&self.registry), link));
        while !self.is_over() {
            let timer = self.clock.instant(self.next_timer());
            // An instant and not a span: a busy supervisor turns faster than it beats.
            let beat = tokio::time::sleep_until(self.beat_next);
            tokio::select! {
                Some(event) = from_link.recv() => {
                    if self.linked(event) && duplicate.session_replaced(self.clock.now()) {
                        keeper.abort();
                        return Err(self.give_way());
                    }
                }
                Some(note) = self.notes.1.recv() => self.noted(note),
                () = tokio::time::sleep_until(timer) => self.timeout(),
                () = beat, if self.session.is_some() => self.beat(),
                () = shutdown.triggered(), if self.drain_by.is_none() => self.drain(),
            }
        }
        keeper.abort();
        Ok(Summary { left: self.held.len() as u64, ..self.summary })
    }

    /// Takes in what the link tells; true if a newer session of this node has replaced this process's.
    fn linked(&mut self, event: link::Event) -> bool {
        match event {
            link::Event::Opening(session) => self.hello(session),
            link::Event::Order(order) => self.order(*order),
            link::Event::Down { replaced } => {
                self.session = None;
                self.beats.clear();
                return replaced;
            }
        }
        false
    }

    /// Ends everything that runs: the other process is told to run it.
    fn give_way(self) -> Error {
        self.held.values().for_each(|held| held.stop.trigger());
        Error::Replaced { node: self.config.id }
    }

    /// Says what is still held, and hands back what a former incarnation had.
    fn hello(&mut self, session: mpsc::Sender<wire::NodeMessage>) {
        let wanted = self.held.values().filter(|held| held.task.wants_lease());
        let held = wanted.map(|held| wire::Held {
            task: held.assigned.task.clone(),
            epoch: held.assigned.epoch,
        });
        let hello = wire::Hello {
            id: self.config.id.to_string(),
            capacity: Some(self.offer.clone()),
            held: held.collect(),
        };
        self.session = Some(session);
        self.beats.clear();
        self.beaten();
        self.say(Kind::Hello(hello));
        self.hand_back_former();
    }

    fn beat(&mut self) {
        self.beaten();
        let free = self
            .offer
            .slots
            .saturating_sub(u32::try_from(self.reservations.in_flight()).unwrap_or(u32::MAX));
        // 256 digests is what a beat may carry; the runtime keeps fewer.
        let cached = self.runtime.cached().iter().take(256).map(ToString::to_string).collect();
        self.say(Kind::Beat(wire::Beat {
            free_slots: free,
            draining: self.reservations.is_draining(),
            cached,
        }));
    }

    /// Notes that a beat is sent now, and when the next is due.
    fn beaten(&mut self) {
        self.beats.push_back(self.clock.now());
        self.beat_next = Instant::now() + self.beat_every;
    }

    fn drain(&mut self) {
        let by = self.clock.now().0.saturating_add(micros(self.config.drain));
        self.drain_by = Some(MonoUs(by));
        self.reservations.drain();
        self.beat();
        tracing::info!(in_flight = self.held.len(), "draining");
        for id in self.held.keys().cloned().collect::<Vec<_>>() {
            self.handle(&id, Event::Drain { by: MonoUs(by) });
        }
    }

    fn is_over(&self) -> bool {
        let Some(by) = self.drain_by else { return false };
        self.held.is_empty() || self.clock.now().0 > by.0.saturating_add(micros(DRAIN_REST))
    }

    fn next_timer(&self) -> MonoUs {
        // Looking again each second costs nothing, and bounds what a lost timer could do.
        let latest = MonoUs(self.clock.now().0.saturating_add(1_000_000));
        self.held.values().filter_map(|held| held.timer).chain([latest]).min().unwrap_or(latest)
    }

    fn timeout(&mut self) {
        let now = self.clock.now();
        let due = self.held.iter().filter(|(_, held)| held.timer.is_some_and(|timer| timer <= now));
        for id in due.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            if let Some(held) = self.held.get_mut(&id) {
                held.timer = None;
                held.task.handle_timeout(now);
            }
            self.pump(&id);
        }
    }

    /// Puts an event to a task and does what comes out.
    fn handle(&mut self, id: &TaskId, event: Event) {
        if let Some(held) = self.held.get_mut(id) {
            held.task.handle(self.clock.now(), event);
            self.pump(id);
        }
    }

    fn release(&mut self, task: &TaskId, epoch: LeaseEpoch, reason: &str) {
        let released =
            wire::Released { task: task.to_string(), epoch: epoch.0, reason: reason.to_owned() };
        self.say(Kind::Released(released));
    }

    /// Says something to the leader. A session that does not take it is as good as down: the next one begins with
    /// what is held.
    fn say(&mut self, kind: Kind) {
        let Some(session) = &self.session else { return };
        if session.try_send(wire::NodeMessage { kind: Some(kind) }).is_err() {
            self.session = None;
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
