//! What the key of a task in its owner's list says of it: all that a list is filtered by, so that no task is read for that. It
//! depends on its task alone.

use proto_types::{Revision, WallMs};

use crate::index;
use crate::layout::END;
use crate::view::{Pair, Read};

use super::entry::TaskEntry;

/// A task as its owner's list knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed<'t> {
    pub(crate) id: &'t str,
    pub(crate) agent: &'t str,
    pub(crate) context: &'t str,
    /// As [`TaskState::word`](super::entry::TaskState::word).
    pub(crate) state: &'t str,
    pub(crate) changed_at: WallMs,
    pub(crate) revision: Revision,
}

impl<'t> Listed<'t> {
    /// Of a task that was read.
    pub(crate) fn of(task: &'t TaskEntry) -> Self {
        Self {
            id: task.id.as_str(),
            agent: task.agent.as_str(),
            context: task.context.as_str(),
            state: task.state.word(),
            changed_at: task.changed_at,
            revision: task.revision,
        }
    }

    /// Of a key that was read, with its value.
    pub(crate) fn read(pair: &'t Pair) -> Read<Self> {
        parts(pair).ok_or_else(|| index::corrupt(&"not a task of a list"))
    }

    /// The value of its key: when it changed, and its words. The key has its revision.
    pub(crate) fn value(&self) -> Vec<u8> {
        let Self { id, agent, context, state, changed_at, revision: _ } = *self;
        let words = [id, agent, context, state].map(str::as_bytes).join(END);
        [&changed_at.0.to_be_bytes()[..], &words].concat()
    }
}

fn parts((key, value): &Pair) -> Option<Listed<'_>> {
    let newest_first = u64::from_be_bytes(*key.last_chunk::<8>()?);
    let (changed_at, words) = value.split_first_chunk::<8>()?;
    let mut words = std::str::from_utf8(words).ok()?.split('\0');
    let listed = Listed {
        id: words.next()?,
        agent: words.next()?,
        context: words.next()?,
        state: words.next()?,
        changed_at: WallMs(u64::from_be_bytes(*changed_at)),
        revision: Revision(u64::MAX - newest_first),
    };
    words.next().is_none().then_some(listed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_what_its_task_says_and_nothing_else_is_one() {
        let listed = Listed {
            id: "t1",
            agent: "urn:agent:echo",
            context: "c1",
            state: "pending",
            changed_at: WallMs(7),
            revision: Revision(9),
        };
        let pair = ((u64::MAX - 9).to_be_bytes().to_vec(), listed.value());
        assert_eq!(Listed::read(&pair).unwrap(), listed);
        let with = |value: &[u8]| Listed::read(&(pair.0.clone(), value.to_vec())).is_ok();
        let whole = pair.1.as_slice();
        assert!(with(whole));
        for wrong in
            [&b"t1"[..], &whole[..12], &[whole, b"\0"].concat(), &[whole, b"\xff"].concat()]
        {
            assert!(!with(wrong), "{wrong:?}");
        }
    }
}
