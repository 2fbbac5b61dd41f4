//! Reading a peer's log without trusting who tells it.
//!
//! Decides whether each entry follows the one before, was signed by keys that counted at that time,
//! and did what it says. Must never skip an entry, and never take a key that the log had not shown
//! before.

use crate::digest::Digest;
use crate::manifest::PeerManifest;
use crate::origin::Origin;
use crate::signed::{self, Signed, Verified};
use crate::time::WallMs;

use super::RECOVERY_MS;
use super::keys::{EnrolledKey, KeySet};
use super::log::{Act, LogEntry};
use super::operation::{self, Action, PeerOperation};
use super::possession;
use super::state::{Fault, OperationRef, PeerState};

/// An entry as it is read, with the signed document that it speaks of.
#[derive(Clone, Debug)]
pub struct ReplayEntry {
    /// The entry.
    pub entry: LogEntry,
    /// The operation or manifest, as it was received.
    pub document: Option<Vec<u8>>,
}

/// What a log amounts to so far.
#[derive(Clone, Debug)]
pub struct Replay {
    origin: Origin,
    steps: Vec<Step>,
}

/// One entry that was verified.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its digest.
    pub digest: Digest,
    /// When it was taken.
    pub at: WallMs,
    /// The peer after it.
    pub state: PeerState,
    /// Whether a later recovery has voided it.
    pub void: bool,
    signed: bool,
    /// A recovery may not go back before this.
    barrier: bool,
}

/// What is wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another peer's, another number, another predecessor, or a time that falls.
    #[error("it does not follow entry {after} of {origin}")]
    Link {
        /// The peer.
        origin: Origin,
        /// The last entry that was sound.
        after: u64,
    },
    /// The document is missing, or is not the one that the entry names.
    #[error("the document is missing or has another digest")]
    Document,
    /// The document is not a signed one, or not by a key that counted.
    #[error("the document's signatures do not hold")]
    Signed(#[from] signed::Error),
    /// A key that joins has not signed.
    #[error("a key that joins has not signed")]
    Possession,
    /// The operation made no sense at that time.
    #[error("the operation makes no sense")]
    Operation(#[from] operation::Error),
    /// The act does not fit what went before.
    #[error("the act does not fit what went before")]
    Fault(#[from] Fault),
    /// A recovery that names no entry that it may go back to.
    #[error("the recovery goes back to an entry that it cannot name")]
    NoFork,
    /// A recovery that came too late.
    #[error("the recovery voids an entry of {at}, more than 72 h before")]
    TooLate {
        /// When the oldest entry that it voids was taken.
        at: WallMs,
    },
}

impl From<possession::Error> for Error {
    fn from(error: possession::Error) -> Self {
        match error {
            possession::Error::Signed(cause) => cause.into(),
            possession::Error::Missing => Self::Possession,
        }
    }
}

impl Replay {
    /// Before the first entry.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self { origin, steps: Vec::new() }
    }

    /// Every entry so far, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The peer as it is now; `None` before its first entry.
    #[must_use]
    pub fn state(&self) -> Option<&PeerState> {
        self.steps.last().map(|step| &step.state)
    }

    /// The digest of the newest entry.
    #[must_use]
    pub fn head(&self) -> Option<Digest> {
        self.steps.last().map(|step| step.digest)
    }

    /// Verifies the next entry. After an error nothing has changed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn take(&mut self, next: &ReplayEntry) -> Result<(), Error> {
        let entry = &next.entry;
        self.check_link(entry)?;
        let (state, voided_from) = self.decide(next)?;
        if let Some(from) = voided_from {
            for step in self.steps.iter_mut().skip(from).filter(|step| step.signed) {
                step.void = true;
            }
        }
        let barrier = voided_from.is_some() || matches!(entry.act, Act::Enrolled { .. });
        let (signed, digest) = (entry.act.is_signed() && !barrier, entry.digest());
        self.steps.push(Step { digest, at: entry.at, state, void: false, signed, barrier });
        Ok(())
    }

    fn check_link(&self, entry: &LogEntry) -> Result<(), Error> {
        let after = self.steps.len() as u64;
        let follows = entry.origin == self.origin
            && entry.index == after + 1
            && entry.prev == self.head()
            && self.steps.last().is_none_or(|last| last.at <= entry.at);
        if follows { Ok(()) } else { Err(Error::Link { origin: self.origin.clone(), after }) }
    }

    /// The state after the entry, and for a recovery how many entries stand.
    fn decide(&self, next: &ReplayEntry) -> Result<(PeerState, Option<usize>), Error> {
        let at = next.entry.at;
        if let Act::Enrolled { keys, recovery_keys, operation, .. } = &next.entry.act {
            let keys = KeySet { keys: keys.clone(), recovery: recovery_keys.clone() };
            let mut state = PeerState::enrolled(keys, self.state(), at)?;
            if let Some(named) = operation {
                state.operation = Some(self.founding(next, *named, &state)?);
            }
            return Ok((state, None));
        }
        let state = self.state().ok_or(Error::NoFork)?;
        match &next.entry.act {
            Act::Enrolled { .. } | Act::DomainProven { .. } | Act::DomainLost {} => {
                Ok((state.clone(), None))
            }
            Act::Standing { standing, .. } => Ok((state.ordered(*standing)?, None)),
            Act::Manifest { manifest, .. } => Ok((manifested(next, *manifest, state)?, None)),
            Act::Operation { operation } => self.operated(next, *operation, state),
        }
    }

    /// The enrolment that the peer itself has signed, with every key that it brings.
    fn founding(
        &self,
        next: &ReplayEntry,
        named: Digest,
        state: &PeerState,
    ) -> Result<OperationRef, Error> {
        let signed = Signed::<PeerOperation>::parse(document(next)?)?;
        let own = |kid: &_| {
            let found = state.keys.keys.iter().find(|key| key.kid == *kid);
            found.map(|key| key.public_key)
        };
        let verified = signed.verify(&own, state.keys.keys.len())?;
        let Action::Enrol { keys, recovery_keys } = &verified.action else {
            return Err(Fault::Misplaced.into());
        };
        let same = keys.iter().map(EnrolledKey::from).eq(state.keys.keys.iter().cloned())
            && *recovery_keys == state.keys.recovery
            && (verified.epoch, verified.seq) == (state.epoch, 1);
        if !same || verified.document_digest() != named || verified.issuer != self.origin {
            return Err(Error::Document);
        }
        verified.check(next.entry.at)?;
        Ok(OperationRef { seq: verified.seq, digest: named })
    }

    fn operated(
        &self,
        next: &ReplayEntry,
        named: Digest,
        state: &PeerState,
    ) -> Result<(PeerState, Option<usize>), Error> {
        let at = next.entry.at;
        let signed = Signed::<PeerOperation>::parse(document(next)?)?;
        if let Action::Recover { after, .. } = signed.unverified().action {
            let stands = self.fork(after, at)?;
            let fork = &self.steps[stands - 1].state;
            let verified = checked(signed, &fork.keys, true, at)?;
            named_is(named, &verified, &self.origin)?;
            return Ok((state.recovered(fork, &verified, named, at)?, Some(stands)));
        }
        let verified = checked(signed, &state.keys, false, at)?;
        named_is(named, &verified, &self.origin)?;
        Ok((state.operated(&verified, named, at)?, None))
    }

    /// How many entries stand if everything after the one of this digest is voided.
    fn fork(&self, after: Digest, now: WallMs) -> Result<usize, Error> {
        let at = self.steps.iter().rposition(|step| step.digest == after);
        let stands = at.ok_or(Error::NoFork)? + 1;
        let later = &self.steps[stands..];
        if self.steps[stands - 1].void || later.iter().any(|step| step.barrier) {
            return Err(Error::NoFork);
        }
        match later.iter().find(|step| step.signed) {
            Some(first) if now.since(first.at) > RECOVERY_MS => {
                Err(Error::TooLate { at: first.at })
            }
            _ => Ok(stands),
        }
    }
}

/// Verifies an operation with the keys that may sign it and with those that join by it.
///
/// # Errors
/// A signature that does not hold, nobody who may, or a key that joins without having signed.
pub fn checked(
    signed: Signed<PeerOperation>,
    keys: &KeySet,
    by_recovery: bool,
    now: WallMs,
) -> Result<Verified<PeerOperation>, Error> {
    let joining = signed.unverified().action.joining().iter();
    // A key that is kept by a recovery proved itself when it joined.
    let joining = joining.filter(|key| !(by_recovery && keys.holds(&key.public_key)));
    let joining: Vec<_> = joining.map(|key| (key.kid.clone(), key.public_key)).collect();
    let may = |kid: &_| if by_recovery { keys.recovering(kid) } else { keys.signing(kid, now) };
    let verified = possession::verify(signed, &may, &joining)?;
    verified.check(now)?;
    Ok(verified)
}

fn named_is(
    named: Digest,
    verified: &Verified<PeerOperation>,
    origin: &Origin,
) -> Result<(), Error> {
    let same = verified.document_digest() == named && verified.issuer == *origin;
    if same { Ok(()) } else { Err(Error::Document) }
}

fn manifested(next: &ReplayEntry, named: Digest, state: &PeerState) -> Result<PeerState, Error> {
    let at = next.entry.at;
    let signed = Signed::<PeerManifest>::parse(document(next)?)?;
    let verified = signed.verify(&|kid| state.keys.signing(kid, at), 1)?;
    if verified.document_digest() != named || verified.issuer != next.entry.origin {
        return Err(Error::Document);
    }
    let keys = verified.keys.iter().map(EnrolledKey::from).collect();
    Ok(state.stated(keys, verified.recovery_keys.clone(), at)?)
}

fn document(next: &ReplayEntry) -> Result<&[u8], Error> {
    next.document.as_deref().ok_or(Error::Document)
}
