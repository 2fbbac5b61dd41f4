//! What goes wrong, and when.
//!
//! It decides faults by chance alone, so that the seed is the whole story. It must never leave a
//! world without a way back: everything it does is undone when the faults end.

use crate::time::Us;

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A member dies and comes back after this long.
    Crash { member: usize, down: Us },
    /// Every member dies at once.
    CrashAll { down: Us },
    /// The leader dies.
    CrashLeader { down: Us },
    /// A member hears and says nothing for this long, then goes on as if no time had passed.
    Pause { member: usize, pause: Us },
    /// One member is cut off from the others, not from the clients.
    Isolate { member: usize },
    /// The leader is cut off from the others.
    IsolateLeader,
    /// One direction between two members is cut.
    OneWay { from: usize, to: usize },
    /// Messages are lost and repeated, so many in a thousand.
    Lossy { loss: u16, repetition: u16 },
    /// The network is well again.
    Heal,
    /// A member's clock jumps, in ms.
    Clock { member: usize, by_ms: i64 },
    /// A member's disk is full for this long.
    DiskFull { member: usize, full: Us },
    /// A member's syncs take this much longer.
    SlowDisk { member: usize, by: Us },
}

/// What comes next, and how long after the one before.
pub(crate) fn next(members: usize, random: &mut fastrand::Rng) -> (Us, Fault) {
    let member = random.usize(0..members);
    let down = random.u64(20_000..400_000);
    let fault = match random.u8(0..100) {
        0..14 => Fault::Crash { member, down },
        14..26 => Fault::CrashLeader { down },
        26..32 => Fault::CrashAll { down },
        32..42 => Fault::Pause { member, pause: down },
        42..50 => Fault::Isolate { member },
        50..58 => Fault::IsolateLeader,
        58..66 => Fault::OneWay { from: member, to: (member + 1) % members },
        66..72 => Fault::Lossy { loss: random.u16(0..200), repetition: random.u16(0..200) },
        72..86 => Fault::Heal,
        86..91 => Fault::Clock { member, by_ms: jump(random) },
        91..96 => Fault::DiskFull { member, full: down },
        _ => Fault::SlowDisk { member, by: random.u64(0..60_000) },
    };
    (random.u64(10_000..160_000), fault)
}

/// Seconds, as clocks are set, or an hour, as they are set wrong.
fn jump(random: &mut fastrand::Rng) -> i64 {
    const HOUR_MS: i64 = 3_600_000;
    match random.u8(0..10) {
        0..3 => HOUR_MS,
        3..6 => -HOUR_MS,
        _ => random.i64(-3_000..3_000),
    }
}
