//! What an operator demands of records and cards: the section `admission` of a member.
//!
//! It decides the form, and which settings cannot hold together. It must never hold a secret,
//! only the path of its file.

use std::path::{Path, PathBuf};

use deploy_service::settings::{Setting, Shape, serialized};
use deploy_service::units::Duration;
use deploy_service::{secret, tls};
use http::Uri;
use proto_types::AnyKey;
use registry_api::admission::Rules;
use registry_api::admission::attestation::Attestation;
use registry_api::admission::credential::Gate;
use registry_api::admission::decision::Dialect;
use registry_api::admission::readiness::Readiness;
use serde::{Deserialize, Serialize};

use super::outbound;

/// The steps that a write of a record or a card passes, in the order of these members.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(default, deny_unknown_fields)]
pub struct Admission {
    /// False refuses every write of records and cards.
    pub write_enabled: bool,
    /// Handles must start with one of these; empty allows all.
    pub handle_prefixes: Vec<String>,
    /// Cards must be at one of these hosts; empty allows all. `*.example.org` is every host below.
    pub card_hosts: Vec<String>,
    /// What is done about records that do not tell deployers what to provide: off, warn, enforce.
    pub readiness: ReadinessMode,
    /// Whether every record must have a `publishAttestation`.
    pub require_attestation: bool,
    /// The key of the attestation's HMAC, which is then demanded.
    pub attestation_secret_file: Option<PathBuf>,
    /// The verifiable credential that a writer must show.
    pub credential: Option<Credential>,
    /// The policy engine that is asked last.
    pub decision_point: Option<Pdp>,
}

/// As the Pilox registry names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadinessMode {
    /// Nobody looks.
    #[default]
    Off,
    /// The dry run tells.
    Warn,
    /// Publishing refuses.
    Enforce,
}

impl Setting for ReadinessMode {
    fn shape() -> Shape {
        Shape::Value { words: "`off`, `warn` or `enforce`", sample: "\"off\"" }
    }

    fn written(&self) -> Option<String> {
        serialized(self)
    }
}

/// Whose credentials are accepted, shown in the header `X-VC-JWT`, or as Pilox names it, `X-Pilox-VC-JWT`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// `iss` must be this, in whatever case.
    pub issuer: String,
    /// The issuer's key: 64 hexadecimal digits of Ed25519 (EdDSA), or the 130 of an uncompressed point
    /// of P-256 (ES256), which begin with 04.
    pub public_key_hex: String,
    /// One of the credential's types, if one is demanded.
    #[serde(default)]
    pub kind: Option<String>,
}

/// A policy engine.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Pdp {
    /// Where it is asked: an https URL, or an http URL on loopback, beside this process.
    pub url: String,
    /// Certificates (PEM) to trust beside the public ones.
    #[serde(default)]
    pub extra_ca_file: Option<PathBuf>,
    /// The bearer token that it is shown.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// How long an answer is waited for.
    #[serde(default = "patience")]
    pub timeout: Duration,
    /// True lets writes pass when it gives no decision. The default is to refuse them.
    #[serde(default)]
    pub fail_open: bool,
    /// In which words it is asked: opa, with all that is known, or pilox, as a Pilox registry asks.
    #[serde(default)]
    pub dialect: PdpDialect,
}

/// How a policy engine is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PdpDialect {
    /// `{"input": {"action": "write", "kind", "handle", "document", ...}}`.
    #[default]
    Opa,
    /// `{"input": {"action": "registry.post_record", "handle", "record"}}`.
    Pilox,
}

impl Setting for PdpDialect {
    fn shape() -> Shape {
        Shape::Value { words: "`opa` or `pilox`", sample: "\"opa\"" }
    }

    fn written(&self) -> Option<String> {
        serialized(self)
    }
}

impl From<PdpDialect> for Dialect {
    fn from(dialect: PdpDialect) -> Self {
        match dialect {
            PdpDialect::Opa => Self::Opa,
            PdpDialect::Pilox => Self::Pilox,
        }
    }
}

/// A decision is a lookup nearby; a writer waits for it. Arbitrary.
fn patience() -> Duration {
    Duration::from_secs(2)
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            write_enabled: true,
            handle_prefixes: Vec::new(),
            card_hosts: Vec::new(),
            readiness: ReadinessMode::Off,
            require_attestation: false,
            attestation_secret_file: None,
            credential: None,
            decision_point: None,
        }
    }
}

/// A setting of the admission that cannot hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The issuer's key is none.
    #[error("admission.credential.public_key_hex is no key of Ed25519 or P-256 that we accept")]
    IssuerKey,
    /// The engine would be asked in clear text, or nowhere.
    #[error("decision_point.url: `{0}` is no https URL, nor http on loopback, or has credentials")]
    DecisionPoint(String),
}

impl Admission {
    /// Checks what can be checked without reading files.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn validate(&self) -> Result<(), Contradiction> {
        self.gate()?;
        self.decision_point.as_ref().map(Pdp::uri).transpose()?;
        Ok(())
    }

    pub(crate) fn rules(&self) -> Result<Rules, Error> {
        let secret = self.attestation_secret_file.as_deref().map(read).transpose()?;
        Ok(Rules {
            write_enabled: self.write_enabled,
            handle_prefixes: self.handle_prefixes.clone(),
            card_hosts: self.card_hosts.clone(),
            readiness: match self.readiness {
                ReadinessMode::Off => Readiness::Off,
                ReadinessMode::Warn => Readiness::Warn,
                ReadinessMode::Enforce => Readiness::Enforce,
            },
            attestation: Attestation { required: self.require_attestation, secret },
            credential: self.gate()?,
        })
    }

    fn gate(&self) -> Result<Option<Gate>, Contradiction> {
        let Some(credential) = &self.credential else { return Ok(None) };
        let key = AnyKey::from_hex(&credential.public_key_hex.to_ascii_lowercase());
        let key = key.map_err(|_| Contradiction::IssuerKey)?;
        let (issuer, kind) = (credential.issuer.clone(), credential.kind.clone());
        Ok(Some(Gate { issuer, key, kind }))
    }
}

impl Pdp {
    pub(crate) fn uri(&self) -> Result<Uri, Contradiction> {
        outbound::service(&self.url).ok_or_else(|| Contradiction::DecisionPoint(self.url.clone()))
    }
}

/// Why the steps are not ready.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that cannot hold.
    #[error("the admission's settings")]
    Contradiction(#[from] Contradiction),
    /// The secret of attestations, or the decision point's token.
    #[error("a secret cannot be read")]
    Secret(#[from] secret::Error),
    /// The token has characters that no header has.
    #[error("the token in {0} cannot be sent")]
    Token(PathBuf),
    /// What the decision point is believed by.
    #[error("admission.decision_point.extra_ca_file")]
    Tls(#[from] tls::Error),
}

fn read(path: &Path) -> Result<Vec<u8>, secret::Error> {
    Ok(secret::read(path)?.expose().as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_point_is_not_asked_in_clear_text_elsewhere_and_an_issuers_key_is_one() {
        let pdp = |url: &str| Admission {
            decision_point: Some(Pdp {
                url: url.into(),
                extra_ca_file: None,
                token_file: None,
                timeout: patience(),
                fail_open: false,
                dialect: PdpDialect::Opa,
            }),
            ..Admission::default()
        };
        for good in ["http://127.0.0.1:8181/v1/data/ecumene/allow", "https://pdp.example/allow"] {
            assert_eq!(pdp(good).validate(), Ok(()), "{good}");
        }
        for bad in ["http://pdp.example/allow", "/allow", "nonsense"] {
            let found = pdp(bad).validate();
            assert_eq!(found, Err(Contradiction::DecisionPoint(bad.into())), "{bad}");
        }
        let credential = Credential {
            issuer: "did:web:a.example".into(),
            public_key_hex: "00".repeat(32),
            kind: None,
        };
        let weak = Admission { credential: Some(credential), ..Admission::default() };
        assert_eq!(weak.validate(), Err(Contradiction::IssuerKey));
    }
}
