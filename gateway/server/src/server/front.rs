//! What a request must show before anything else of it is looked at: that it came by the way that the operator has closed all
//! others to.
//!
//! Decides what counts as the secret of the gateway or proxy in front, and from where tokens are taken. Must never tell what
//! was wrong with a secret, nor compare one but by its digest.

use std::net::IpAddr;

use deploy_service::Network;
use gateway_core::{Denial, Failure, Forbidden};
use http::HeaderMap;
use proto_types::Digest;

use crate::gateway::Gateway;

/// As the gateway of Pilox writes it, in older versions and newer ones.
const HEADERS: [&str; 2] = ["x-hive-gateway-auth", "x-pilox-gateway-auth"];

/// Holds if nobody stands in front of this gateway, or if whoever does has shown its secret.
pub(super) fn check(gateway: &Gateway, headers: &HeaderMap) -> Result<(), Failure> {
    match &gateway.live.load().tokens.front {
        Some(secret) if !shows(headers, secret) => Err(Failure::Forbidden(Forbidden::NotByFront)),
        _ => Ok(()),
    }
}

/// Holds if a peer's token is taken from this address.
pub(super) fn check_network(gateway: &Gateway, address: IpAddr) -> Result<(), Failure> {
    match is_within(&gateway.fixed.federation_networks, address) {
        true => Ok(()),
        false => Err(Failure::Denied(Denial::Network)),
    }
}

/// Pilox takes the secret with `Bearer` before it and without.
fn shows(headers: &HeaderMap, secret: &Digest) -> bool {
    let mut values = HEADERS.iter().flat_map(|name| headers.get_all(*name));
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let Ok(value) = value.to_str() else { return false };
    let token = match value.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value.trim(),
    };
    secret.same_secret(&Digest::of(token.as_bytes()))
}

/// Without networks everybody is within.
fn is_within(networks: &[Network], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.is_empty() || networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn shown(lines: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        shows(&headers, &Digest::of(b"secret-of-the-front"))
    }

    #[test]
    fn one_header_of_either_name_shows_the_secret() {
        let (hive, pilox) = ("x-hive-gateway-auth", "x-pilox-gateway-auth");
        for name in [hive, pilox] {
            for value in
                ["Bearer secret-of-the-front", "bearer  secret-of-the-front", "secret-of-the-front"]
            {
                assert!(shown(&[(name, value)]), "{name}: {value}");
            }
            for value in ["", "Bearer", "Bearer secret-of-the-fron", "Basic secret-of-the-front"] {
                assert!(!shown(&[(name, value)]), "{name}: {value}");
            }
        }
        assert!(!shown(&[]));
        assert!(!shown(&[("authorization", "Bearer secret-of-the-front")]));
        let right = "Bearer secret-of-the-front";
        assert!(!shown(&[(hive, right), (pilox, right)]), "one of them, once");
        assert!(!shown(&[(pilox, right), (pilox, right)]));
    }

    #[test]
    fn tokens_are_taken_from_the_named_networks_or_from_everywhere_if_none_is_named() {
        let networks: Vec<Network> =
            ["192.0.2.0/24", "2001:db8::/32"].map(|text| text.parse().unwrap()).into();
        for (address, is_taken) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("2001:db8::1", true),
            ("192.0.3.7", false),
            ("2001:db9::1", false),
            ("127.0.0.1", false),
        ] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(is_within(&networks, address), is_taken, "{address}");
            assert!(is_within(&[], address));
        }
    }
}
