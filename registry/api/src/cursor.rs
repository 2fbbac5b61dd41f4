//! Cursors: the place where the next page of a list begins, over REST and gRPC alike. A cursor names the last entry, is
//! opaque outside, and counts for its own list and cluster epoch only. Callers can make one up, so it is a place in the
//! order and nothing more.

use std::str::FromStr;

use proto_types::base64url;

use crate::field;
use crate::problem::{Code, Problem};

/// Where cursors of the first cluster epoch begin; a later form takes another letter.
const VERSION: &str = "1";

/// Where cursors of a later epoch begin, which they name.
const VERSION_OF_EPOCH: &str = "2";

/// A list that is read by pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Records, by handle.
    Records,
    /// Cards, by handle.
    Cards,
    /// Agents, by handle.
    Agents,
    /// Namespaces, by name.
    Namespaces,
    /// Nodes, by id.
    Nodes,
    /// Gateways, by id.
    Gateways,
    /// Peers, by origin.
    Peers,
    /// Peers that wait to be let in, by origin and request.
    PeerRequests,
    /// Pilox instances with a token, by tenant key.
    Instances,
    /// Tasks of an owner, by the revision of their last change.
    Tasks,
    /// Dead letters, by target and the revision at which they became such.
    DeadLetters,
}

/// The cursors of a list in one cluster epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursors {
    list: List,
    epoch: u64,
}

// What cursors call them; a name is never to be given to another list.
proto_types::words!(List {
    Records = "records",
    Cards = "cards",
    Agents = "agents",
    Namespaces = "namespaces",
    Nodes = "nodes",
    Gateways = "gateways",
    Peers = "peers",
    PeerRequests = "peer-requests",
    Instances = "instances",
    Tasks = "tasks",
    DeadLetters = "dead-letters",
});

impl List {
    /// Its cursors in a cluster epoch.
    #[must_use]
    pub const fn of(self, epoch: u64) -> Cursors {
        Cursors { list: self, epoch }
    }
}

impl Cursors {
    /// The cursor after the entry of this name; empty if there is none.
    #[must_use]
    pub fn cursor(self, last: &str) -> String {
        if last.is_empty() {
            return String::new();
        }
        let name = self.list.as_str();
        let text = match self.epoch {
            0 => format!("{VERSION}{name}\0{last}"),
            epoch => format!("{VERSION_OF_EPOCH}{epoch}\0{name}\0{last}"),
        };
        base64url::encode(text.as_bytes())
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
    /// `invalid-argument` for what is no cursor of this list, `future-revision` for one of another cluster epoch: the
    /// pages before it were of another history.
    pub fn after<T: FromStr>(self, member: &str, cursor: &str) -> Result<Option<T>, Problem> {
        self.after_by(member, cursor, |name| name.parse().ok())
    }

    /// The same for entries that more than one word names.
    ///
    /// # Errors
    /// As [`Cursors::after`].
    pub fn after_by<T>(
        self,
        member: &str,
        cursor: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        if cursor.is_empty() {
            return Ok(None);
        }
        let no_cursor = || Problem::argument(member, "it is no cursor of this list");
        let bytes = base64url::decode(cursor).map_err(|_| no_cursor())?;
        let text = String::from_utf8(bytes).map_err(|_| no_cursor())?;
        let (epoch, place) = of_epoch(&text).ok_or_else(no_cursor)?;
        let (list, name) = place.split_once('\0').ok_or_else(no_cursor)?;
        let place = if list == self.list.as_str() { read(name) } else { None };
        let place = place.ok_or_else(no_cursor)?;
        match epoch == self.epoch {
            true => Ok(Some(place)),
            false => Err(restored(self.epoch)),
        }
    }
}

/// The cluster epoch of a cursor, and what follows it.
fn of_epoch(text: &str) -> Option<(u64, &str)> {
    match text.strip_prefix(VERSION) {
        Some(place) => Some((0, place)),
        None => {
            let (epoch, place) = text.strip_prefix(VERSION_OF_EPOCH)?.split_once('\0')?;
            Some((epoch.parse().ok()?, place))
        }
    }
}

fn restored(epoch: u64) -> Problem {
    let why = "the cursor is of another cluster epoch: begin with the first page";
    Problem::new(Code::FutureRevision, why).with("epoch", epoch)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::Handle;

    use super::*;

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        for made_by in List::ALL {
            let made = made_by.of(0).cursor("urn:a:1");
            for list in List::ALL {
                let read = list.of(0).after::<Handle>("after", &made);
                match list == made_by {
                    true => assert_eq!(read.unwrap().unwrap().as_str(), "urn:a:1"),
                    false => assert_eq!(read.unwrap_err().code(), Code::InvalidArgument),
                }
            }
        }
    }

    #[test]
    fn a_cursor_of_another_cluster_epoch_is_answered_with_where_to_start() {
        for (made_in, read_in) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
            let made = List::Records.of(made_in).cursor("urn:a:1");
            let own = List::Records.of(made_in).after::<Handle>("after", &made);
            assert_eq!(own.unwrap().unwrap().as_str(), "urn:a:1");
            let other = List::Records.of(read_in).after::<Handle>("after", &made).unwrap_err();
            assert_eq!((other.code(), other.status()), (Code::FutureRevision, 410));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused_and_none_is_the_first_page() {
        let blank = base64url::encode(b"1records\0a b");
        let later = base64url::encode(b"3records\0urn:a:1");
        let unnumbered = base64url::encode(b"2x\0records\0urn:a:1");
        let torn = base64url::encode(b"1records");
        for bad in ["urn:a:1", "====", " ", &blank, &later, &unnumbered, &torn] {
            let refused = List::Records.of(0).after::<Handle>("after", bad).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{bad}");
        }
        assert_eq!(List::Records.of(0).after::<Handle>("after", ""), Ok(None));
        assert_eq!(List::Records.of(0).cursor(""), "");
    }

    #[test]
    fn a_page_that_is_not_full_is_the_last() {
        let next = |limit| List::Nodes.of(0).next(&["a", "b"], limit, |name| name);
        assert_eq!(next(2), List::Nodes.of(0).cursor("b"));
        assert_eq!(next(3), "");
    }
}
