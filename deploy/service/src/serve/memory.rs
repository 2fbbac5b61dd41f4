//! The memory that requests and answers hold, counted by connection, source and process.
//!
//! A connection of a trusted proxy carries requests of many sources, so that each request has its own.
//!
//! It decides whether more may be held. What the system's own roles hold is counted, and bounded by the process alone.
//! It must never count less than is held: what a socket that takes nothing keeps of an answer is counted until it is
//! written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto_types::{Class, Full, Shares};

use crate::pool::Pool;
use crate::sources::Source;

use super::Limits;

/// So little is counted, and never refused: the refusal would hold as much.
pub(super) const SHORT: u64 = 1 << 10;

/// The memory of one process, by source; clones share it.
pub(super) type Memory = Pool<Source>;

/// The memory of a listener with these limits.
pub(super) fn memory(limits: &Limits) -> Memory {
    Pool::new(Shares::new(limits.memory_max.count()))
}

/// What is held for one connection.
#[derive(Debug)]
pub(super) struct Connection {
    memory: Memory,
    bytes_max: u64,
    held: AtomicU64,
    /// Of answers that have ended: what the socket has not taken yet is among it.
    unwritten: Mutex<BTreeMap<Source, u64>>,
    /// Whether one of the system's own roles has been seen on it.
    system: AtomicBool,
}

impl Connection {
    pub(super) fn new(memory: &Memory, bytes_max: u64) -> Arc<Self> {
        Arc::new(Self {
            memory: memory.clone(),
            bytes_max,
            held: AtomicU64::new(0),
            unwritten: Mutex::default(),
            system: AtomicBool::new(false),
        })
    }

    /// The claim of one request, which comes from this source.
    pub(super) fn claim(self: &Arc<Self>, source: Source) -> Claim {
        Claim(Arc::new(Held {
            connection: Arc::clone(self),
            source,
            system: AtomicBool::new(false),
            refused: AtomicU64::new(FITS),
            bytes: AtomicU64::new(0),
        }))
    }

    /// Whether one of the system's own roles has been seen on it.
    pub(super) fn is_system(&self) -> bool {
        self.system.load(Relaxed)
    }

    /// Whether it holds all that one connection may: the client has to read first.
    pub(super) fn is_full(&self) -> bool {
        !self.is_system() && self.held.load(Relaxed) >= self.bytes_max
    }

    /// The socket has taken all that was to be written.
    pub(super) fn flushed(&self) {
        let written = std::mem::take(&mut *self.unwritten());
        for (source, bytes) in written {
            self.release(source, bytes);
        }
    }

    fn unwritten(&self) -> MutexGuard<'_, BTreeMap<Source, u64>> {
        // The lock is held for arithmetic only.
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, class: Class, source: Source, bytes: u64) -> Result<(), Full> {
        let held = self.held.load(Relaxed).saturating_add(bytes);
        if class == Class::Ordinary && held > self.bytes_max {
            return Err(Full::Share);
        }
        self.memory.take(class, &source, bytes)?;
        self.held.fetch_add(bytes, Relaxed);
        Ok(())
    }

    fn release(&self, source: Source, bytes: u64) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Relaxed);
            self.memory.give(&source, bytes);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.flushed();
    }
}

/// What one request holds of the memory that requests share, for as long as a clone of this lives. It is an extension
/// of the request.
#[derive(Clone, Debug)]
pub struct Claim(Arc<Held>);

#[derive(Debug)]
struct Held {
    connection: Arc<Connection>,
    source: Source,
    system: AtomicBool,
    refused: AtomicU64,
    bytes: AtomicU64,
}

/// Values of `refused`.
const FITS: u64 = 0;
const NO_SHARE: u64 = 1;
const NO_ROOM: u64 = 2;

impl Claim {
    /// Says that a member, gateway, node or operator has proved to be the caller: from here on the kept part is there
    /// for this request, and its body may idle between two messages. Its connection may stay in a kept place.
    pub fn prove_system(&self) {
        self.0.system.store(true, Relaxed);
        self.0.connection.system.store(true, Relaxed);
    }

    /// Where the request comes from.
    pub(super) fn source(&self) -> Source {
        self.0.source
    }

    pub(super) fn class(&self) -> Class {
        if self.0.system.load(Relaxed) { Class::System } else { Class::Ordinary }
    }

    /// Counts what is held already.
    pub(super) fn count(&self, bytes: u64) {
        let connection = &self.0.connection;
        connection.memory.count(&self.0.source, bytes);
        connection.held.fetch_add(bytes, Relaxed);
        self.0.bytes.fetch_add(bytes, Relaxed);
    }

    /// Holds so much more.
    pub(super) fn grow(&self, bytes: u64) -> Result<(), Full> {
        self.0.connection.take(self.class(), self.0.source, bytes).inspect_err(|full| {
            let refused = if *full == Full::Share { NO_SHARE } else { NO_ROOM };
            self.0.refused.store(refused, Relaxed);
        })?;
        self.0.bytes.fetch_add(bytes, Relaxed);
        Ok(())
    }

    /// Holds a part of an answer.
    pub(super) fn hold(&self, bytes: u64) -> Result<(), Full> {
        if bytes > SHORT {
            return self.grow(bytes);
        }
        self.count(bytes);
        Ok(())
    }

    /// Holds so much less.
    pub(super) fn shrink(&self, bytes: u64) {
        self.0.bytes.fetch_sub(bytes, Relaxed);
        self.0.connection.release(self.0.source, bytes);
    }

    /// Why something of this request was refused, if it was.
    pub(super) fn refused(&self) -> Option<Full> {
        match self.0.refused.load(Relaxed) {
            NO_SHARE => Some(Full::Share),
            NO_ROOM => Some(Full::Pool),
            _ => None,
        }
    }

    /// The claim of the answer to this request, which outlives it.
    pub(super) fn of_answer(&self) -> Self {
        let claim = self.0.connection.claim(self.0.source);
        claim.0.system.store(self.0.system.load(Relaxed), Relaxed);
        claim
    }

    /// Ends the claim of an answer, which the socket has to take before it is held no more.
    pub(super) fn end_answer(&self) {
        let bytes = self.0.bytes.swap(0, Relaxed);
        if bytes > 0 {
            *self.0.connection.unwritten().entry(self.0.source).or_default() += bytes;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connection.release(self.source, *self.bytes.get_mut());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn opened(memory: &Memory) -> Arc<Connection> {
        Connection::new(memory, 16 << 10)
    }

    fn from(address: &str) -> Source {
        Source::of(address.parse().unwrap())
    }

    #[test]
    fn connection_source_and_process_each_bound_what_is_held() {
        let memory = Pool::new(Shares::new(64 << 10));
        let ([one, two], source) = ([opened(&memory), opened(&memory)], from("192.0.2.1"));
        let first = one.claim(source);
        first.grow(16 << 10).unwrap();
        assert_eq!(first.grow(1), Err(Full::Share), "the connection's share");
        assert!(one.is_full());
        let second = two.claim(source);
        second.grow(8 << 10).unwrap();
        assert_eq!(second.grow(1), Err(Full::Share), "half of what is open is the source's");
        assert_eq!(second.refused(), Some(Full::Share));
        let other = opened(&memory).claim(from("192.0.2.2"));
        other.grow(8 << 10).unwrap();
        let system = one.claim(source);
        system.prove_system();
        system.grow(32 << 10).unwrap();
        assert_eq!(system.grow(1), Err(Full::Pool), "nobody gets more than there is");
        drop((first, second, other, system));
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn clients_of_one_proxy_have_each_their_own_share_on_its_connection() {
        let memory = Pool::new(Shares::new(64 << 10));
        let proxy = Connection::new(&memory, u64::MAX);
        let [greedy, other] = ["192.0.2.1", "192.0.2.2"].map(|it| proxy.claim(from(it)));
        greedy.grow(24 << 10).unwrap();
        assert_eq!(greedy.grow(1), Err(Full::Share), "half of what is open");
        assert!(!proxy.is_full());
        other.grow(8 << 10).unwrap();
        for claim in [&greedy, &other] {
            let answer = claim.of_answer();
            answer.hold(SHORT).unwrap();
            answer.end_answer();
        }
        drop(other);
        proxy.flushed();
        greedy.shrink(24 << 10);
        greedy.grow(24 << 10).expect("each has what it gave back");
        drop(greedy);
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn what_the_socket_has_not_taken_is_counted_until_it_is_written() {
        let memory = Pool::new(Shares::new(64 << 10));
        let connection = opened(&memory);
        let answer = connection.claim(from("192.0.2.1")).of_answer();
        answer.grow(4 << 10).unwrap();
        answer.end_answer();
        drop(answer);
        assert_eq!(memory.taken(), 4 << 10);
        connection.flushed();
        assert_eq!(memory.taken(), 0);
    }
}
