//! The keys and values under which the last signed head of each witnessed log is stored.

use proto_types::Digest;

use crate::layout::Tag;
use crate::log::rows::corrupt;
use crate::view::{Read, Space, View};

/// What was signed last, by the log's origin.
pub(crate) const WITNESSED: Tag = Tag(19);

/// A size and a root.
pub(crate) type Head = (u64, Digest);

/// Where lies what was signed last as another log's witness.
pub(crate) fn witnessed_key(origin: &str) -> Vec<u8> {
    WITNESSED.key(&[origin.as_bytes()])
}

/// What was signed last of this log, and of which cluster epoch. The epoch is absent where it is 0.
pub(crate) fn read(view: &dyn View, origin: &str) -> Read<Option<(Head, u64)>> {
    let Some(value) = view.value(Space::State, &witnessed_key(origin))? else { return Ok(None) };
    let torn = || corrupt("witnessed log", "a size, a root and an epoch");
    let (size, rest) = value.split_first_chunk::<8>().ok_or_else(torn)?;
    let (root, epoch) = rest.split_first_chunk::<32>().ok_or_else(torn)?;
    let epoch = match epoch {
        [] => 0,
        epoch => u64::from_be_bytes(epoch.try_into().map_err(|_| torn())?),
    };
    Ok(Some(((u64::from_be_bytes(*size), Digest(*root)), epoch)))
}
