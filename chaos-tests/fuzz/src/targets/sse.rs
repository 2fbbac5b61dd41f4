//! The stream of events of an upstream: it says the same wherever its chunks end.

use gateway_server::fuzzing::{Events, events};

use crate::fixtures::choice;

/// For an event. Arbitrary: bytes that are found by chance have to reach it.
const BYTES_MAX: usize = 256;

pub(crate) fn run(bytes: &[u8]) {
    let (size, stream) = choice(bytes);
    let whole = events([stream], BYTES_MAX);
    assert_eq!(events(stream.chunks(size.max(1)), BYTES_MAX), whole);
    assert_eq!(events(stream.chunks(1), BYTES_MAX), whole);
    for data in &whole.data {
        assert!((1..=BYTES_MAX).contains(&data.len()) && !data.contains(&b'\r'));
    }
    // Each line of data behind its name: they are the same events.
    let printed: Vec<u8> = whole.data.iter().flat_map(|data| printed(data)).collect();
    let again = Events { data: whole.data, ..Events::default() };
    assert_eq!(events([printed.as_slice()], usize::MAX), again);
}

fn printed(data: &[u8]) -> Vec<u8> {
    let lines = data.split(|byte| *byte == b'\n');
    let mut printed: Vec<u8> = lines.flat_map(|line| [b"data: ", line, b"\n"].concat()).collect();
    printed.push(b'\n');
    printed
}
