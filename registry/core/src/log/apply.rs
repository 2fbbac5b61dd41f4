//! The growth of the transparency log: what an accepted proposal has changed becomes leaves, in a fixed order. A refused
//! proposal adds nothing, and a key of the tree is written once for a log entry.

use proto_types::{WallMs, tlog};

use crate::change::Reply;
use crate::draft::{Draft, Outcome};
use crate::leaf::Leaf;
use crate::view::{Read, Space, View, Write};

use super::command::OpenLog;
use super::rows::{Log, Place, log_key, place_key, row_key};

/// The log while a batch is decided.
pub(crate) struct LogAppender {
    log: Log,
    writes: Vec<Write>,
}

/// Opens the log; repeating it changes nothing, whatever the seed.
pub(crate) fn open(draft: &mut Draft<'_>, command: &OpenLog) -> Outcome {
    if Log::read(draft.view())?.is_none() {
        let log = Log { seed: command.seed, frontier: tlog::Frontier::default() };
        draft.write(Write::Put { space: Space::State, key: log_key(), value: log.to_bytes() });
    }
    Ok(Reply::Done(draft.revision()))
}

impl LogAppender {
    /// The log as the batch finds it, if it is open.
    pub(crate) fn load(view: &dyn View) -> Read<Option<Self>> {
        Ok(Log::read(view)?.map(|log| Self { log, writes: Vec::new() }))
    }

    pub(crate) fn append(&mut self, leaf: Leaf, now: WallMs) {
        let index = self.log.frontier.size();
        let entry = match leaf {
            Leaf::Audit(lines, head) => tlog::audit_entry(lines, &head),
            Leaf::Fact(mut fact) => {
                fact.at_ms = now.0;
                let place = Place { index, at: now };
                self.put(Space::State, place_key(&fact.kind, &fact.id), place.to_bytes());
                fact.entry(&tlog::salt(&self.log.seed, index))
            }
        };
        let writes = &mut self.writes;
        self.log.frontier.append(tlog::leaf_hash(&entry), |level, index, hash| {
            let (key, value) = (row_key(level, index), hash.0.to_vec());
            writes.push(Write::Put { space: Space::Tiles, key, value });
        });
        self.put(Space::Tiles, row_key(0, index), entry);
    }

    /// The writes of all that was appended.
    pub(crate) fn into_writes(mut self) -> Vec<Write> {
        if !self.writes.is_empty() {
            self.put(Space::State, log_key(), self.log.to_bytes());
        }
        self.writes
    }

    fn put(&mut self, space: Space, key: Vec<u8>, value: Vec<u8>) {
        self.writes.push(Write::Put { space, key, value });
    }
}
