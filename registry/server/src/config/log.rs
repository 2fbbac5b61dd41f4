//! The transparency log and its witnesses.
//!
//! It decides which keys may serve together, and where witnesses may be. It must never hold a key,
//! only the path of its file.

use std::path::PathBuf;

use deploy_service::settings::Setting;
use deploy_service::units::Duration;
use proto_types::tlog::{Kind, NoteKey};
use serde::Deserialize;

use super::{Contradiction, outbound};

/// The transparency log and its witnesses. All members of a cluster are told the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The log's name, a URL without its scheme; no two clusters may share one.
    pub origin: String,
    /// The Ed25519 key that signs checkpoints, in the form of `signing_key_file`. By default the
    /// key that signs roster and catalog.
    pub key_file: Option<PathBuf>,
    /// Who cosigns our checkpoints.
    pub witnesses: Vec<Witness>,
    /// Certificates (PEM) that witnesses are trusted by, beside the public ones.
    pub extra_ca_file: Option<PathBuf>,
    /// How often new checkpoints go to the witnesses.
    pub witness_every: Duration,
    /// The key that this cluster cosigns others with, which must be no other key of it;
    /// without it this cluster is no witness.
    pub witness_key_file: Option<PathBuf>,
    /// The name that it cosigns under; by default the origin.
    pub witness_name: Option<String>,
    /// The keys of the logs that it is a witness of: `<origin>+<id>+<key>`.
    #[setting(like = "Vec<String>")]
    pub followed: Vec<NoteKey>,
}

/// A witness of ours.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Witness {
    /// Where `/add-checkpoint` is: a base URL, https, or http on loopback.
    pub url: String,
    /// Its key, `<name>+<id>+<key>`, of the kind cosignature/v1.
    #[setting(like = "String")]
    pub key: NoteKey,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            origin: "localhost/ecumene-registry".to_owned(),
            key_file: None,
            witnesses: Vec::new(),
            extra_ca_file: None,
            witness_every: Duration::from_secs(10),
            witness_key_file: None,
            witness_name: None,
            followed: Vec::new(),
        }
    }
}

impl Log {
    pub(super) fn validate(&self) -> Result<(), Contradiction> {
        for witness in &self.witnesses {
            if witness.key.kind() != Kind::Witness {
                return Err(Contradiction::Witness(witness.key.name().to_owned()));
            }
            if outbound::service(&witness.url).is_none() {
                return Err(Contradiction::WitnessUrl(witness.url.clone()));
            }
        }
        if let Some(key) = self.followed.iter().find(|key| key.kind() != Kind::Log) {
            return Err(Contradiction::Followed(key.name().to_owned()));
        }
        if self.witness_every == Duration::from_secs(0) {
            return Err(Contradiction::Zero("log.witness_every"));
        }
        if self.witness_key_file.is_some() && self.witness_key_file == self.key_file {
            return Err(Contradiction::OneKey);
        }
        Ok(())
    }
}
