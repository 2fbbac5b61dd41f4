//! What this instance says about itself under `/.well-known/`, for Pilox instances that crawl.
//!
//! Decides which addresses it names. Must never promise what is not served: the federation directory
//! is the registry's, and no calls are relayed yet.

use proto_types::pilox::Brand;
use proto_types::pilox::descriptor::{
    A2aEndpoints, Descriptor, Federation, JwtAlg, MESH_V2, Phase, PublicMesh,
};
use proto_types::{Origin, PublicKey};

use crate::agents::{INSTANCE_RPC, Tagged};

/// The descriptor under one of its names.
pub(crate) fn document(
    origin: &Origin,
    key: Option<&PublicKey>,
    bootstrap: &[String],
    brand: Brand,
) -> Tagged {
    let url = |path: &str| format!("{}{path}", origin.as_str());
    let descriptor = Descriptor {
        schema: brand.descriptor_schema().to_owned(),
        mesh_v2: MESH_V2.to_owned(),
        instance_origin: origin.clone(),
        a2a_enabled: true,
        a2a: Some(A2aEndpoints {
            agent_card_url: url("/.well-known/agent-card.json"),
            json_rpc_url: url(INSTANCE_RPC),
            public_json_rpc_url: None,
            public_tier: None,
        }),
        federation: Federation {
            enabled: true,
            phase: Phase::Config,
            transport_active: false,
            jwt_alg: Some(JwtAlg::Ed25519),
            local_ed25519_public_key_hex: key.map(PublicKey::to_hex),
            directory_url: None,
            federation_status_url: url("/readyz"),
            federated_json_rpc_url: Some(url(INSTANCE_RPC)),
            wan_mesh: None,
        },
        public_mesh: PublicMesh {
            bootstrap_mesh_descriptor_urls: bootstrap.to_vec(),
            dht_bootstrap_hints: Vec::new(),
        },
    };
    Tagged::new(&serde_json::to_value(descriptor).expect("a descriptor has string keys only"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_reads_as_one_under_both_names() {
        let origin = Origin::parse("https://b.example").unwrap();
        for brand in Brand::ALL {
            let document = document(&origin, None, &[], brand);
            let read = Descriptor::parse(&document.body).unwrap();
            assert_eq!(read.schema, brand.descriptor_schema());
            assert_eq!(read.a2a.unwrap().json_rpc_url, "https://b.example/v1/a2a/jsonrpc");
        }
    }
}
