//! Law one of the architecture: imports go to a strictly lower layer.
//!
//! This file holds the table of layers, once. A crate that is not in it does not pass, so that
//! nobody adds one without saying where it stands. docs/decisions/0003-layers.md has the reasons.

use std::collections::BTreeMap;

use super::{Crate, Fault};

/// Layers from the bottom up; crates of one layer never import each other.
const LAYERS: &[(&str, &[&str])] = &[
    ("L0 pure", &["proto-types"]),
    ("L1 pure", &["registry-core", "gateway-core", "node-core", "policy-core"]),
    ("below the edge, at build time", &["deploy-derive"]),
    ("L2 edge, its floor", &["proto-wire", "deploy-service"]),
    (
        "L2 edge",
        &["registry-store", "registry-api", "registry-client", "registry-fetch", "node-wasm"],
    ),
    ("L3 glue", &["registry-raft"]),
    ("L4 roles", &["registry-server", "gateway-server", "node-agent"]),
    ("L5 top", &["cli", "chaos-cluster", "chaos-fuzz", "chaos-sim"]),
    ("L5 top, its roof", &["chaos-load"]),
];
/// Crates that import none of ours and are imported by none.
const OUTSIDE: &[&str] = &["node-textkit", "node-conformance", "deploy-xtask"];
/// How many layers, counted from the bottom, are pure.
const PURE: usize = 2;

/// Whether law two (see purity.rs) binds this crate.
pub(super) fn is_pure(name: &str) -> bool {
    LAYERS[..PURE].iter().any(|(_, crates)| crates.contains(&name))
}

pub(super) fn check(crates: &[Crate]) -> Vec<Fault> {
    let ranks: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(rank, (_, crates))| crates.iter().map(move |name| (*name, rank)))
        .collect();
    let mut faults = Vec::new();
    for each in crates {
        let manifest = format!("{}/Cargo.toml", each.folder);
        let rank = ranks.get(&*each.name);
        if rank.is_none() && !OUTSIDE.contains(&&*each.name) {
            let message = format!("{} has no layer: add it to tidy/arrows.rs", each.name);
            faults.push(Fault::new(&manifest, 1, message));
            continue;
        }
        for import in &each.imports {
            if let Some(message) = wrong(&each.name, rank, import, ranks.get(&**import)) {
                faults.push(Fault::new(&manifest, 1, message));
            }
        }
    }
    faults
}

fn wrong(from: &str, rank: Option<&usize>, to: &str, below: Option<&usize>) -> Option<String> {
    let layer = |rank: &usize| LAYERS[*rank].0;
    match (rank, below) {
        (None, _) => Some(format!("{from} is outside the layers and must not import {to}")),
        (_, None) => Some(format!("{from} must not import {to}, which is in no layer")),
        (Some(rank), Some(below)) if below >= rank => {
            let (here, there) = (layer(rank), layer(below));
            Some(format!("{from} ({here}) must not import {to} ({there}): arrows go down"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(name: &str, imports: &[&str]) -> Vec<String> {
        let imports = imports.iter().map(|name| (*name).to_owned()).collect();
        let each = Crate { name: name.to_owned(), folder: "x/y".to_owned(), imports };
        check(&[each]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_import_goes_to_a_strictly_lower_layer() {
        assert!(check_one("registry-raft", &["registry-store", "proto-types"]).is_empty());
        assert!(check_one("registry-store", &["proto-wire", "registry-core"]).is_empty());
        for (from, to) in [
            ("proto-types", "registry-core"),
            ("gateway-core", "registry-core"),
            ("registry-store", "registry-api"),
            ("proto-wire", "deploy-service"),
            ("gateway-server", "registry-server"),
        ] {
            let faults = check_one(from, &[to]);
            assert_eq!(faults.len(), 1, "{from} -> {to}");
            assert!(faults[0].starts_with("x/y/Cargo.toml:1: "), "{faults:?}");
        }
    }

    #[test]
    fn a_crate_without_a_layer_and_a_crossing_of_the_outside_are_faults() {
        assert!(check_one("gateway-new", &[])[0].contains("has no layer"));
        assert!(check_one("node-textkit", &["proto-types"])[0].contains("outside"));
        assert!(check_one("cli", &["deploy-xtask"])[0].contains("in no layer"));
        assert!(check_one("deploy-xtask", &[]).is_empty());
    }
}
