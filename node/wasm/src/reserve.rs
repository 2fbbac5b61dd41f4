//! How much of the host the pool takes.
//!
//! Decides what is given up where the host grants less address space than the pool would like: first the space around
//! each memory that makes bounds checks free, then slots. It asks the host by trying, since no figure that a host
//! states (limits of the process, overcommitment, the width of addresses) tells alone what it grants. Must never take
//! what the rest of the process needs to start.

use wasmtime::{Engine, Error};

use crate::runtime::StartError;
use crate::{Config, engine};

/// Kept free while the pool is made, for threads' stacks, heaps and what else runs in this process: with a registry and
/// a gateway beside the node that is hundreds of MiB of address space. Arbitrary.
const REST_BYTES: usize = 1 << 30;

/// What a pool takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Instances at the same time.
    pub(crate) slots: u32,
    /// Whether each memory has only the space that its instance may use. Guests run a little slower then.
    pub(crate) is_tight: bool,
}

/// The engine with the largest share that the host grants, and its slots.
pub(crate) fn engine(config: &Config) -> Result<(Engine, u32), StartError> {
    let mut refused = None;
    for share in shares(config.slots.max(1)) {
        match beside_the_rest(config, share) {
            Ok(engine) => return Ok((engine, share.slots)),
            Err(error) => refused = Some(error),
        }
    }
    // The least, without regard to anything else: the host may refuse to set aside what nobody uses.
    let last = engine::build(config, Share { slots: 1, is_tight: true });
    last.map(|engine| (engine, 1)).map_err(|error| StartError::AddressSpace {
        memory_mib: config.memory_bytes_max >> 20,
        source: refused.unwrap_or(error),
    })
}

/// From all that is asked for down to one slot.
fn shares(slots: u32) -> impl Iterator<Item = Share> {
    let fewer = std::iter::successors(Some(slots), |slots| (*slots > 1).then_some(slots / 2));
    let tight = fewer.map(|slots| Share { slots, is_tight: true });
    std::iter::once(Share { slots, is_tight: false }).chain(tight)
}

/// Makes the engine while the room for the rest of the process is taken.
fn beside_the_rest(config: &Config, share: Share) -> Result<Engine, Error> {
    let mut rest: Vec<u8> = Vec::new();
    rest.try_reserve_exact(REST_BYTES)?;
    // It is never touched, so it costs nothing; without this the compiler would leave it out.
    std::hint::black_box(&mut rest);
    engine::build(config, share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_given_up_before_slots_and_one_slot_is_the_least() {
        let shares: Vec<_> = shares(6).map(|share| (share.slots, share.is_tight)).collect();
        assert_eq!(shares, [(6, false), (6, true), (3, true), (1, true)]);
    }
}
