//! What a peer binds its tokens to: one boot of one gateway, which alone remembers which of them it has seen.
//!
//! Decides what a nonce says, that nobody makes one who has not the key of the fleet, and for how long one is good. Must never
//! say that a token is this boot's to spend whose nonce names another: two memories would each take it for new.
//!
//! A nonce is the base64url of a version, the boot, the minute in which it was given, the name of the gateway, and an HMAC-SHA-256
//! of these and of the origin of the fleet.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proto_types::token::Kind;
use proto_types::{GatewayId, Nonce, Origin, WallMs, base64url};
use sha2::Sha256;

/// The response header that tells one.
pub const HEADER: &str = "federation-nonce";

/// The span in which every nonce of a boot is the same.
pub const WINDOW_MS: u64 = 60_000;
/// After its window a nonce is taken for as long as a token lives that was bound to it in the last moment.
const GRACE_MS: u64 = Kind::Bound.life_s_max() * 1_000 + Kind::Bound.skew_ms();

const DOMAIN: &[u8] = b"ecumene/nonce/1\0";
const VERSION: u8 = 1;
/// Version, boot and window.
const HEAD_LEN: usize = 1 + 8 + 8;
const MAC_LEN: usize = 32;

/// The secret that all gateways of one origin share.
#[derive(Clone)]
pub struct FleetKey(Hmac<Sha256>);

impl FleetKey {
    /// A key of random bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(Hmac::new_from_slice(bytes).expect("HMAC takes a key of any length"))
    }

    /// An HMAC that has taken what it is for.
    pub(crate) fn keyed(&self, domain: &[u8]) -> Hmac<Sha256> {
        self.0.clone().chain_update(domain)
    }
}

impl fmt::Debug for FleetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FleetKey")
    }
}

/// One run of the process of one gateway. Its number is drawn when it starts: no other run has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boot {
    /// Whose.
    pub gateway: GatewayId,
    /// Which of its runs.
    pub epoch: u64,
}

/// Where a bound token is spent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// In the memory of this boot.
    This,
    /// In that of another gateway, if the boot still runs.
    Another {
        /// Which.
        gateway: GatewayId,
        /// When the window of the nonce ended: the gateway was there before.
        until: WallMs,
    },
}

/// Why nobody may spend a token that is bound to a nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No gateway of the fleet has given it.
    #[error("no gateway of the fleet has given the nonce")]
    Unknown,
    /// It is too old.
    #[error("the nonce was given too long ago")]
    Stale,
    /// The memory that it names is gone with its process.
    #[error("the boot that the nonce names is gone")]
    Gone,
}

impl Unusable {
    /// The stable code, for audit and counters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "nonce_unknown",
            Self::Stale => "nonce_stale",
            Self::Gone => "nonce_boot_gone",
        }
    }
}

/// Gives nonces of this boot, and reads those of the fleet.
#[derive(Clone, Debug)]
pub struct Nonces {
    key: FleetKey,
    origin: Origin,
    own: Boot,
}

impl Nonces {
    /// For this boot of a gateway under this origin.
    #[must_use]
    pub const fn new(key: FleetKey, origin: Origin, own: Boot) -> Self {
        Self { key, origin, own }
    }

    /// The key of the fleet.
    #[must_use]
    pub const fn key(&self) -> &FleetKey {
        &self.key
    }

    /// The nonce that a peer is given now.
    #[must_use]
    pub fn issue(&self, now: WallMs) -> Nonce {
        let gateway = self.own.gateway.as_str().as_bytes();
        let mut said = Vec::with_capacity(HEAD_LEN + gateway.len() + MAC_LEN);
        said.push(VERSION);
        said.extend(self.own.epoch.to_be_bytes());
        said.extend((now.0 / WINDOW_MS).to_be_bytes());
        said.extend(gateway);
        let mac = self.keyed().chain_update(&said).finalize().into_bytes();
        said.extend(mac);
        Nonce::parse(&base64url::encode(&said)).expect("113 bytes at most are a nonce")
    }

    /// Where a token is spent that is bound to this nonce.
    ///
    /// # Errors
    /// Nowhere, and never will be.
    pub fn read(&self, nonce: &Nonce, now: WallMs) -> Result<Holder, Unusable> {
        let said = base64url::decode(nonce.as_str()).map_err(|_| Unusable::Unknown)?;
        let Boot { gateway, epoch } = &self.own;
        let (named, named_epoch, window) = self.verified(&said).ok_or(Unusable::Unknown)?;
        let until = WallMs(window.saturating_add(1).saturating_mul(WINDOW_MS));
        if named != *gateway {
            // How old it is, and whether its boot still runs, that gateway says.
            return Ok(Holder::Another { gateway: named, until });
        }
        if named_epoch != *epoch {
            return Err(Unusable::Gone);
        }
        if now >= until.plus_ms(GRACE_MS) {
            return Err(Unusable::Stale);
        }
        Ok(Holder::This)
    }

    /// The gateway, its boot and the window, if one of the fleet says so.
    fn verified(&self, said: &[u8]) -> Option<(GatewayId, u64, u64)> {
        let (said, mac) = said.split_at_checked(said.len().checked_sub(MAC_LEN)?)?;
        self.keyed().chain_update(said).verify_slice(mac).ok()?;
        let (version, rest) = said.split_first()?;
        let (epoch, rest) = rest.split_first_chunk::<8>()?;
        let (window, gateway) = rest.split_first_chunk::<8>()?;
        let gateway = GatewayId::parse(std::str::from_utf8(gateway).ok()?).ok()?;
        let read = (gateway, u64::from_be_bytes(*epoch), u64::from_be_bytes(*window));
        (*version == VERSION).then_some(read)
    }

    /// An origin has no zero byte: where it ends is plain.
    fn keyed(&self) -> Hmac<Sha256> {
        self.key.keyed(DOMAIN).chain_update(self.origin.as_str()).chain_update(b"\0")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: WallMs = WallMs::from_secs(1_800_000_000);

    fn nonces(key: u8, gateway: &str, epoch: u64) -> Nonces {
        let origin = Origin::parse("https://us.example").unwrap();
        let own = Boot { gateway: GatewayId::parse(gateway).unwrap(), epoch };
        Nonces::new(FleetKey::new(&[key; 32]), origin, own)
    }

    #[test]
    fn a_nonce_is_this_boots_another_gateways_or_of_a_boot_that_is_gone() {
        let given = nonces(1, "g1", 7).issue(NOW);
        assert_eq!(nonces(1, "g1", 7).read(&given, NOW), Ok(Holder::This));
        assert_eq!(nonces(1, "g1", 8).read(&given, NOW), Err(Unusable::Gone));
        let gateway = GatewayId::parse("g1").unwrap();
        let until = NOW.plus_ms(WINDOW_MS);
        let holder = Holder::Another { gateway, until };
        assert_eq!(nonces(1, "g2", 7).read(&given, NOW), Ok(holder), "the boot is not ours");
    }

    #[test]
    fn another_key_or_another_origin_knows_no_nonce_of_ours() {
        let given = nonces(1, "g1", 7).issue(NOW);
        assert_eq!(nonces(2, "g1", 7).read(&given, NOW), Err(Unusable::Unknown));
        let mut elsewhere = nonces(1, "g1", 7);
        elsewhere.origin = Origin::parse("https://them.example").unwrap();
        assert_eq!(elsewhere.read(&given, NOW), Err(Unusable::Unknown));
    }

    #[test]
    fn a_nonce_changes_each_minute_and_outlives_the_tokens_that_are_bound_to_it() {
        let nonces = nonces(1, "g1", 7);
        let (given, end) = (nonces.issue(NOW), NOW.plus_ms(WINDOW_MS));
        assert_eq!(nonces.issue(WallMs(end.0 - 1)), given);
        assert_ne!(nonces.issue(end), given);
        // A token that is minted in the last moment of the window lives for 120 s and 5 s of skew.
        assert_eq!(nonces.read(&given, end.plus_ms(124_999)), Ok(Holder::This));
        assert_eq!(nonces.read(&given, end.plus_ms(125_000)), Err(Unusable::Stale));
    }

    #[test]
    fn the_longest_name_of_a_gateway_fits() {
        let gateway = "g".repeat(64);
        let nonces = nonces(1, &gateway, u64::MAX);
        let given = nonces.issue(WallMs(u64::MAX));
        assert_eq!(nonces.read(&given, NOW), Ok(Holder::This));
        assert_eq!(given.as_str().len(), 151);
    }

    proptest! {
        #[test]
        fn a_nonce_with_any_byte_changed_is_nobodys(
            at in any::<prop::sample::Index>(), flip in 1u8..
        ) {
            let nonces = nonces(1, "g1", 7);
            let mut said = base64url::decode(nonces.issue(NOW).as_str()).unwrap();
            let at = at.index(said.len());
            said[at] ^= flip;
            let forged = Nonce::parse(&base64url::encode(&said)).unwrap();
            prop_assert_eq!(nonces.read(&forged, NOW), Err(Unusable::Unknown));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "[!-~]{1,256}") {
            let nonce = Nonce::parse(&text).unwrap();
            prop_assert_eq!(nonces(1, "g1", 7).read(&nonce, NOW), Err(Unusable::Unknown));
        }

        #[test]
        fn only_the_boot_that_has_given_a_nonce_spends_its_tokens(
            given_by in 0u64..4, read_by in 0u64..4, one in "g[12]", other in "g[12]"
        ) {
            let given = nonces(1, &one, given_by).issue(NOW);
            let held = nonces(1, &other, read_by).read(&given, NOW) == Ok(Holder::This);
            prop_assert_eq!(held, one == other && given_by == read_by);
        }
    }
}
