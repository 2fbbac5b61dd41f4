//! The message of a unary request and those of an answer, each behind its prefix (gRPC over HTTP/2,
//! "Length-Prefixed-Message").
//!
//! Decides that a request holds one message, whole and as it was written, and refuses any other as soon as that is seen. Must
//! never take a length from a prefix for how much there is.

use bytes::Bytes;
use gateway_core::params::fault;
use gateway_core::{BodyFault, CallError, Failure};

/// A byte that says whether it is compressed, and four with its length.
const PREFIX_BYTES: usize = 5;

/// Checks a request as far as it has come: it may be of so many bytes, with its prefix.
pub(super) fn check(read: &[u8], limit: u64) -> Result<(), Failure> {
    let Some((prefix, message)) = read.split_first_chunk::<PREFIX_BYTES>() else { return Ok(()) };
    let [flag, length @ ..] = *prefix;
    let stated = u64::from(u32::from_be_bytes(length));
    if flag != 0 {
        return Err(Failure::Body(BodyFault::Compressed));
    }
    if stated + PREFIX_BYTES as u64 > limit {
        return Err(Failure::Body(BodyFault::TooLarge { limit }));
    }
    if message.len() as u64 > stated { Err(broken()) } else { Ok(()) }
}

/// The message of a request.
pub(super) fn message(body: &[u8]) -> Result<&[u8], Failure> {
    let (prefix, message) = body.split_first_chunk::<PREFIX_BYTES>().ok_or_else(broken)?;
    let [flag, length @ ..] = *prefix;
    if flag != 0 {
        return Err(Failure::Body(BodyFault::Compressed));
    }
    let is_whole = usize::try_from(u32::from_be_bytes(length)) == Ok(message.len());
    if is_whole { Ok(message) } else { Err(broken()) }
}

fn broken() -> Failure {
    Failure::Call(CallError::Params(vec![fault("", "one message, of the length in its prefix")]))
}

/// A message of an answer that `write` appends; `None` if it does, or if the message is longer than a prefix can say.
pub(super) fn encode(write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<Bytes> {
    let mut framed = vec![0; PREFIX_BYTES];
    write(&mut framed)?;
    let length = u32::try_from(framed.len() - PREFIX_BYTES).ok()?;
    framed[1..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    Some(framed.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_whole_or_not_at_all() {
        let framed = encode(|out| {
            out.extend_from_slice(b"message");
            Some(())
        });
        let framed = framed.unwrap();
        assert_eq!(message(&framed).unwrap(), b"message");
        assert_eq!(message(&[0; 5]).unwrap(), b"");
        for cut in 0..framed.len() {
            assert_eq!(message(&framed[..cut]), Err(broken()), "{cut}");
        }
        for more in 1..8 {
            let long = [&framed[..], &vec![0; more][..]].concat();
            assert_eq!(message(&long), Err(broken()), "{more}");
        }
    }

    #[test]
    fn a_request_is_refused_at_the_first_byte_behind_its_message() {
        let framed = encode(|out| {
            out.extend_from_slice(b"message");
            Some(())
        });
        let framed = framed.unwrap();
        for come in 0..=framed.len() {
            assert_eq!(check(&framed[..come], 12), Ok(()), "{come}");
        }
        assert_eq!(check(&[&framed[..], &[0]].concat(), 1_024), Err(broken()), "a second one");
        assert_eq!(check(&framed[..5], 11), Err(Failure::Body(BodyFault::TooLarge { limit: 11 })));
        assert_eq!(
            check(&[0, 0xff, 0xff, 0xff, 0xff], 11),
            Err(Failure::Body(BodyFault::TooLarge { limit: 11 }))
        );
        assert_eq!(check(&[1, 0, 0, 0, 0], 12), Err(Failure::Body(BodyFault::Compressed)));
        assert_eq!(check(&[0; 6], 12), Err(broken()));
    }

    #[test]
    fn a_length_that_nothing_stands_behind_is_refused() {
        for length in [8_u32, 1 << 20, u32::MAX] {
            let hostile = [&[0][..], &length.to_be_bytes(), b"message"].concat();
            assert_eq!(message(&hostile), Err(broken()), "{length}");
        }
    }

    #[test]
    fn a_message_that_says_it_is_encoded_is_refused_as_that() {
        for flag in [1, 2, 0x80, 0xff] {
            assert_eq!(
                message(&[flag, 0, 0, 0, 0]),
                Err(Failure::Body(BodyFault::Compressed)),
                "{flag}"
            );
        }
        assert_eq!(encode(|_| None), None);
    }
}
