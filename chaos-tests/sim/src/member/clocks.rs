//! What a member knows of time, by `registry-core`'s timekeeper, which is under test here: the clocks of the others, and the
//! leader's word. It must never stamp with this member's own clock alone where there are others, unless it is broken on
//! purpose.

use proto_types::{MonoUs, WallMs};
use registry_core::query;

use crate::breakage::Breakage;
use crate::consensus::{ClockReport, Message};

use super::{Member, Now};

impl Member {
    /// Has the messages that come next say what time it is.
    pub(super) fn tell(&mut self, now: Now) {
        self.consensus.clocks = ClockReport { time: self.time(now), shows: now.wall };
    }

    /// Takes what a message says of time. A leader that is none any more is not believed.
    pub(super) fn hear(&mut self, now: Now, from: usize, message: &Message) {
        let at = MonoUs(now.at);
        match message {
            Message::Append { term, time: Some(time), .. } if *term >= self.consensus.hard.term => {
                self.keeper.follow(*time, at);
            }
            Message::Appended { shows, .. } => self.keeper.hear(from as u64, *shows, at),
            _ => {}
        }
    }

    /// What an entry is stamped with; none where this member does not lead, or knows too few clocks.
    pub(super) fn time(&mut self, now: Now) -> Option<WallMs> {
        if !self.consensus.is_leader() {
            return None;
        }
        if self.breakage == Some(Breakage::OneClock) {
            return Some(now.wall);
        }
        let (voters, own) = ((0..self.members as u64).collect(), (self.id as u64, now.wall));
        let state = self.states_time();
        self.keeper.stamp(&voters, own, state, MonoUs(now.at))
    }

    /// The time of the newest entry in the state.
    pub(super) fn states_time(&self) -> WallMs {
        query::clock(&self.machine.memory).expect("memory never fails")
    }
}
