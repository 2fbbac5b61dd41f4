//! What this instance says about itself under `/.well-known/`, for Pilox instances that crawl.
//!
//! Decides which addresses it names. Must never promise what is not served: without a key no peer is called from here.

use gateway_core::federation::{DIRECTORY, STATUS};
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
        federation: federation(url, key),
        public_mesh: PublicMesh {
            bootstrap_mesh_descriptor_urls: config.bootstrap_descriptor_urls.clone(),
            dht_bootstrap_hints: Vec::new(),
        },
    }
}

fn federation(url: impl Fn(&str) -> String, key: Option<&PublicKey>) -> Federation {
    Federation {
        enabled: true,
        phase: if key.is_some() { Phase::Transport } else { Phase::Config },
        transport_active: key.is_some(),
        jwt_alg: Some(JwtAlg::Ed25519),
        local_ed25519_public_key_hex: key.map(PublicKey::to_hex),
        directory_url: Some(url(DIRECTORY)),
        federation_status_url: url(STATUS),
        federated_json_rpc_url: Some(url(INSTANCE_RPC)),
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
            assert!(!read.federation.transport_active, "there is no key to call peers with");
            assert_eq!(read.a2a.unwrap().json_rpc_url, "https://b.example/v1/a2a/jsonrpc");
        }
    }
}
