//! Secrets that this process draws from the system's random source, and their length. There is no weaker source to fall
//! back to.

use proto_types::base64url;
use registry_api::Problem;

/// 32 random bytes as 43 characters of base64url.
pub(crate) fn token() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::internal(format_args!("no randomness: {error}")))?;
    Ok(base64url::encode(&bytes))
}

/// A seed of a schedule. Without randomness it is 0: members then keep the same times, no more.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
