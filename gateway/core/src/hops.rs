//! Where a call that is handed on has been, and on whose behalf it is made.
//!
//! Decides when a call goes no further: where it has passed this gateway before, or too many. Must never believe whom a caller
//! names that is no peer, nor take a name for more than what it is: who may call is decided by the credential alone.

use std::fmt;

use proto_types::Origin;

use crate::caller::{Caller, CallerKind};
use crate::errors::Failure;
use crate::params::fault;

/// The header with the gateways that a call has passed: their origins, with commas between them.
pub const HOPS: &str = "ecumene-hops";
/// The header with whom a call is made for: the names of callers, with commas between them.
pub const ACTOR: &str = "ecumene-actor";

/// The most gateways that can be configured, and the most entries that are read. Arbitrary.
pub const HOPS_MAX: usize = 32;

/// The longest name, each of its bytes escaped.
const NAME_LEN_MAX: usize = 3 * 512;

/// The gateways that a call has passed, the first one first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hops(Vec<Origin>);

/// Whom a call is made for: who has begun it first, and its caller last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actors(Vec<String>);

impl Hops {
    /// Reads the lines of the header, of which there may be none. Whoever writes a false one keeps its own call from going on.
    ///
    /// # Errors
    /// They are no list of origins.
    pub fn parse<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Result<Self, Failure> {
        let origins = entries(lines).and_then(|entries| {
            let origins = entries.into_iter().map(|entry| Origin::parse(entry).ok());
            origins.collect::<Option<Vec<_>>>()
        });
        let must_be = "at most 32 origins in their normal form, with commas between them";
        origins.map(Self).ok_or_else(|| Failure::Argument(vec![fault("/ecumene-hops", must_be)]))
    }

    /// The same with this gateway, which hands the call on: one of at most so many.
    ///
    /// # Errors
    /// [`Failure::LoopDetected`]: it was here before, or it has passed as many already.
    pub fn through(mut self, own: &Origin, most: usize) -> Result<Self, Failure> {
        if self.0.len() >= most || self.0.contains(own) {
            return Err(Failure::LoopDetected);
        }
        self.0.push(own.clone());
        Ok(self)
    }

    /// The gateways, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter()
    }
}

impl Actors {
    /// The caller, and before it whom it names in the lines of the header, if it is a peer.
    ///
    /// # Errors
    /// It is a peer, and they are no list of names.
    pub fn of<'l>(
        caller: &Caller,
        lines: impl IntoIterator<Item = &'l [u8]>,
    ) -> Result<Self, Failure> {
        let mut names = match caller.kind() {
            CallerKind::Peer => named(lines)?,
            _ => Vec::new(),
        };
        names.push(written(caller.as_str()));
        Ok(Self(names))
    }
}

fn named<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Result<Vec<String>, Failure> {
    let is_name = |entry: &&str| {
        entry.len() <= NAME_LEN_MAX && entry.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let names = entries(lines).filter(|entries| entries.iter().all(is_name));
    let must_be = "at most 32 names of visible ASCII, with commas between them";
    let names = names.ok_or_else(|| Failure::Argument(vec![fault("/ecumene-actor", must_be)]))?;
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// The entries of a list in one or several lines (RFC 9110, section 5.6.1), if there are not too many.
fn entries<'l>(lines: impl IntoIterator<Item = &'l [u8]>) -> Option<Vec<&'l str>> {
    let mut entries = Vec::new();
    for line in lines {
        let line = std::str::from_utf8(line).ok()?;
        let said = line.split(',').map(|entry| entry.trim_matches([' ', '\t']));
        entries.extend(said.filter(|entry| !entry.is_empty()));
        if entries.len() > HOPS_MAX {
            return None;
        }
    }
    Some(entries)
}

/// A name as an entry: what would end it, and what is no visible ASCII, is escaped as in a URL.
fn written(name: &str) -> String {
    let mut written = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte.is_ascii_graphic() && !b",%".contains(&byte) {
            true => written.push(char::from(byte)),
            false => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}

impl fmt::Display for Hops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins: Vec<&str> = self.0.iter().map(Origin::as_str).collect();
        f.write_str(&origins.join(", "))
    }
}

impl fmt::Display for Actors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Digest, TaskOwner};

    use super::*;
    use crate::caller::ClientId;

    fn origin(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
    }

    fn hops(lines: &[&str]) -> Result<Hops, Failure> {
        Hops::parse(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn a_call_that_is_handed_on_says_where_it_was_and_never_comes_twice() {
        let first = hops(&[]).unwrap().through(&origin("a"), 8).unwrap();
        assert_eq!(first.to_string(), "https://a.example");
        let second = hops(&[first.to_string().as_str()]).unwrap().through(&origin("b"), 8).unwrap();
        assert_eq!(second.to_string(), "https://a.example, https://b.example");
        let lines = ["https://a.example", " ,https://b.example,\t"];
        assert_eq!(hops(&lines), Ok(second.clone()), "in several lines too");
        for own in ["a", "b"] {
            assert_eq!(second.clone().through(&origin(own), 8), Err(Failure::LoopDetected));
        }
    }

    #[test]
    fn a_call_passes_so_many_gateways_and_no_more() {
        let mut passed = Hops::default();
        for at in 0..8 {
            passed = passed.through(&origin(&format!("g{at}")), 8).unwrap();
        }
        assert_eq!(passed.clone().through(&origin("g8"), 8), Err(Failure::LoopDetected));
        assert!(passed.through(&origin("g8"), 9).is_ok());
    }

    #[test]
    fn what_is_no_list_of_origins_is_refused() {
        let many = vec!["https://a.example"; HOPS_MAX + 1].join(",");
        for line in ["a.example", "https://a.example/x", "HTTPS://a.example", "-", many.as_str()] {
            assert!(matches!(hops(&[line]), Err(Failure::Argument(_))), "{line}");
        }
        assert!(matches!(Hops::parse([&b"\xff"[..]]), Err(Failure::Argument(_))));
    }

    #[test]
    fn whom_a_peer_names_is_told_and_whom_anybody_else_names_is_not() {
        let said = [&b"user:me, key:ci"[..]];
        let peer = Caller::sharing(origin("a"));
        let told = Actors::of(&peer, said).unwrap().to_string();
        assert_eq!(told, format!("user:me, key:ci, {}", peer.as_str()));
        let owner = TaskOwner::parse("key:a,b%\u{e9}").unwrap();
        let client = Caller::client(owner, ClientId::ApiKey(Digest::of(b"k")));
        assert_eq!(Actors::of(&client, said).unwrap().to_string(), "key:a%2Cb%25%C3%A9");
        let long = "x".repeat(NAME_LEN_MAX + 1);
        for said in ["a b", "\u{e9}", long.as_str()] {
            let told = Actors::of(&peer, [said.as_bytes()]);
            assert!(matches!(told, Err(Failure::Argument(_))), "{said}");
            assert!(Actors::of(&client, [said.as_bytes()]).is_ok(), "it is not read: {said}");
        }
    }
}
