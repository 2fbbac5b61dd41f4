//! Admission: what is reserved for tasks out of what was measured.
//!
//! Decides whether the node takes one more task. It is the authority: the registry only guesses.
//! Must never reserve a slot or a byte twice, and must never choose a class that the task did not
//! name.

use std::collections::{BTreeMap, BTreeSet};

use proto_types::TaskId;
use serde::{Deserialize, Serialize};

use crate::{Capacity, IsolationClass};

/// What a task asks of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The task.
    pub task: TaskId,
    /// The classes it accepts.
    pub isolation: BTreeSet<IsolationClass>,
    /// The memory it may use, in bytes.
    pub memory_bytes: u64,
}

/// What is reserved for a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reservation {
    /// Where it runs.
    pub class: IsolationClass,
    /// The memory it may use, in bytes.
    pub memory_bytes: u64,
}

/// Why a task is not taken. Another node, or this one later, may take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "refusal", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Refusal {
    /// The node takes nothing new.
    #[error("the node is draining")]
    Draining,
    /// None of the classes that the task accepts is offered here.
    #[error("the task accepts none of the isolation classes that this node offers")]
    Isolation,
    /// The task can never run here.
    #[error("{asked_bytes} bytes of memory asked, {offered_bytes} offered to all tasks together")]
    TooLarge {
        /// What it asks.
        asked_bytes: u64,
        /// What the node has when it is empty.
        offered_bytes: u64,
    },
    /// All slots are taken.
    #[error("all {slots} slots are taken")]
    Slots {
        /// How many there are.
        slots: u32,
    },
    /// Too little memory is free.
    #[error("{asked_bytes} bytes of memory asked, {free_bytes} free")]
    Memory {
        /// What it asks.
        asked_bytes: u64,
        /// What is free.
        free_bytes: u64,
    },
    /// The node holds this task already, under this epoch or an older one.
    #[error("the node still holds this task")]
    Held,
    /// The caller cancelled before the node had taken the task.
    #[error("the task was cancelled before it was taken")]
    Cancelled,
    /// The node could not write the task down.
    #[error("the node cannot write to its disk: {reason}")]
    Storage {
        /// What the machine said.
        reason: String,
    },
}

/// The reservations of one node.
#[derive(Debug, Clone)]
pub struct Reservations {
    offered: BTreeMap<IsolationClass, Capacity>,
    by_task: BTreeMap<TaskId, Reservation>,
    draining: bool,
}

impl Reservations {
    /// Reservations over what the drivers offer. Two offers of one class: the later stands.
    #[must_use]
    pub fn new(offered: impl IntoIterator<Item = Capacity>) -> Self {
        let offered = offered.into_iter().map(|capacity| (capacity.class, capacity)).collect();
        Self { offered, by_task: BTreeMap::new(), draining: false }
    }

    /// Reserves a slot and memory, in the cheapest class that the task accepts and that has room.
    ///
    /// # Errors
    /// Why not; the refusal of the last class that was tried.
    pub fn reserve(&mut self, request: &Request) -> Result<Reservation, Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        if self.by_task.contains_key(&request.task) {
            return Err(Refusal::Held);
        }
        let mut refused = Refusal::Isolation;
        for class in &request.isolation {
            match self.room(*class, request.memory_bytes) {
                Ok(reservation) => {
                    self.by_task.insert(request.task.clone(), reservation);
                    return Ok(reservation);
                }
                Err(Refusal::Isolation) => {}
                Err(refusal) => refused = refusal,
            }
        }
        Err(refused)
    }

    /// Takes a reservation back; `None` when there was none.
    pub fn release(&mut self, task: &TaskId) -> Option<Reservation> {
        self.by_task.remove(task)
    }

    /// Takes nothing new from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether [`Self::drain`] was called.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// How many tasks hold a reservation.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.by_task.len()
    }

    /// What is left of a class; `None` when it is not offered.
    #[must_use]
    pub fn free(&self, class: IsolationClass) -> Option<Capacity> {
        let offered = self.offered.get(&class)?;
        let held = self.by_task.values().filter(|reservation| reservation.class == class);
        let (slots, memory_bytes) = held.fold((0_u32, 0_u64), |(slots, bytes), reservation| {
            (slots.saturating_add(1), bytes.saturating_add(reservation.memory_bytes))
        });
        Some(Capacity {
            slots: offered.slots.saturating_sub(slots),
            memory_bytes: offered.memory_bytes.saturating_sub(memory_bytes),
            ..*offered
        })
    }

    /// What every class offers when the node is empty, cheapest first.
    pub fn offered(&self) -> impl Iterator<Item = &Capacity> {
        self.offered.values()
    }

    fn room(&self, class: IsolationClass, asked_bytes: u64) -> Result<Reservation, Refusal> {
        let (Some(offered), Some(free)) = (self.offered.get(&class), self.free(class)) else {
            return Err(Refusal::Isolation);
        };
        if asked_bytes > offered.memory_bytes {
            let offered_bytes = offered.memory_bytes;
            return Err(Refusal::TooLarge { asked_bytes, offered_bytes });
        }
        if free.slots == 0 {
            return Err(Refusal::Slots { slots: offered.slots });
        }
        if asked_bytes > free.memory_bytes {
            return Err(Refusal::Memory { asked_bytes, free_bytes: free.memory_bytes });
        }
        Ok(Reservation { class, memory_bytes: asked_bytes })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn offer(class: IsolationClass, slots: u32, memory_bytes: u64) -> Capacity {
        Capacity { class, slots, memory_bytes, runs_per_second: 1 }
    }

    fn request(task: u8, isolation: &[IsolationClass], memory_bytes: u64) -> Request {
        Request {
            task: TaskId::parse(&format!("t{task}")).unwrap(),
            isolation: isolation.iter().copied().collect(),
            memory_bytes,
        }
    }

    #[test]
    fn each_refusal_names_its_reason() {
        use IsolationClass::{VmHw, WasmProc};
        let mut reservations = Reservations::new([offer(WasmProc, 2, 100)]);
        let mut ask = |task, classes: &[_], bytes| {
            reservations.reserve(&request(task, classes, bytes)).map(drop)
        };
        assert_eq!(ask(1, &[VmHw], 1), Err(Refusal::Isolation));
        assert_eq!(ask(1, &[], 1), Err(Refusal::Isolation));
        assert_eq!(
            ask(1, &[WasmProc], 101),
            Err(Refusal::TooLarge { asked_bytes: 101, offered_bytes: 100 })
        );
        assert_eq!(ask(1, &[WasmProc, VmHw], 60), Ok(()));
        assert_eq!(ask(1, &[WasmProc], 1), Err(Refusal::Held));
        assert_eq!(
            ask(2, &[WasmProc], 41),
            Err(Refusal::Memory { asked_bytes: 41, free_bytes: 40 })
        );
        assert_eq!(ask(2, &[WasmProc], 40), Ok(()));
        assert_eq!(ask(3, &[WasmProc], 0), Err(Refusal::Slots { slots: 2 }));
        reservations.drain();
        assert_eq!(reservations.reserve(&request(4, &[WasmProc], 1)), Err(Refusal::Draining));
        assert_eq!(reservations.in_flight(), 2);
    }

    proptest! {
        #[test]
        fn nothing_is_reserved_twice_and_no_class_is_widened(
            steps in prop::collection::vec((0_u8..12, any::<bool>(), 0_u8..8, 0_u64..60), 0..200)
        ) {
            let classes = [IsolationClass::WasmProc, IsolationClass::VmEmulated, IsolationClass::VmHw];
            let offers = [offer(classes[0], 3, 100), offer(classes[2], 1, 50)];
            let mut reservations = Reservations::new(offers);
            for (task, release, mask, bytes) in steps {
                let accepted: Vec<_> = (0..3)
                    .filter(|bit| mask & (1 << bit) != 0)
                    .map(|bit| classes[bit])
                    .collect();
                let request = request(task, &accepted, bytes);
                if release {
                    reservations.release(&request.task);
                } else if let Ok(reservation) = reservations.reserve(&request) {
                    prop_assert!(request.isolation.contains(&reservation.class));
                }
                for offered in offers {
                    let held = reservations.by_task.values().filter(|held| held.class == offered.class);
                    let (slots, bytes) =
                        held.fold((0, 0), |(n, sum), held| (n + 1, sum + held.memory_bytes));
                    prop_assert!(slots <= offered.slots && bytes <= offered.memory_bytes);
                }
            }
        }
    }
}
