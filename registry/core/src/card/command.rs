//! The commands about A2A cards. The edge has judged the signature; the command carries the result.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Origin};
use serde::{Deserialize, Serialize};

use crate::visibility::Visibility;

/// Takes over an A2A card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutCard {
    /// Its name.
    pub handle: Handle,
    /// Its body.
    pub digest: Digest,
    /// What its signature was found to be worth.
    pub assurance: Assurance,
    /// The peer whose enrolled key signed it.
    pub owner: Option<(Origin, Kid)>,
    /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
    #[serde(default)]
    pub visibility: Option<Visibility>,
}
