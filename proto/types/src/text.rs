//! Texts of people and programs: each kind is a type with a bound, checked once, when it is made or read.
//!
//! What is read from a log or a state is checked by the same rule: no version ever let a longer text of these kinds in, so
//! that nothing fails to be read. Only [`TraceParent`] is read as it is, and says why.

/// Why a text is not of its kind. It does not quote the text, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is empty, or too long.
    #[error("1 to {bytes_max} bytes are allowed")]
    Length {
        /// The greatest length.
        bytes_max: usize,
    },
    /// It would end a line, or steer a terminal.
    #[error("control characters are not allowed")]
    Control,
}

pub(crate) fn check(text: &str, bytes_max: usize) -> Result<(), Error> {
    if text.is_empty() || text.len() > bytes_max {
        return Err(Error::Length { bytes_max });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Control);
    }
    Ok(())
}

/// Types of texts, each with its greatest length in bytes, and how serde reads it.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident: $max:expr;)*) => {$(
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        $(#[$meta])*
        pub struct $name(String);

        impl $name {
            /// The greatest length, in bytes.
            pub const LEN_MAX: usize = $max;

            /// Checks and copies.
            ///
            /// # Errors
            /// It is empty, too long, or has control characters.
            pub fn parse(text: &str) -> Result<Self, $crate::text::Error> {
                $crate::text::check(text, Self::LEN_MAX)?;
                Ok(Self(text.to_owned()))
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::text::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                $crate::text::check(&text, Self::LEN_MAX)?;
                Ok(Self(text))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(crate) use texts;

texts! {
    /// The queue of an envelope's target: its origin or its handle, as long as the longest handle.
    #[serde(try_from = "String", into = "String")]
    QueueName: 512;

    /// Whose a task is: the name that its gateway has for the caller, of a peer its origin.
    #[serde(try_from = "String", into = "String")]
    TaskOwner: 512;

    /// What a node shows to a gateway with a task's events. Ours are 43 characters; there is some room.
    #[serde(try_from = "String", into = "String")]
    ReplySecret: 256;

    /// A W3C trace context: 55 bytes in version 00 (Trace Context, 3.2), and later versions may append.
    ///
    /// Earlier versions of ours let 256 bytes into the log, and refused more than 128 where they applied it. Such a log is
    /// still read, and [`TraceParent::is_too_long`] says what is to be refused again, so that a member that replays it
    /// decides as the others did.
    #[serde(transparent)]
    TraceParent: 128;
}

impl QueueName {
    /// The queue of the notifications of tasks. No handle and no origin has a blank, so that no envelope of a peer is for it,
    /// and none who names a target names it.
    pub const PUSH: &'static str = "push notifications";

    /// The queue of the notifications of tasks.
    #[must_use]
    pub fn push() -> Self {
        Self(Self::PUSH.to_owned())
    }

    /// Whether it is for gateways alone.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0 == Self::PUSH
    }
}

impl TaskOwner {
    /// What the names of those begin with who have shown nothing. They hold as one: another address costs nothing.
    pub const PUBLIC: &'static str = "public:";
}

impl TraceParent {
    /// Whether it is in a log alone: it was refused when that was applied.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.0.len() > Self::LEN_MAX
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bounded_and_has_no_control_characters() {
        let read = |text: &str| QueueName::parse(text).map(String::from);
        let length = Err(Error::Length { bytes_max: 512 });
        for text in ["", &"t".repeat(513), &"é".repeat(257)] {
            assert_eq!(read(text), length, "{text:?}");
        }
        for text in ["a\rb", "a\0", "\u{85}", "\u{7f}"] {
            assert_eq!(read(text), Err(Error::Control), "{text:?}");
        }
        for text in ["operator", "urn:a:b c", &"t".repeat(512)] {
            assert_eq!(read(text), Ok(text.to_owned()));
        }
    }

    #[test]
    fn no_handle_and_no_origin_is_the_name_of_the_reserved_queue() {
        assert_eq!(QueueName::parse(QueueName::PUSH), Ok(QueueName::push()));
        assert!(QueueName::push().is_reserved());
        assert!(crate::Handle::parse(QueueName::PUSH).is_err());
        assert!(crate::Origin::normalise(QueueName::PUSH).is_err());
        assert!(!QueueName::parse("push").unwrap().is_reserved());
    }

    #[test]
    fn a_text_keeps_its_bytes_and_is_checked_when_it_is_read() {
        let owner: TaskOwner = "operator".parse().unwrap();
        let written = rmp_serde::to_vec(&owner).unwrap();
        assert_eq!(written, rmp_serde::to_vec("operator").unwrap());
        assert_eq!(rmp_serde::from_slice::<TaskOwner>(&written).unwrap(), owner);
        assert!(rmp_serde::from_slice::<TaskOwner>(&rmp_serde::to_vec("").unwrap()).is_err());
    }

    #[test]
    fn a_trace_context_that_an_earlier_version_refused_is_read_and_known() {
        for (len, is_too_long) in [(55, false), (128, false), (129, true), (256, true)] {
            let text = "0".repeat(len);
            assert_eq!(TraceParent::parse(&text).is_err(), is_too_long, "{len}");
            let written = rmp_serde::to_vec(&text).unwrap();
            let read: TraceParent = rmp_serde::from_slice(&written).unwrap();
            assert_eq!((read.is_too_long(), read.as_str()), (is_too_long, text.as_str()));
            assert_eq!(rmp_serde::to_vec(&read).unwrap(), written);
        }
    }
}
