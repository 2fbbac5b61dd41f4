//! Group commit: all proposals that wait become one log entry, stamped with the cluster's time. It must never answer "not
//! done" about a proposal that may be in the log, and never holds more than its bounds.

mod gathering;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use openraft::errors::ClientWriteError;
use openraft::impls::ProgressResponder;
use proto_types::WallMs;
use registry_core::change::Reply;
use registry_core::command::Proposal;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use self::gathering::Gathering;
use crate::batch::{Payload, encode_proposal};
use crate::machine::Raft;
use crate::time::Time;
use crate::types::TypeConfig;
use crate::{ProposeError, observed};

/// One proposal: 16 commands of 1 MiB each, and their names.
pub const PROPOSAL_BYTES_MAX: usize = 17 << 20;

/// Proposals that wait for an entry. At 10,000 a second this is under half a second of them.
pub const QUEUE_PROPOSALS_MAX: usize = 4096;

/// Bytes of proposals that wait, in flight ones included.
pub const QUEUE_BYTES_MAX: usize = 64 << 20;

/// Proposals in one entry; bounds what one step of the state machine takes.
const ENTRY_PROPOSALS_MAX: usize = 1024;

/// An entry takes no further proposal beyond this; one that is larger goes alone.
const ENTRY_BYTES_ENOUGH: usize = 1 << 20;

/// Entries on their way at once: while one is synced the next is under way. More would only make the entries smaller.
const ENTRIES_IN_FLIGHT_MAX: usize = 3;

/// Proposals that are worth an entry while another is on its way; fewer wait for it, and gather. An entry costs three
/// members some 2.7 ms of CPU and a write in it 0.37 (decision 24), so that a small one costs mostly itself. What is gathered
/// while none is on its way, `gathering.rs` decides.
const WORTH_AN_ENTRY: usize = 64;

/// The same in bytes: what takes long to send and sync may begin meanwhile.
const BYTES_WORTH_AN_ENTRY: usize = 256 << 10;

/// What a caller is told to wait when the queue is full: a few commits.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The leadership of one member, from its election until another member's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term(pub(crate) u64);

/// Something that is kept until a proposal is answered: room for it, a place that it takes.
pub type Held = Arc<dyn Send + Sync>;

/// What the leader adds to a proposal before it goes into the log; what it returns is held until that is answered.
pub type Prepare = Box<dyn Fn(&mut Proposal) -> Option<Held> + Send + Sync>;

type Outcome = Result<Vec<Reply>, ProposeError>;

struct Waiting {
    encoded: Vec<u8>,
    /// The only term in which it may be appended.
    term: Option<Term>,
    answer: oneshot::Sender<Outcome>,
    /// Its share of `QUEUE_BYTES_MAX`, held until it is answered.
    _share: OwnedSemaphorePermit,
    /// The same of what its caller and the leader hold for it.
    _held: [Option<Held>; 2],
}

/// The entrance of the queue.
#[derive(Clone)]
pub(crate) struct Proposer {
    queue: mpsc::Sender<Waiting>,
    bytes: Arc<Semaphore>,
    raft: Raft,
    prepare: Arc<OnceLock<Prepare>>,
}

impl Proposer {
    /// The entrance, and what has to run behind it.
    pub(crate) fn new(raft: Raft, time: Arc<Time>) -> (Self, impl Future<Output = ()> + use<>) {
        // The others are those that gather for the next entry.
        let (queue, waiting) = mpsc::channel(QUEUE_PROPOSALS_MAX - ENTRY_PROPOSALS_MAX);
        let running = run(raft.clone(), time, waiting);
        let bytes = Arc::new(Semaphore::new(QUEUE_BYTES_MAX));
        (Self { queue, bytes, raft, prepare: Arc::default() }, running)
    }

    /// Has the leader complete proposals; it is told once.
    pub(crate) fn prepare_by(&self, prepare: Prepare) {
        // There is one start.
        let _ = self.prepare.set(prepare);
    }

    /// Proposes, in this term only if one is named, and waits until the state machine has answered. Dropping the future
    /// withdraws nothing; `held` is kept until the answer is there.
    pub(crate) async fn propose(
        &self,
        proposal: &mut Proposal,
        term: Option<Term>,
        held: Option<Held>,
    ) -> Outcome {
        if !self.raft.is_leader() {
            return Err(ProposeError::NotLeader { leader: leader(&self.raft) });
        }
        let held = [held, self.prepare.get().and_then(|prepare| prepare(proposal))];
        let unencodable =
            |cause| ProposeError::Unknown(format!("the proposal has no spelling: {cause}"));
        let encoded = encode_proposal(proposal).map_err(unencodable)?;
        if encoded.len() > PROPOSAL_BYTES_MAX {
            let (bytes, bytes_max) = (encoded.len() as u64, PROPOSAL_BYTES_MAX as u64);
            return Err(ProposeError::TooLarge { bytes, bytes_max });
        }
        let full = || ProposeError::Full { retry_after: RETRY_AFTER };
        let weight = u32::try_from(encoded.len()).expect("PROPOSAL_BYTES_MAX fits");
        let bytes = Arc::clone(&self.bytes);
        let share = bytes.try_acquire_many_owned(weight).map_err(|_| full())?;
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { encoded, term, answer, _share: share, _held: held };
        self.queue.try_send(waiting).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => full(),
            mpsc::error::TrySendError::Closed(_) => ProposeError::Stopped,
        })?;
        let lost = |_| ProposeError::Unknown("the member stopped meanwhile".to_owned());
        outcome.await.map_err(lost)?
    }
}

/// Who leads, as far as this member knows; never itself, which would send a caller in circles.
pub(crate) fn leader(raft: &Raft) -> Option<(u64, String)> {
    observed::server_metrics(raft).now(|metrics| {
        let id = metrics.current_leader.filter(|id| *id != metrics.id)?;
        Some((id, metrics.membership_config.get_node(&id)?.addr.clone()))
    })
}

async fn run(raft: Raft, time: Arc<Time>, mut queue: mpsc::Receiver<Waiting>) {
    let mut in_flight = FuturesUnordered::new();
    let (mut waiting, mut gathering) = (VecDeque::new(), Gathering::new());
    loop {
        let gathered = gathering.until().filter(|_| in_flight.is_empty() && !waiting.is_empty());
        tokio::select! {
            biased;
            Some(took) = in_flight.next() => gathering.answered(took),
            first = queue.recv(), if waiting.len() < ENTRY_PROPOSALS_MAX => {
                let Some(first) = first else { return };
                waiting.push_back(first);
            }
            () = sleep_until(gathered.unwrap_or_else(Instant::now)), if gathered.is_some() => {}
        }
        while waiting.len() < ENTRY_PROPOSALS_MAX
            && let Ok(next) = queue.try_recv()
        {
            waiting.push_back(next);
        }
        while due(&waiting, in_flight.len(), &mut gathering) {
            let term = raft.as_leader().ok().map(|leader| Term(leader.term()));
            let batch = of_term(gather(&mut waiting), term);
            gathering.went(batch.len());
            if !batch.is_empty() {
                in_flight.extend(append(&raft, time.stamp().await, batch, term).await);
            }
        }
    }
}

/// Whether what waits becomes an entry now.
fn due(waiting: &VecDeque<Waiting>, in_flight: usize, gathering: &mut Gathering) -> bool {
    let bytes = || waiting.iter().map(|each| each.encoded.len()).sum::<usize>();
    match in_flight {
        0 if waiting.is_empty() => false,
        0 => gathering.is_enough(waiting.len(), Instant::now()) || bytes() >= BYTES_WORTH_AN_ENTRY,
        ENTRIES_IN_FLIGHT_MAX.. => false,
        _ => waiting.len() >= WORTH_AN_ENTRY || bytes() >= BYTES_WORTH_AN_ENTRY,
    }
}

/// Hands a batch to the core; what is given back ends once it is answered, and says how long that took.
async fn append(
    raft: &Raft,
    stamp: WallMs,
    batch: Vec<Waiting>,
    term: Option<Term>,
) -> Option<impl Future<Output = Duration> + use<>> {
    let encoded = batch.iter().map(|waiting| waiting.encoded.as_slice());
    let payload = Payload::join(stamp, encoded);
    let (responder, result) = ProgressResponder::<TypeConfig, _>::complete_only();
    let write = raft.write(payload).responder(responder);
    // Refused if another term has begun since: then nothing of it is appended.
    let write = match term {
        Some(Term(term)) => write.with_leader(term),
        None => write,
    };
    if write.await.is_err() {
        // The core takes no messages any more, so it has not taken this one.
        answer_all(batch, &ProposeError::Stopped);
        return None;
    }
    let begun = Instant::now();
    Some(async move {
        match result.await {
            Ok(Ok(written)) => deliver(batch, written.data),
            Ok(Err(refused)) => answer_all(batch, &refusal(refused)),
            Err(_) => answer_all(batch, &unknown("the member stopped meanwhile")),
        }
        begun.elapsed()
    })
}

/// Takes what waits, up to the bounds of an entry.
fn gather(waiting: &mut VecDeque<Waiting>) -> Vec<Waiting> {
    let (mut bytes, mut batch) = (0, Vec::new());
    while batch.len() < ENTRY_PROPOSALS_MAX && bytes < ENTRY_BYTES_ENOUGH {
        let Some(next) = waiting.pop_front() else { break };
        bytes += next.encoded.len();
        batch.push(next);
    }
    batch
}

/// Refuses what was meant for another term.
fn of_term(batch: Vec<Waiting>, term: Option<Term>) -> Vec<Waiting> {
    let fits = |waiting: &Waiting| waiting.term.is_none_or(|meant| Some(meant) == term);
    let (kept, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(fits);
    answer_all(late, &ProposeError::NotLeader { leader: None });
    kept
}

/// Only `ForwardToLeader` proves that the entry was not appended; a discarded one may still be committed by a leader
/// that has it (openraft `ClientWriteError`).
fn refusal(refused: ClientWriteError<TypeConfig>) -> ProposeError {
    match refused {
        ClientWriteError::ForwardToLeader(forward) => {
            let leader = forward.leader_id.zip(forward.leader_node.map(|node| node.addr));
            ProposeError::NotLeader { leader }
        }
        other => unknown(other),
    }
}

fn unknown(why: impl ToString) -> ProposeError {
    ProposeError::Unknown(why.to_string())
}

fn deliver(batch: Vec<Waiting>, replies: Vec<Vec<Reply>>) {
    if batch.len() != replies.len() {
        let why = format!("{} answers to {} proposals", replies.len(), batch.len());
        return answer_all(batch, &ProposeError::Unknown(why));
    }
    for (waiting, replies) in batch.into_iter().zip(replies) {
        // A caller that has gone does not want it.
        let _ = waiting.answer.send(Ok(replies));
    }
}

fn answer_all(batch: Vec<Waiting>, error: &ProposeError) {
    for waiting in batch {
        let _ = waiting.answer.send(Err(error.clone()));
    }
}
