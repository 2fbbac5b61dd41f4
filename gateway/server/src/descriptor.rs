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
use crate::config::Config;

/// The descriptors that are served: under the older name and the newer one.
pub(crate) fn served(
    config: &Config,
    origin: &Origin,
    key: Option<&PublicKey>,
) -> [Option<Tagged>; 2] {
    let descriptor = descriptor(config, origin, key);
    let branded = |(served, brand): (bool, Brand)| {
        let document = serde_json::to_value(descriptor.clone().branded(brand));
        served.then(|| Tagged::new(&document.expect("a descriptor has string keys only")))
    };
    [(config.brand_hive, Brand::Hive), (config.brand_pilox, Brand::Pilox)].map(branded)
}

fn descriptor(config: &Config, origin: &Origin, key: Option<&PublicKey>) -> Descriptor {
    let url = |path: &str| format!("{}{path}", origin.as_str());
    Descriptor {
        // Each brand puts its own.
        schema: String::new(),
        mesh_v2: MESH_V2.to_owned(),
        instance_origin: origin.clone(),
        a2a_enabled: true,
        a2a: Some(A2aEndpoints {
            agent_card_url: url("/.well-known/agent-card.json"),
            json_rpc_url: url(INSTANCE_RPC),
            public_json_rpc_url: None,
            public_tier: None,
        }),
        federation: federation(url(INSTANCE_RPC), url("/readyz"), key),
        public_mesh: PublicMesh {
            bootstrap_mesh_descriptor_urls: config.bootstrap_descriptor_urls.clone(),
            dht_bootstrap_hints: Vec::new(),
        },
    }
}

fn federation(rpc_url: String, status_url: String, key: Option<&PublicKey>) -> Federation {
    Federation {
        enabled: true,
        phase: Phase::Config,
        transport_active: false,
        jwt_alg: Some(JwtAlg::Ed25519),
        local_ed25519_public_key_hex: key.map(PublicKey::to_hex),
        directory_url: None,
        federation_status_url: status_url,
        federated_json_rpc_url: Some(rpc_url),
        wan_mesh: None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_reads_as_one_under_both_names() {
        let origin = Origin::parse("https://b.example").unwrap();
        for (served, brand) in served(&Config::default(), &origin, None).into_iter().zip(Brand::ALL)
        {
            let read = Descriptor::parse(&served.unwrap().body).unwrap();
            assert_eq!(read.schema, brand.descriptor_schema());
            assert_eq!(read.a2a.unwrap().json_rpc_url, "https://b.example/v1/a2a/jsonrpc");
        }
    }
}
