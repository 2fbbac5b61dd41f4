//! The mark of a request that one gateway of a fleet hands to another.
//!
//! Decides whether it is one, and from where its client called. Must never believe a mark that is not of this fleet, of another
//! request, or old: whoever sees one cannot say with it where its own requests come from.

use core::net::{IpAddr, Ipv6Addr};

use hmac::{Hmac, Mac as _};
use proto_types::{WallMs, base64url};
use sha2::Sha256;

use crate::credential::Credential;
use crate::nonce::FleetKey;

/// The header that carries it.
pub const HEADER: &str = "ecumene-handed-on";

/// How far the clocks of two gateways may be apart: as far as those of peers.
const SKEW_MS: u64 = 60_000;

const DOMAIN: &[u8] = b"ecumene/handed-on/1\0";
const ADDRESS_LEN: usize = 16;
const HEAD_LEN: usize = 8 + ADDRESS_LEN;

/// The mark of a request with this credential that came from `client`.
#[must_use]
pub fn mark(key: &FleetKey, client: IpAddr, credential: Credential<'_>, now: WallMs) -> String {
    let mut said = Vec::with_capacity(HEAD_LEN + 32);
    said.extend(now.0.to_be_bytes());
    said.extend(octets(client));
    let mac = keyed(key, &said, credential).finalize().into_bytes();
    said.extend(mac);
    base64url::encode(&said)
}

/// From where the client of a marked request called; `None` if the mark is none.
#[must_use]
pub fn client(
    key: &FleetKey,
    mark: &str,
    credential: Credential<'_>,
    now: WallMs,
) -> Option<IpAddr> {
    let marked = base64url::decode(mark).ok()?;
    let (said, mac) = marked.split_at_checked(HEAD_LEN)?;
    keyed(key, said, credential).verify_slice(mac).ok()?;
    let (at, address) = said.split_first_chunk::<8>()?;
    let address = <[u8; ADDRESS_LEN]>::try_from(address).ok()?;
    let is_now = u64::from_be_bytes(*at).abs_diff(now.0) <= SKEW_MS;
    is_now.then(|| IpAddr::V6(Ipv6Addr::from(address)).to_canonical())
}

fn keyed(key: &FleetKey, said: &[u8], credential: Credential<'_>) -> Hmac<Sha256> {
    key.keyed(DOMAIN).chain_update(said).chain_update(credential.as_str())
}

fn octets(address: IpAddr) -> [u8; ADDRESS_LEN] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: WallMs = WallMs::from_secs(1_800_000_000);

    fn key(byte: u8) -> FleetKey {
        FleetKey::new(&[byte; 32])
    }

    fn credential(text: &str) -> Credential<'_> {
        let header = [("x-pilox-federation-jwt", text.as_bytes())];
        Credential::find(header.into_iter()).unwrap()
    }

    #[test]
    fn a_mark_says_the_address_of_the_client_of_this_request_for_a_minute() {
        for text in ["192.0.2.7", "2001:db8::1"] {
            let address: IpAddr = text.parse().unwrap();
            let mark = mark(&key(1), address, credential("a.b.c"), NOW);
            let read = |key: u8, token: &str, late| {
                client(&self::key(key), &mark, credential(token), NOW.plus_ms(late))
            };
            assert_eq!(read(1, "a.b.c", 60_000), Some(address));
            assert_eq!(read(1, "a.b.c", 60_001), None, "it is old");
            assert_eq!(read(2, "a.b.c", 0), None, "of another fleet");
            assert_eq!(read(1, "a.b.d", 0), None, "of another request");
        }
    }

    proptest! {
        #[test]
        fn a_mark_with_any_byte_changed_is_none(
            at in any::<prop::sample::Index>(), flip in 1u8..
        ) {
            let token = credential("a.b.c");
            let mark = mark(&key(1), IpAddr::from([192, 0, 2, 7]), token, NOW);
            let mut marked = base64url::decode(&mark).unwrap();
            let at = at.index(marked.len());
            marked[at] ^= flip;
            prop_assert_eq!(client(&key(1), &base64url::encode(&marked), token, NOW), None);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[ -~]{0,100}") {
            prop_assert_eq!(client(&key(1), &text, credential("a.b.c"), NOW), None);
        }
    }
}
