//! Signed documents by which keys join a peer.
//!
//! Decides that whoever may sign has signed, and with it every key that joins, by its own algorithm. Must never take a
//! key on another's word: whoever names a key that it does not hold would own what that key has signed.

use crate::id::Kid;
use crate::key::{AnyKey, PublicKey};
use crate::signed::{self, Document, Signed, Verified};

/// Why a document does not let its keys join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A signature that does not hold, or nobody who may.
    #[error("the document's signatures do not hold")]
    Signed(#[from] signed::Error),
    /// A key that joins has not signed.
    #[error("a key that joins has not signed")]
    Missing,
}

/// Verifies a document with the keys that `may` sign it and with those that join by it.
///
/// # Errors
/// See [`enum@Error`].
pub fn verify<T: Document>(
    signed: Signed<T>,
    may: &impl Fn(&Kid) -> Option<PublicKey>,
    joining: &[(Kid, AnyKey)],
) -> Result<Verified<T>, Error> {
    let joins = |kid: &Kid| joining.iter().find(|(name, _)| name == kid).map(|(_, key)| *key);
    let may = |kid: &Kid| may(kid).map(AnyKey::from);
    let verified = signed.verify(&|kid| may(kid).or_else(|| joins(kid)), 1)?;
    let signers = verified.signers();
    if !signers.iter().any(|kid| may(kid).is_some()) {
        return Err(signed::Error::Threshold { found: 0, needed: 1 }.into());
    }
    // A joining key hidden behind the name of one that signs would vouch for nothing.
    let proven = |(kid, key): &(Kid, AnyKey)| {
        signers.contains(kid) && may(kid).is_none_or(|known| known == *key)
    };
    if joining.iter().all(proven) { Ok(verified) } else { Err(Error::Missing) }
}

/// Holds if each of these keys has signed the document, whoever else has.
///
/// # Errors
/// See [`enum@Error`].
pub fn all_signed<T: Document + Clone>(
    signed: &Signed<T>,
    keys: &[(Kid, AnyKey)],
) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let named = |kid: &Kid| keys.iter().find(|(name, _)| name == kid).map(|(_, key)| *key);
    // Distinct keys are counted, so that none vouches for another.
    match signed.clone().verify(&named, keys.len()) {
        Ok(_) => Ok(()),
        Err(signed::Error::Threshold { .. }) => Err(Error::Missing),
        Err(other) => Err(other.into()),
    }
}
