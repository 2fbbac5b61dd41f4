//! The keys and values under which the audit is stored.

use proto_types::Digest;
use proto_types::audit::start;

use crate::layout::Tag;
use crate::log::rows::{corrupt, numbers};
use crate::view::{Read, Space, View};

/// The audit's end.
pub(crate) const AUDIT_HEAD: Tag = Tag(17);
/// The lines of the audit by number.
pub(crate) const AUDIT: Tag = Tag(18);

/// The end of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// Lines there ever were.
    pub lines: u64,
    /// The digest of the last one; zeroes if there is none.
    pub digest: Digest,
    /// Of these, how many the transparency log knows of.
    pub anchored: u64,
    /// The first line that is kept.
    pub first: u64,
}

/// Where a line of the audit lies.
pub(crate) fn audit_key(seq: u64) -> Vec<u8> {
    AUDIT.key(&[&seq.to_be_bytes()])
}

/// Where the audit's end lies.
pub(crate) fn audit_head_key() -> Vec<u8> {
    AUDIT_HEAD.key(&[])
}

impl AuditHead {
    pub(crate) fn read(view: &dyn View) -> Read<Self> {
        let Some(value) = view.value(Space::State, &audit_head_key())? else {
            let digest = start();
            return Ok(Self { lines: 0, digest, anchored: 0, first: 1 });
        };
        let torn = || corrupt("audit head", "a digest and 3 numbers");
        let (digest, rest) = value.split_first_chunk::<32>().ok_or_else(torn)?;
        let [lines, anchored, first] = numbers(rest).ok_or_else(torn)?;
        Ok(Self { lines, digest: Digest(*digest), anchored, first })
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let numbers = [self.lines, self.anchored, self.first].map(u64::to_be_bytes).concat();
        [self.digest.as_bytes().as_slice(), &numbers].concat()
    }
}
