//! The cursor of a search: the place where the next page begins, and its cluster epoch. It is not trusted: a made-up
//! cursor is a place like any other, and every hit from there is judged by what the caller sees.

use proto_types::{Handle, base64url};

use super::query::Query;

/// The format in the first cluster epoch. Another number is another format.
const VERSION: u8 = 1;

/// The format in a later epoch, which stands behind the head.
const VERSION_OF_EPOCH: u8 = 2;

/// Version, digest of the query, kind of place.
const HEAD: usize = 10;

/// An epoch and points.
const BEHIND_HEAD_MAX: usize = size_of::<u64>() + size_of::<u32>();

/// A handle, 0, and the byte of a kind; one more for "after it".
const DOC_BYTES_MAX: usize = Handle::LEN_MAX + 3;

/// A place in the order of a query's hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// From this entry key on, in the order of handles.
    From(Vec<u8>),
    /// After the entry with these points and this key, the most points first.
    After(u32, Vec<u8>),
}

/// The text of a place cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// It is none, or one of another query.
    #[error("it is not a cursor of this query")]
    Unread,
    /// The cluster was restored from a backup since, or before.
    #[error("it is of another cluster epoch: begin with the first page")]
    Epoch,
}

impl Place {
    /// The cursor in a cluster epoch: opaque to callers.
    pub(super) fn cursor(&self, query: &Query, epoch: u64) -> String {
        let mut bytes = vec![if epoch == 0 { VERSION } else { VERSION_OF_EPOCH }];
        bytes.extend_from_slice(&query.digest());
        bytes.push(u8::from(matches!(self, Self::After(..))));
        if epoch > 0 {
            bytes.extend_from_slice(&epoch.to_be_bytes());
        }
        match self {
            Self::From(doc) => bytes.extend_from_slice(doc),
            Self::After(points, doc) => {
                bytes.extend_from_slice(&points.to_be_bytes());
                bytes.extend_from_slice(doc);
            }
        }
        base64url::encode(&bytes)
    }

    /// Reads what [`Place::cursor`] wrote for this query in this cluster epoch.
    ///
    /// # Errors
    /// See [`CursorError`].
    pub(super) fn read(cursor: &str, query: &Query, epoch: u64) -> Result<Self, CursorError> {
        let (place, of) = Self::parse(cursor, query).ok_or(CursorError::Unread)?;
        if of == epoch { Ok(place) } else { Err(CursorError::Epoch) }
    }

    /// A place, and its cluster epoch.
    fn parse(cursor: &str, query: &Query) -> Option<(Self, u64)> {
        if cursor.len() > (HEAD + BEHIND_HEAD_MAX + DOC_BYTES_MAX) * 4 / 3 + 4 {
            return None;
        }
        let bytes = base64url::decode(cursor).ok()?;
        let (head, rest) = bytes.split_at_checked(HEAD)?;
        let (epoch, rest) = match head[0] {
            VERSION => (0, rest),
            VERSION_OF_EPOCH => {
                let (epoch, rest) = rest.split_first_chunk()?;
                (u64::from_be_bytes(*epoch), rest)
            }
            _ => return None,
        };
        if head[1..HEAD - 1] != query.digest() {
            return None;
        }
        let place = match (head[HEAD - 1], query.is_ranked()) {
            (0, false) => Self::From(rest.to_vec()),
            (1, true) => {
                let (points, doc) = rest.split_first_chunk()?;
                Self::After(u32::from_be_bytes(*points), doc.to_vec())
            }
            _ => return None,
        };
        Some((place, epoch))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::Source;

    #[test]
    fn a_cursor_is_read_by_its_own_query_and_in_its_own_epoch_only() {
        let plain = Query::default();
        let ranked = Query::default().text("a").unwrap();
        let from = Place::From(b"urn:a\x001".to_vec());
        let after = Place::After(7, b"urn:a\x001".to_vec());
        let other = Query::default().of(Source::Card);
        let longest = Place::After(u32::MAX, vec![b'h'; DOC_BYTES_MAX]);
        for epoch in [0, 1, u64::MAX] {
            let read = |place: &Place, of: &Query, by: &Query| {
                Place::read(&place.cursor(of, epoch), by, epoch)
            };
            assert_eq!(read(&from, &plain, &plain), Ok(from.clone()));
            assert_eq!(read(&after, &ranked, &ranked), Ok(after.clone()));
            assert_eq!(read(&longest, &ranked, &ranked), Ok(longest.clone()));
            assert_eq!(read(&from, &plain, &other), Err(CursorError::Unread));
            assert_eq!(read(&from, &ranked, &ranked), Err(CursorError::Unread), "another order");
            let made = from.cursor(&plain, epoch);
            assert_eq!(Place::read(&made, &plain, 7), Err(CursorError::Epoch));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_place(text in "[A-Za-z0-9_-]{0,2000}") {
            let _ = Place::read(&text, &Query::default(), 1);
        }
    }
}
