//! Where the next page begins.
//! It decides how a place is written down; it must never be trusted: a made-up cursor is a place like any other, and
//! what is found from there is judged with the caller's eyes.

use proto_types::{Handle, base64url};

use super::query::Query;

/// The format. Another number is another format.
const VERSION: u8 = 1;

/// Version, digest of the query, kind of place.
const HEAD: usize = 10;

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
#[error("it is not a cursor of this query")]
pub struct CursorError;

impl Place {
    /// The cursor: opaque to callers.
    pub(super) fn cursor(&self, query: &Query) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&query.digest());
        match self {
            Self::From(doc) => {
                bytes.push(0);
                bytes.extend_from_slice(doc);
            }
            Self::After(points, doc) => {
                bytes.push(1);
                bytes.extend_from_slice(&points.to_be_bytes());
                bytes.extend_from_slice(doc);
            }
        }
        base64url::encode(&bytes)
    }

    /// Reads what [`Place::cursor`] wrote for this query.
    ///
    /// # Errors
    /// It is none, or one of another query.
    pub(super) fn read(cursor: &str, query: &Query) -> Result<Self, CursorError> {
        if cursor.len() > (HEAD + size_of::<u32>() + DOC_BYTES_MAX) * 4 / 3 + 4 {
            return Err(CursorError);
        }
        let bytes = base64url::decode(cursor).map_err(|_| CursorError)?;
        let (head, rest) = bytes.split_at_checked(HEAD).ok_or(CursorError)?;
        if head[0] != VERSION || head[1..HEAD - 1] != query.digest() {
            return Err(CursorError);
        }
        match (head[HEAD - 1], query.is_ranked()) {
            (0, false) => Ok(Self::From(rest.to_vec())),
            (1, true) => {
                let (points, doc) = rest.split_first_chunk().ok_or(CursorError)?;
                Ok(Self::After(u32::from_be_bytes(*points), doc.to_vec()))
            }
            _ => Err(CursorError),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::entry::Source;

    #[test]
    fn a_cursor_is_read_by_its_own_query_only() {
        let plain = Query::default();
        let ranked = Query::default().text("a").unwrap();
        let from = Place::From(b"urn:a\x001".to_vec());
        let after = Place::After(7, b"urn:a\x001".to_vec());
        assert_eq!(Place::read(&from.cursor(&plain), &plain), Ok(from.clone()));
        assert_eq!(Place::read(&after.cursor(&ranked), &ranked), Ok(after));
        let other = Query::default().of(Source::Card);
        assert_eq!(Place::read(&from.cursor(&plain), &other), Err(CursorError));
        assert_eq!(Place::read(&from.cursor(&ranked), &ranked), Err(CursorError), "another order");
        let longest = Place::After(u32::MAX, vec![b'h'; DOC_BYTES_MAX]);
        assert_eq!(Place::read(&longest.cursor(&ranked), &ranked), Ok(longest));
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_a_place(text in "[A-Za-z0-9_-]{0,2000}") {
            let _ = Place::read(&text, &Query::default());
        }
    }
}
