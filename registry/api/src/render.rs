//! From entries to replies.
//!
//! It decides how an entry looks on the wire. It must never show a credential, a secret that is not
//! the caller's, or a body that was not asked for.

pub mod directory;
pub mod federation;
pub mod fleet;
pub mod peer;
pub mod pilox;
pub mod redacted;
pub mod reputation;
pub mod search;
