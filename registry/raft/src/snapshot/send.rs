//! A snapshot as a stream of frames: the opening, then what is wanted of its files, in the order of the manifest.
//! It must never read ahead further than the channel holds.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use proto_wire::raft::v1::Frame;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::{Stored, Want};

/// One frame of file content. Arbitrary; large enough that its costs are those of its bytes.
const FRAME_BYTES: usize = 1 << 20;

/// Frames read ahead of the network.
const FRAMES_AHEAD: usize = 4;

/// Frames of what is wanted of `stored`, opened by `opening`. A file that cannot be read ends the stream early, and the receiver then
/// misses its bytes.
pub(crate) fn frames(
    stored: Arc<Stored>,
    opening: Vec<u8>,
    wanted: Vec<Want>,
) -> ReceiverStream<Frame> {
    let (sender, frames) = mpsc::channel(FRAMES_AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(cause) = pump(&stored, opening, &wanted, &sender) {
            tracing::warn!(%cause, "a snapshot was not sent to its end");
        }
    });
    ReceiverStream::new(frames)
}

fn pump(
    stored: &Stored,
    opening: Vec<u8>,
    wanted: &[Want],
    sender: &mpsc::Sender<Frame>,
) -> io::Result<()> {
    send(sender, Bytes::from(opening))?;
    for want in wanted {
        let piece = stored.manifest().files.get(want.file as usize);
        let piece = piece.ok_or_else(|| io::Error::other("a file is wanted that is not there"))?;
        let mut file = File::open(stored.database().join(&piece.name))?;
        file.seek(SeekFrom::Start(want.offset))?;
        let mut file = file.take(piece.bytes.saturating_sub(want.offset));
        loop {
            let mut body = Vec::with_capacity(FRAME_BYTES);
            if file.by_ref().take(FRAME_BYTES as u64).read_to_end(&mut body)? == 0 {
                break;
            }
            send(sender, Bytes::from(body))?;
        }
    }
    Ok(())
}

fn send(sender: &mpsc::Sender<Frame>, body: Bytes) -> io::Result<()> {
    sender.blocking_send(Frame { body }).map_err(|_| io::Error::other("the receiver has gone"))
}
