//! Reads of the state's time.

use proto_types::WallMs;

use crate::counter;
use crate::view::{Read, View};

/// The state machine's time.
pub fn clock(view: &dyn View) -> Read<WallMs> {
    counter::read(view, counter::CLOCK).map(WallMs)
}
