//! Where the messages of a gRPC body begin and end.
//!
//! It decides that from lengths alone (gRPC over HTTP/2, "Length-Prefixed-Message"). It must never keep a byte of a
//! message.

/// A flag and a length.
const PREFIX: usize = 5;

/// The place in a body of length-prefixed messages.
#[derive(Debug, Default)]
pub(super) struct Framing {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that have come.
    have: usize,
    /// Bytes of the message that have not.
    left: u64,
    /// Messages that have come whole.
    whole: u64,
}

impl Framing {
    /// Goes on over the next bytes; true if a message begins in them.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) -> bool {
        let mut begins = false;
        while !bytes.is_empty() {
            if self.have < PREFIX {
                begins |= self.have == 0;
                let taken = bytes.len().min(PREFIX - self.have);
                self.prefix[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
                self.have += taken;
                bytes = &bytes[taken..];
                let [_, length @ ..] = self.prefix;
                self.left = u64::from(u32::from_be_bytes(length));
            } else {
                let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= taken as u64;
                bytes = &bytes[taken..];
            }
            if self.have == PREFIX && self.left == 0 {
                self.have = 0;
                self.whole += 1;
            }
        }
        begins
    }

    /// Whether at least one message has come and none is under way.
    pub(super) fn is_between(&self) -> bool {
        self.whole > 0 && self.have == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u8) -> Vec<u8> {
        let mut message = vec![0, 0, 0, 0, len];
        message.extend(std::iter::repeat_n(7, usize::from(len)));
        message
    }

    #[test]
    fn messages_are_told_apart_however_they_are_cut() {
        let body = [message(3), message(0), message(9)].concat();
        for size in 1..=body.len() {
            let mut framing = Framing::default();
            assert!(!framing.is_between(), "nothing has come");
            let begun = body.chunks(size).filter(|piece| framing.advance(piece)).count();
            assert!(framing.is_between() && framing.whole == 3, "{size}");
            assert!((1..=3).contains(&begun), "{size}");
        }
    }

    #[test]
    fn a_message_under_way_is_not_between_two() {
        let mut framing = Framing::default();
        assert!(framing.advance(&message(2)));
        assert!(framing.is_between());
        assert!(framing.advance(&[0, 0]) && !framing.is_between());
        assert!(!framing.advance(&[0, 0, 1]) && !framing.is_between());
        assert!(!framing.advance(&[1]) && framing.is_between());
    }
}
