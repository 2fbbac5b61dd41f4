//! A check of all bodies: each is stored under its own digest.

use proto_types::Digest;

use crate::report::{Report, each, hex};
use crate::view::{Read, Space, View};

/// Bodies read at a time: each can be 1 MiB.
const BODIES_PAGE: usize = 32;

/// Bytes lie under their own digest.
pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    each(view, Space::Bodies, BODIES_PAGE, &mut |key, value| {
        report.saw("bodies", 1);
        if key != Digest::of(value).as_bytes() {
            report.fault(format_args!("the bytes under {} have another digest", hex(key)));
        }
        Ok(())
    })
}
