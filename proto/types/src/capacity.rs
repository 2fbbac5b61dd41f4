//! What a node offers and an agent accepts: runs at once, and isolation classes. Each is checked once, when it is made.
//!
//! Earlier versions let more into the log than they took when they applied it. Such a log is still read, and each type says
//! of itself what is to be refused again, so that a member that replays the log decides as the others did.

use serde::{Deserialize, Serialize};

use crate::text;

/// Runs at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slots(u32);

/// How well a running task is kept from the node and from other tasks, weakest and cheapest first.
///
/// A task names the set of classes that it accepts; nothing ever widens that set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationClass {
    /// A WASM instance in a worker process.
    WasmProc,
    /// A virtual machine whose processor is emulated, wholly or in kernel mode.
    VmEmulated,
    /// A virtual machine on hardware support that was timed, not merely found.
    VmHw,
}

crate::words!(IsolationClass {
    WasmProc = "wasm-proc",
    VmEmulated = "vm-emulated",
    VmHw = "vm-hw",
});

/// The isolation classes that a node has measured, or that an agent accepts; each is named once. Earlier versions took any
/// name for a class, so that one here may be no [`IsolationClass`]; the edge lets in no more of those.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IsolationSet(Vec<String>);

/// Why this is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More runs at once than any one machine does.
    #[error("at most {}", Slots::MAX)]
    Slots,
    /// No class, or more than there can be.
    #[error("1 to {} classes", IsolationSet::CLASSES_MAX)]
    Classes,
    /// A class is no name.
    #[error(transparent)]
    Class(#[from] text::Error),
    /// A class stands twice.
    #[error("a class is named twice")]
    Twice,
}

impl Slots {
    /// More runs at once than any one machine does; a scan of a node's tasks stays small.
    pub const MAX: u32 = 4_096;

    /// So many.
    ///
    /// # Errors
    /// They are more than [`Slots::MAX`].
    pub const fn new(slots: u32) -> Result<Self, Error> {
        if slots <= Self::MAX { Ok(Self(slots)) } else { Err(Error::Slots) }
    }

    /// How many.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Whether it is in a log alone: it was refused when that was applied.
    #[must_use]
    pub const fn is_too_many(self) -> bool {
        self.0 > Self::MAX
    }
}

impl IsolationSet {
    /// There are three classes today: in-process WebAssembly, an emulated VM, a VM on hardware.
    pub const CLASSES_MAX: usize = 8;

    /// The longest name of a class. Arbitrary.
    const CLASS_BYTES_MAX: usize = 64;

    /// Checks and copies, in this order.
    ///
    /// # Errors
    /// There is none, or there are too many; or one is no name, or stands twice.
    pub fn new<S: AsRef<str>>(classes: &[S]) -> Result<Self, Error> {
        let set = Self(classes.iter().map(|class| class.as_ref().to_owned()).collect());
        set.check().map(|()| set)
    }

    /// The classes in the order in which they were given.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        &self.0
    }

    /// Whether a class is in both.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().any(|class| other.0.contains(class))
    }

    /// Whether it is in a log alone: it was refused when that was applied.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.check().is_err()
    }

    fn check(&self) -> Result<(), Error> {
        if !(1..=Self::CLASSES_MAX).contains(&self.0.len()) {
            return Err(Error::Classes);
        }
        for (at, class) in self.0.iter().enumerate() {
            text::check(class, Self::CLASS_BYTES_MAX)?;
            if self.0.iter().take(at).any(|before| before == class) {
                return Err(Error::Twice);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_class_has_one_name_in_text_and_in_json() {
        for class in IsolationClass::ALL {
            assert_eq!(serde_json::to_value(class).unwrap(), class.as_str());
        }
    }

    #[test]
    fn a_set_has_one_to_eight_classes_each_once() {
        let many: Vec<String> = (0..9).map(|class| class.to_string()).collect();
        assert_eq!(IsolationSet::new(&many[..8]).unwrap().classes(), &many[..8]);
        assert_eq!(IsolationSet::new(&many), Err(Error::Classes));
        assert_eq!(IsolationSet::new::<&str>(&[]), Err(Error::Classes));
        assert_eq!(IsolationSet::new(&["a", "b", "a"]), Err(Error::Twice));
        for bad in ["", "a\n", &"a".repeat(65)] {
            assert!(matches!(IsolationSet::new(&[bad]), Err(Error::Class(_))), "{bad:?}");
        }
    }

    #[test]
    fn two_sets_meet_where_one_class_is_in_both() {
        let set = |classes: &[&str]| IsolationSet::new(classes).unwrap();
        let agent = set(&["vm-hw", "wasm-proc"]);
        assert!(agent.meets(&set(&["wasm-proc"])) && !agent.meets(&set(&["vm-emulated"])));
        assert!(!agent.meets(&IsolationSet::default()));
    }

    #[test]
    fn what_earlier_versions_let_into_the_log_is_read_and_known() {
        for (slots, is_too_many) in [(0, false), (4_096, false), (4_097, true), (65_536, true)] {
            assert_eq!(Slots::new(slots).is_err(), is_too_many, "{slots}");
            let stored = rmp_serde::to_vec(&slots).unwrap();
            let read: Slots = rmp_serde::from_slice(&stored).unwrap();
            assert_eq!((read.get(), read.is_too_many()), (slots, is_too_many));
            assert_eq!(rmp_serde::to_vec(&read).unwrap(), stored);
        }
        let sixteen: Vec<String> = (0..16).map(|class| class.to_string()).collect();
        for (classes, is_wrong) in
            [(vec!["a".to_owned()], false), (vec!["a".to_owned(); 2], true), (sixteen, true)]
        {
            let stored = rmp_serde::to_vec(&classes).unwrap();
            let read: IsolationSet = rmp_serde::from_slice(&stored).unwrap();
            assert_eq!(read.is_wrong(), is_wrong, "{classes:?}");
            assert_eq!(rmp_serde::to_vec(&read).unwrap(), stored);
        }
    }
}
