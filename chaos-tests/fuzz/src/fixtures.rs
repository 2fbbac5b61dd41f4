//! Whom the targets know: a peer with its key, ourselves, and the time.
//!
//! It must never draw anything at random: what breaks a target has to break it again.

use std::sync::LazyLock;

use gateway_core::form::Form;
use gateway_core::peers::{Key, Peer, Peers};
use proto_types::{Kid, Origin, Revision, SecretKey, WallMs};

/// Each form of A2A in JSON.
pub(crate) const FORMS: [Form; 3] = [Form::V10, Form::V03JsonRpc, Form::V03HttpJson];

/// The time of the vectors of Pilox, so that their tokens are good.
pub(crate) const NOW: WallMs = WallMs(1_774_008_000_000);

/// Who is called.
pub(crate) static OURSELVES: LazyLock<Origin> = LazyLock::new(|| origin("https://b.example"));

/// Those who may call.
pub(crate) static PEERS: LazyLock<Peers> = LazyLock::new(|| {
    let mut peers = Peers::default();
    let keys = vec![Key::new(kid(), secret().public())];
    peers.put(Peer::new(origin("https://a.example"), true, keys, Revision(1)));
    peers
});

/// The key of the peer.
pub(crate) fn secret() -> SecretKey {
    SecretKey::from_seed(&[7; 32])
}

/// Its name.
pub(crate) fn kid() -> Kid {
    Kid::parse("k1").expect("two visible characters")
}

/// An origin in its normal form.
pub(crate) fn origin(text: &str) -> Origin {
    Origin::parse(text).expect("the targets name origins in their normal form")
}

/// The first byte, which chooses, and the rest.
pub(crate) fn choice(bytes: &[u8]) -> (usize, &[u8]) {
    bytes.split_first().map_or((0, bytes), |(first, rest)| (usize::from(*first), rest))
}
