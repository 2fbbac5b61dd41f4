//! What the registry says of the task of a stream.
//!
//! Decides that it counts for the caller until it is told. Must never hold it read: that takes many times its bytes.

use deploy_service::Place;
use gateway_core::Failure;
use proto_types::{Full, TaskOwner};
use proto_wire::registry::v1 as wire;

use crate::waiting::Room;

use super::send;

/// What the registry was asked because it reported a change, or without that, and what it said.
pub(super) struct Lookup {
    pub(super) reported: bool,
    pub(super) found: Result<Found, Failure>,
}

pub(super) enum Found {
    Nothing,
    /// With room for all that was said and made in it.
    Task(Box<wire::Task>, Place<TaskOwner>),
    /// Its caller leaves so much unread that there is no room for it yet.
    Full(Full),
}

impl Lookup {
    pub(super) fn new(
        reported: bool,
        found: Result<Option<wire::Task>, Failure>,
        room: &Room,
    ) -> Self {
        let counted = |task: wire::Task| match room.take(send::bytes_of(&task)) {
            Ok(unread) => Found::Task(Box::new(task), unread),
            Err(full) => Found::Full(full),
        };
        Self { reported, found: found.map(|task| task.map_or(Found::Nothing, counted)) }
    }
}
