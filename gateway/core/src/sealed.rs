//! The ids of an attached agent's tasks and contexts, bound to the caller that may use them.
//!
//! Decides which id of the agent a caller means, and what the caller is told in its place. The agent knows one caller, the
//! gateway, and would show it every task: so whoever has an id must also be the one it was made for. Must never keep
//! anything, so that each gateway with the key opens what another has sealed, and never say why an id does not open.
//!
//! An id that is sealed is the base64url of 12 bytes of an HMAC-SHA-256 and of what it covers. Before that, the HMAC takes
//! what the id is for, the caller and the agent.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::{ContextId, Handle, TaskId, base64url};
use sha2::Sha256;

use crate::upstream::ReplicaTag;

/// What the caller shows for a task of the agent.
const TASK: &[u8] = b"ecumene/upstream/task/1\0";
/// What the caller shows for a context that the agent has named.
const CONTEXT: &[u8] = b"ecumene/upstream/context/1\0";
/// What the agent is shown for a context that the caller has named: two callers never meet in one.
const CHOSEN: &[u8] = b"ecumene/upstream/chosen/1\0";

/// 96 bits: each guess costs its caller a token, so that none hits.
const MAC_BYTES: usize = 12;

/// The secret that all gateways of one origin share.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

/// Seals and opens the ids of one caller at one agent.
#[derive(Clone)]
pub struct Sealer {
    keyed: Hmac<Sha256>,
    /// The caller and the agent.
    bound_to: Vec<u8>,
}

/// An id of the agent is so long that no id of ours can hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the agent has given an id that is too long")]
pub struct TooLong;

impl SealKey {
    /// A key of random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey")
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

impl Sealer {
    /// For the ids of this caller at this agent.
    #[must_use]
    pub fn new(key: &SealKey, owner: &str, handle: &Handle) -> Self {
        let keyed = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes a key of any length");
        let bound_to = [owner.as_bytes(), b"\0", handle.as_str().as_bytes(), b"\0"].concat();
        Self { keyed, bound_to }
    }

    /// The agent's id of the task that the caller names, and the replica that has given it; `None` if the caller was never
    /// given this id for this agent.
    #[must_use]
    pub fn task_in(&self, id: &str) -> Option<(ReplicaTag, String)> {
        let sealed = self.open(TASK, id)?;
        let (replica, id) = sealed.split_first_chunk::<4>()?;
        let id = std::str::from_utf8(id).ok()?;
        Some((ReplicaTag::from_bytes(*replica), id.to_owned()))
    }

    /// What the caller is told for a task of the agent.
    ///
    /// # Errors
    /// The id is too long.
    pub fn task_out(&self, replica: ReplicaTag, id: &str) -> Result<String, TooLong> {
        let sealed = self.seal(TASK, &[replica.as_bytes().as_slice(), id.as_bytes()].concat());
        if sealed.len() > TaskId::LEN_MAX { Err(TooLong) } else { Ok(sealed) }
    }

    /// What the agent is told for a context that the caller names: its own id, or else one that no other caller can name.
    #[must_use]
    pub fn context_in(&self, id: &str) -> String {
        let own = self.open(CONTEXT, id).and_then(|id| String::from_utf8(id).ok());
        own.unwrap_or_else(|| self.seal(CHOSEN, id.as_bytes()))
    }

    /// What the caller is told for a context that the agent names: what the caller has called it, or else one that opens
    /// for this caller alone.
    ///
    /// # Errors
    /// The id is too long.
    pub fn context_out(&self, id: &str) -> Result<String, TooLong> {
        let chosen = self.open(CHOSEN, id).and_then(|id| String::from_utf8(id).ok());
        if let Some(chosen) = chosen {
            return Ok(chosen);
        }
        let sealed = self.seal(CONTEXT, id.as_bytes());
        if sealed.len() > ContextId::LEN_MAX { Err(TooLong) } else { Ok(sealed) }
    }

    fn seal(&self, purpose: &[u8], covered: &[u8]) -> String {
        let mac = self.mac(purpose, covered).finalize().into_bytes();
        base64url::encode(&[&mac[..MAC_BYTES], covered].concat())
    }

    fn open(&self, purpose: &[u8], id: &str) -> Option<Vec<u8>> {
        let bytes = base64url::decode(id).ok()?;
        let (mac, covered) = bytes.split_at_checked(MAC_BYTES)?;
        // In constant time.
        self.mac(purpose, covered).verify_truncated_left(mac).ok()?;
        Some(covered.to_vec())
    }

    fn mac(&self, purpose: &[u8], covered: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(purpose);
        mac.update(&self.bound_to);
        mac.update(covered);
        mac
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REPLICA: ReplicaTag = ReplicaTag::from_bytes([1, 2, 3, 4]);

    fn sealer(key: u8, owner: &str, handle: &str) -> Sealer {
        Sealer::new(&SealKey::new([key; 32]), owner, &Handle::parse(handle).unwrap())
    }

    fn mine() -> Sealer {
        sealer(1, "https://a.example", "echo")
    }

    fn others() -> [Sealer; 4] {
        [
            sealer(2, "https://a.example", "echo"),
            sealer(1, "https://b.example", "echo"),
            sealer(1, "https://a.example", "echo2"),
            sealer(1, "https://a.exampl", "eecho"),
        ]
    }

    #[test]
    fn a_task_opens_for_its_caller_agent_and_key_alone() {
        let sealed = mine().task_out(REPLICA, "t1").unwrap();
        assert!(TaskId::parse(&sealed).is_ok());
        assert_eq!(mine().task_in(&sealed), Some((REPLICA, "t1".to_owned())));
        for other in others() {
            assert_eq!(other.task_in(&sealed), None);
        }
        assert_eq!(mine().task_in("t1"), None, "its bare id");
        let context = mine().context_out("t1").unwrap();
        assert_eq!(mine().task_in(&context), None, "another purpose");
    }

    #[test]
    fn a_context_of_the_agent_opens_for_its_caller_alone() {
        let sealed = mine().context_out("c1").unwrap();
        assert!(ContextId::parse(&sealed).is_ok());
        assert_eq!(mine().context_in(&sealed), "c1");
        for other in others() {
            assert_ne!(other.context_in(&sealed), "c1");
        }
    }

    #[test]
    fn two_callers_who_choose_one_context_do_not_meet_in_it() {
        let told = mine().context_in("c1");
        assert_eq!(mine().context_in("c1"), told, "the same each time");
        assert_eq!(mine().context_out(&told), Ok("c1".to_owned()));
        for other in others() {
            assert_ne!(other.context_in("c1"), told);
            assert_ne!(other.context_out(&told), Ok("c1".to_owned()));
        }
        // Nor does one who names what the agent calls it.
        assert_ne!(mine().context_in(&told), told);
    }

    #[test]
    fn an_id_that_no_id_of_ours_holds_is_refused() {
        assert!(mine().task_out(REPLICA, &"t".repeat(80)).is_ok());
        assert_eq!(mine().task_out(REPLICA, &"t".repeat(81)), Err(TooLong));
        assert!(mine().context_out(&"c".repeat(84)).is_ok());
        assert_eq!(mine().context_out(&"c".repeat(85)), Err(TooLong));
    }

    #[test]
    fn nothing_of_the_key_is_printed() {
        let printed = format!("{:?} {:?}", SealKey::new([7; 32]), mine());
        assert_eq!(printed, "SealKey Sealer");
    }

    proptest! {
        #[test]
        fn every_id_comes_back(id in "\\PC{0,20}", replica: [u8; 4]) {
            let replica = ReplicaTag::from_bytes(replica);
            let sealed = mine().task_out(replica, &id).unwrap();
            prop_assert_eq!(mine().task_in(&sealed), Some((replica, id.clone())));
            prop_assert_eq!(mine().context_in(&mine().context_out(&id).unwrap()), id.clone());
            prop_assert_eq!(mine().context_out(&mine().context_in(&id)), Ok(id));
        }

        #[test]
        fn what_was_not_sealed_opens_nothing(text in "[A-Za-z0-9_-]{0,200}", other in "\\PC{0,40}") {
            for text in [text, other] {
                prop_assert_eq!(mine().task_in(&text), None);
                prop_assert_eq!(mine().context_out(&mine().context_in(&text)), Ok(text));
            }
        }

        #[test]
        fn a_sealed_id_with_one_byte_changed_opens_nothing(at in 0_usize..16, bit in 0_u8..8) {
            let sealed = mine().task_out(REPLICA, "t1").unwrap();
            let mut bytes = base64url::decode(&sealed).unwrap();
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(mine().task_in(&base64url::encode(&bytes)), None);
        }
    }
}
