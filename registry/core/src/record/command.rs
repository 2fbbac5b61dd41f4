//! The commands about directory records. The edge has judged the proof; the command carries the result.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Origin, WallMs};
use serde::{Deserialize, Serialize};

use crate::visibility::Visibility;

/// Takes over a directory record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRecord {
    /// Its name.
    pub handle: Handle,
    /// Its body.
    pub digest: Digest,
    /// Must be newer than what is stored, and at most 5 minutes ahead of the state's clock.
    pub updated_at: WallMs,
    /// `validUntil`.
    pub valid_until: Option<WallMs>,
    /// `ttlSecondsRecommended`.
    pub ttl_s: Option<u64>,
    /// Where the card is.
    pub agent_card_url: String,
    /// What its proof was found to be worth at the edge.
    pub assurance: Assurance,
    /// The peer whose enrolled key signed it.
    pub owner: Option<(Origin, Kid)>,
    /// Only if this version is stored; what is proposed now says so with `Require`.
    pub if_match: Option<Digest>,
    /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
    #[serde(default)]
    pub visibility: Option<Visibility>,
    /// Whether the caller's credential stands behind all of it: then it may correct a version of the same time.
    #[serde(default)]
    pub vouched: bool,
}

/// Leaves a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteRecord {
    /// Its name.
    pub handle: Handle,
    /// Only if this version is stored.
    pub if_match: Option<Digest>,
    /// Who asks; `None` for an operator, and in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Origin>,
}
