//! The memory that requests and answers hold, counted by connection, source and process.
//!
//! It decides whether more may be held. What the system's own roles hold is counted, and bounded by the process alone.
//! It must never count less than is held: what a socket that takes nothing keeps of an answer is counted until it is
//! written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

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
    source: Source,
    bytes_max: u64,
    held: AtomicU64,
    /// Of answers that have ended: what the socket has not taken yet is among it.
    unwritten: AtomicU64,
    /// Whether one of the system's own roles has been seen on it.
    system: AtomicBool,
}

impl Connection {
    pub(super) fn new(memory: &Memory, source: Source, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            memory: memory.clone(),
            source,
            bytes_max: limits.memory_per_connection_max.count(),
            held: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            system: AtomicBool::new(false),
        })
    }

    /// The claim of one request.
    pub(super) fn claim(self: &Arc<Self>) -> Claim {
        Claim(Arc::new(Held {
            connection: Arc::clone(self),
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
        if self.unwritten.load(Relaxed) > 0 {
            self.release(self.unwritten.swap(0, Relaxed));
        }
    }

    fn take(&self, class: Class, bytes: u64) -> Result<(), Full> {
        let held = self.held.load(Relaxed).saturating_add(bytes);
        if class == Class::Ordinary && held > self.bytes_max {
            return Err(Full::Share);
        }
        self.memory.take(class, &self.source, bytes)?;
        self.held.fetch_add(bytes, Relaxed);
        Ok(())
    }

    fn release(&self, bytes: u64) {
        if bytes > 0 {
            self.held.fetch_sub(bytes, Relaxed);
            self.memory.give(&self.source, bytes);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.release(self.unwritten.swap(0, Relaxed));
    }
}

/// What one request holds of the memory that requests share, for as long as a clone of this lives. It is an extension
/// of the request.
#[derive(Clone, Debug)]
pub struct Claim(Arc<Held>);

#[derive(Debug)]
struct Held {
    connection: Arc<Connection>,
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

    pub(super) fn class(&self) -> Class {
        if self.0.system.load(Relaxed) { Class::System } else { Class::Ordinary }
    }

    /// Counts what is held already.
    pub(super) fn count(&self, bytes: u64) {
        let connection = &self.0.connection;
        connection.memory.count(&connection.source, bytes);
        connection.held.fetch_add(bytes, Relaxed);
        self.0.bytes.fetch_add(bytes, Relaxed);
    }

    /// Holds so much more.
    pub(super) fn grow(&self, bytes: u64) -> Result<(), Full> {
        self.0.connection.take(self.class(), bytes).inspect_err(|full| {
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
        self.0.connection.release(bytes);
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
        let claim = self.0.connection.claim();
        claim.0.system.store(self.0.system.load(Relaxed), Relaxed);
        claim
    }

    /// Ends the claim of an answer, which the socket has to take before it is held no more.
    pub(super) fn end_answer(&self) {
        let bytes = self.0.bytes.swap(0, Relaxed);
        self.0.connection.unwritten.fetch_add(bytes, Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.connection.release(*self.bytes.get_mut());
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn opened(source: &str, memory: &Memory) -> Arc<Connection> {
        let limits = Limits {
            memory_max: Bytes::from_kib(64),
            memory_per_connection_max: Bytes::from_kib(16),
            ..Limits::default()
        };
        Connection::new(memory, Source::of(source.parse().unwrap()), &limits)
    }

    #[test]
    fn connection_source_and_process_each_bound_what_is_held() {
        let memory = Pool::new(Shares::new(64 << 10));
        let [one, two] = [opened("192.0.2.1", &memory), opened("192.0.2.1", &memory)];
        let first = one.claim();
        first.grow(16 << 10).unwrap();
        assert_eq!(first.grow(1), Err(Full::Share), "the connection's share");
        assert!(one.is_full());
        let second = two.claim();
        second.grow(8 << 10).unwrap();
        assert_eq!(second.grow(1), Err(Full::Share), "half of what is open is the source's");
        assert_eq!(second.refused(), Some(Full::Share));
        let other = opened("192.0.2.2", &memory).claim();
        other.grow(8 << 10).unwrap();
        let system = one.claim();
        system.prove_system();
        system.grow(32 << 10).unwrap();
        assert_eq!(system.grow(1), Err(Full::Pool), "nobody gets more than there is");
        drop((first, second, other, system));
        assert_eq!(memory.taken(), 0);
    }

    #[test]
    fn what_the_socket_has_not_taken_is_counted_until_it_is_written() {
        let memory = Pool::new(Shares::new(64 << 10));
        let connection = opened("192.0.2.1", &memory);
        let answer = connection.claim().of_answer();
        answer.grow(4 << 10).unwrap();
        answer.end_answer();
        drop(answer);
        assert_eq!(memory.taken(), 4 << 10);
        connection.flushed();
        assert_eq!(memory.taken(), 0);
    }
}
