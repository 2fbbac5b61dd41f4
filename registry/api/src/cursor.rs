//! Cursors: where the next page of a list begins, as callers are told it.
//!
//! It decides what a cursor looks like, over REST and gRPC alike: the name of the last entry inside,
//! opaque outside, good for its own list only. It must never let what a cursor holds be taken unread:
//! callers can make one up, so it names a place in the order and nothing more.

use std::str::FromStr;

use proto_types::base64url;

use crate::field;
use crate::problem::Problem;

/// Where cursors of this spelling begin; a later spelling takes another letter.
const VERSION: &str = "1";

/// A list that is read by pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Records, by handle.
    Records,
    /// Cards, by handle.
    Cards,
    /// Hosted agents, by handle.
    Agents,
    /// Namespaces, by name.
    Namespaces,
    /// Nodes, by id.
    Nodes,
    /// Peers, by origin.
    Peers,
    /// Peers that wait to be let in, by origin and request.
    PeerRequests,
    /// Pilox instances with a token, by tenant key.
    Instances,
}

impl List {
    /// Every list.
    pub const ALL: [Self; 8] = [
        Self::Records,
        Self::Cards,
        Self::Agents,
        Self::Namespaces,
        Self::Nodes,
        Self::Peers,
        Self::PeerRequests,
        Self::Instances,
    ];

    /// The cursor after the entry of this name; empty if there is none.
    #[must_use]
    pub fn cursor(self, last: &str) -> String {
        match last {
            "" => String::new(),
            _ => base64url::encode(format!("{VERSION}{}\0{last}", self.name()).as_bytes()),
        }
    }

    /// The cursor of the page after this one; empty at the end.
    #[must_use]
    pub fn next<T>(self, page: &[T], limit: usize, name: impl Fn(&T) -> &str) -> String {
        self.cursor(&field::next(page, limit, name))
    }

    /// The entry after which a page begins; an empty cursor asks for the first page. `member` is
    /// what the request calls its cursor.
    ///
    /// # Errors
    /// `invalid-argument` for what is no cursor of this list.
    pub fn after<T: FromStr>(self, member: &str, cursor: &str) -> Result<Option<T>, Problem> {
        self.after_by(member, cursor, |name| name.parse().ok())
    }

    /// The same for entries that more than one word names.
    ///
    /// # Errors
    /// As [`List::after`].
    pub fn after_by<T>(
        self,
        member: &str,
        cursor: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        if cursor.is_empty() {
            return Ok(None);
        }
        let place = || {
            let text = String::from_utf8(base64url::decode(cursor).ok()?).ok()?;
            let (list, name) = text.strip_prefix(VERSION)?.split_once('\0')?;
            if list == self.name() { read(name) } else { None }
        };
        let no_cursor = || Problem::argument(member, "it is no cursor of this list");
        place().map(Some).ok_or_else(no_cursor)
    }

    /// What cursors call it; never to be given to another list.
    const fn name(self) -> &'static str {
        match self {
            Self::Records => "records",
            Self::Cards => "cards",
            Self::Agents => "agents",
            Self::Namespaces => "namespaces",
            Self::Nodes => "nodes",
            Self::Peers => "peers",
            Self::PeerRequests => "peer-requests",
            Self::Instances => "instances",
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Handle;

    use super::*;
    use crate::problem::Code;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        for made_by in List::ALL {
            let made = made_by.cursor("urn:a:1");
            for list in List::ALL {
                let read = list.after::<Handle>("after", &made);
                match list == made_by {
                    true => assert_eq!(read.unwrap().unwrap().as_str(), "urn:a:1"),
                    false => assert_eq!(read.unwrap_err().code(), Code::InvalidArgument),
                }
            }
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused_and_none_is_the_first_page() {
        let blank = base64url::encode(b"1records\0a b");
        let later = base64url::encode(b"2records\0urn:a:1");
        let torn = base64url::encode(b"1records");
        for bad in ["urn:a:1", "====", " ", &blank, &later, &torn] {
            let refused = List::Records.after::<Handle>("after", bad).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{bad}");
        }
        assert_eq!(List::Records.after::<Handle>("after", ""), Ok(None));
        assert_eq!(List::Records.cursor(""), "");
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let next = |limit| List::Nodes.next(&["a", "b"], limit, |name| name);
        assert_eq!(next(2), List::Nodes.cursor("b"));
        assert_eq!(next(3), "");
    }
}
