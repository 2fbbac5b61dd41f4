//! Making tokens.
//!
//! Decides the bytes of a token. Must never draw a `jti` or read a clock: both are in the claims.
//!
//! By hand: `jsonwebtoken::encode` takes its signer only from a process-wide provider that can be
//! installed once and panics where it is not, which a pure crate can neither install nor rely on.

use super::Claims;
use crate::base64url;
use crate::id::Kid;
use crate::jose::{Algorithm, Header};
use crate::key::SecretKey;

/// The token of these claims, of the type of their kind. A plain one without `kid` is byte for byte
/// what Pilox mints from the same claims.
#[must_use]
pub fn mint(claims: &Claims, kid: Option<&Kid>, key: &SecretKey) -> String {
    let typ = Some(claims.kind.typ().to_owned());
    let header = Header { alg: Algorithm::EdDsa, typ, kid: kid.cloned() }.encode();
    let body = serde_json::to_vec(claims).expect("strings and integers always serialise");
    let signed = format!("{header}.{}", base64url::encode(&body));
    let signature = base64url::encode(&key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
