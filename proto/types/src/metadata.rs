//! The keys of what stands beside a message: headers over HTTP, metadata over gRPC. Every role reads and writes them under
//! these names. A key must never change its name, nor what it means.

/// The stable [`Code`](crate::Code) of a refusal.
pub const CODE_KEY: &str = "ecumene-code";

/// The URL of the member that leads, in the refusal of one that does not.
pub const LEADER_KEY: &str = "ecumene-leader";

/// The revision that a read saw.
pub const REVISION_KEY: &str = "ecumene-revision";

/// How old what was read may be, in ms; absent where it was confirmed.
pub const AGE_KEY: &str = "ecumene-age-ms";

/// By what time a read was judged, in ms since 1970: whoever reads it can tell that its own clock is wrong.
pub const TIME_KEY: &str = "ecumene-time-ms";

/// How often the cluster was restored from a backup.
pub const EPOCH_KEY: &str = "ecumene-epoch";

/// How old an answer may be, as its caller demands.
pub const MAX_AGE_KEY: &str = "ecumene-max-age";

/// The proof that a document is in the transparency log, beside the document.
pub const LOG_PROOF_KEY: &str = "ecumene-log-proof";
