//! What survives a crash.
//!
//! It decides what of an unfinished sync is found afterwards: the vote alone, or the vote and a
//! prefix of the log (a torn tail). It must never lose what a finished sync had, unless it is broken
//! on purpose.

use std::rc::Rc;

use crate::breakage::Breakage;
use crate::consensus::{Hard, Recovered, Snapshot};
use crate::log::{Log, Position};
use crate::machine::Machine;

/// Everything a member keeps, at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) hard: Hard,
    pub(crate) log: Log,
    pub(crate) checkpoint: Rc<Snapshot>,
}

/// One member's disk.
#[derive(Debug)]
pub(crate) struct Disk {
    durable: Image,
    syncing: Option<Image>,
    /// No byte more fits.
    pub(crate) full: bool,
    breakage: Option<Breakage>,
}

impl Disk {
    pub(crate) fn new(breakage: Option<Breakage>) -> Self {
        let start = Snapshot { last: Position::default(), machine: Machine::new() };
        let checkpoint = Rc::new(start);
        let durable = Image { hard: Hard::default(), log: Log::default(), checkpoint };
        Self { durable, syncing: None, full: false, breakage }
    }

    /// The newest checkpoint that a crash leaves.
    pub(crate) fn checkpoint(&self) -> &Rc<Snapshot> {
        &self.durable.checkpoint
    }

    /// What is on disk, or on the way there.
    pub(crate) fn newest(&self) -> &Image {
        self.syncing.as_ref().unwrap_or(&self.durable)
    }

    pub(crate) fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// A sync begins; `false` if the disk is full.
    pub(crate) fn begin(&mut self, image: Image) -> bool {
        if !self.full {
            self.syncing = Some(image);
        }
        !self.full
    }

    /// The sync is over: all of it is safe.
    pub(crate) fn end(&mut self) {
        let Some(image) = self.syncing.take() else { return };
        // A checkpoint stands for the entries under it, so a lie must not tear the two apart.
        let keeps_checkpoint = Rc::ptr_eq(&image.checkpoint, &self.durable.checkpoint);
        if self.breakage == Some(Breakage::LyingSync) && keeps_checkpoint {
            return;
        }
        self.durable = image;
    }

    /// What is found after a crash.
    pub(crate) fn crash(&mut self, random: &mut fastrand::Rng) {
        let Some(image) = self.syncing.take() else { return };
        match random.u8(0..3) {
            0 => {}
            1 => self.durable.hard = image.hard,
            _ => self.tear(image, random),
        }
    }

    /// The vote is synced by itself, first; then the log is written front to back.
    fn tear(&mut self, image: Image, random: &mut fastrand::Rng) {
        let replaced = image.log.base().index > self.durable.checkpoint.last.index;
        let least = match replaced {
            true => image.log.base().index,
            false => self.durable.log.common(&image.log).max(image.log.base().index),
        };
        let mut log = image.log;
        log.truncate(random.u64(least..=log.last().index.max(least)));
        if replaced {
            self.durable.checkpoint = image.checkpoint;
        }
        self.durable.hard = image.hard;
        self.durable.log = log;
    }

    /// What a restart begins with.
    pub(crate) fn recover(&self) -> (Recovered, Machine) {
        let Image { hard, log, checkpoint } = &self.durable;
        let stands_for = checkpoint.last;
        // The state may be ahead of the log: a majority had the entries, this member not yet.
        let log = match log.last().index < stands_for.index {
            true => Log::after(stands_for),
            false => log.clone(),
        };
        let mut machine = checkpoint.machine.clone();
        if self.breakage == Some(Breakage::AppliedTwice) && stands_for.index > log.base().index {
            machine.applied.index -= 1;
        }
        (Recovered { hard: *hard, log, commit: stands_for.index }, machine)
    }
}
