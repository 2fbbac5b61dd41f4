//! What the log of envelopes that nobody delivers tells.

use proto_types::Revision;
use registry_core::command::{Command, Compact};

use super::story::Story;
use crate::world::*;

const TARGET: &str = "https://target.example";

impl Story {
    /// Three envelopes that nobody can deliver: one is tried twice, one expires in its queue, and one is told to go. Two are
    /// replayed, one is dropped.
    pub(super) fn envelopes_die(&mut self) {
        let soon = self.now.plus_ms(MINUTE);
        self.say((1..=3).map(|name| kept_undelivered(enqueue(name, TARGET, soon))).collect());
        self.say(vec![lease(TARGET, 9), fail(1, TARGET, 1, 2), fail(3, TARGET, 1, 1)]);
        self.say(vec![fail(1, TARGET, 1, 2), lease(TARGET, 9), fail(1, TARGET, 2, 2)]);
        self.now = self.now.plus_ms(2 * MINUTE);
        self.say(vec![self.sweep()]);
        let (later, at_last) = (self.now.plus_ms(DAY), self.now.plus_ms(9 * DAY));
        self.say(vec![replay(1, later), drop_envelope(3), replay(2, later)]);
        self.say(vec![lease(TARGET, 1), ack(1, TARGET, 3)]);
        self.now = at_last;
        self.say(vec![self.sweep()]);
        self.now = self.now.plus_ms(8 * DAY);
        self.say(vec![self.sweep()]);
    }

    /// What is void is looked for, and little else.
    fn sweep(&self) -> Command {
        Command::Compact(Compact { changes_through: Revision(1), tasks_until: self.now })
    }
}
