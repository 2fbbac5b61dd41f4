//! Entries become replies. A credential, a secret that is not the caller's, and a body that was not asked for are never
//! shown.

pub mod directory;
pub mod federation;
pub mod fleet;
pub mod outcome;
pub mod peer;
pub mod pilox;
pub mod redacted;
pub mod reputation;
pub mod search;
