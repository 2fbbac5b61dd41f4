//! The mesh descriptor, `/.well-known/pilox-mesh.json` and `hive-mesh.json`.
//!
//! Decides its members and their bounds. Must never be taken for a promise: it is unsigned, and
//! says only where to look.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Brand;
use crate::json;
use crate::origin::Origin;
use crate::schema::{self, Invalid, Problem, SchemaError};

/// The contract version that we keep to, as newer Pilox instances publish it.
pub const MESH_V2: &str = "2.10.0";

/// The longest descriptor, decoded.
pub const LEN_MAX: usize = 256 * 1_024;

/// The most bootstrap URLs.
pub const BOOTSTRAP_URLS_MAX: usize = 512;

/// The most DHT hints.
pub const DHT_HINTS_MAX: usize = 64;

/// What an instance says about itself. `null` members are printed: the schema asks for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// `<brand>-mesh-descriptor-v1`.
    pub schema: String,
    /// The contract version, three numbers.
    pub mesh_v2: String,
    /// Its origin.
    pub instance_origin: Origin,
    /// Whether it speaks A2A at all.
    pub a2a_enabled: bool,
    /// Where; `null` where it does not.
    #[serde(default)]
    pub a2a: Option<A2aEndpoints>,
    /// How peers reach it.
    pub federation: Federation,
    /// Whom else to ask.
    pub public_mesh: PublicMesh,
}

/// Where an instance speaks A2A.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct A2aEndpoints {
    /// Its card.
    pub agent_card_url: String,
    /// JSON-RPC with a credential.
    pub json_rpc_url: String,
    /// JSON-RPC without, where there is a public tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_json_rpc_url: Option<String>,
    /// What the public tier does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_tier: Option<PublicTier>,
}

/// What a public tier does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicTier {
    /// It counts what callers do.
    pub reputation_counters: bool,
    /// And blocks bad ones.
    pub reputation_block: bool,
    /// API keys may be scoped to methods.
    pub scopes_enabled: bool,
}

/// How peers reach an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Federation {
    /// Whether it federates.
    pub enabled: bool,
    /// How far.
    pub phase: Phase,
    /// Whether it relays calls.
    pub transport_active: bool,
    /// How it signs tokens.
    pub jwt_alg: Option<JwtAlg>,
    /// The key that it signs them with, 64 hexadecimal digits.
    pub local_ed25519_public_key_hex: Option<String>,
    /// Its list of peers.
    pub directory_url: Option<String>,
    /// Its state.
    pub federation_status_url: String,
    /// Where peers call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub federated_json_rpc_url: Option<String>,
    /// Free-form state of the WAN mesh.
    pub wan_mesh: Option<Map<String, Value>>,
}

/// How far federation is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Peers are configured, no calls are relayed.
    #[serde(rename = "2.0-config")]
    Config,
    /// Calls are relayed.
    #[serde(rename = "2.1-transport")]
    Transport,
}

/// The algorithms that the format names. `HS256` is their lab mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JwtAlg {
    /// A shared secret.
    HS256,
    /// An Ed25519 key.
    Ed25519,
}

/// Whom else to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PublicMesh {
    /// Descriptors of other instances, at most [`BOOTSTRAP_URLS_MAX`].
    pub bootstrap_mesh_descriptor_urls: Vec<String>,
    /// Hints for overlays, at most [`DHT_HINTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dht_bootstrap_hints: Vec<String>,
}

impl Descriptor {
    /// Reads the descriptor of another instance. Members that we do not know are passed over.
    ///
    /// # Errors
    /// Too long, not strict JSON, of another shape, or over a bound.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        schema::bounded(bytes, LEN_MAX)?;
        let read: Self = json::from_strict(bytes)?;
        let faults = read.faults();
        if faults.is_empty() { Ok(read) } else { Err(Invalid::Schema(faults)) }
    }

    /// The same under the name of this brand: one descriptor serves both paths.
    #[must_use]
    pub fn branded(mut self, brand: Brand) -> Self {
        self.schema = brand.descriptor_schema().to_owned();
        self
    }

    fn faults(&self) -> Vec<SchemaError> {
        let mut faults = Vec::new();
        if Brand::of(&self.schema, Brand::descriptor_schema).is_none() {
            let problem = Problem::Value("hive-mesh-descriptor-v1 or pilox-mesh-descriptor-v1");
            faults.push(SchemaError { path: "/schema".to_owned(), problem });
        }
        let mesh = &self.public_mesh;
        for (name, found, max) in [
            (
                "bootstrapMeshDescriptorUrls",
                mesh.bootstrap_mesh_descriptor_urls.len(),
                BOOTSTRAP_URLS_MAX,
            ),
            ("dhtBootstrapHints", mesh.dht_bootstrap_hints.len(), DHT_HINTS_MAX),
        ] {
            if found > max {
                let problem = Problem::Count { found, min: 0, max };
                faults.push(SchemaError { path: format!("/publicMesh/{name}"), problem });
            }
        }
        faults
    }
}
