//! The documents of Pilox (once Hive) as they are, so that existing instances can use us unchanged.
//!
//! Decides what their schemas and signatures say. Must never add a member to a document of theirs,
//! nor take a signature of theirs for more than it is: its key is self-asserted.

pub mod catalog;
pub mod descriptor;
pub mod envelope;
pub mod proof;
pub mod record;
pub mod roster;

use serde::{Deserialize, Serialize};

/// How much we know about who stands behind a document. Ordered: more is greater.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Assurance {
    /// Nobody has signed it.
    #[default]
    Unsigned,
    /// Signed by a key that only the document itself vouches for.
    SelfAsserted,
    /// Signed by an enrolled key of the owner.
    Enrolled,
    /// Enrolled, and the owner has proven control of the domain.
    DomainProven,
}

crate::words!(Assurance {
    Unsigned = "unsigned",
    SelfAsserted = "self-asserted",
    Enrolled = "enrolled",
    DomainProven = "domain-proven",
});

/// The two forms of every Pilox name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Brand {
    /// In older code and documents.
    Hive,
    /// In newer ones.
    Pilox,
}

// The older first.
crate::words!(Brand { Hive = "hive", Pilox = "pilox" });

impl Brand {
    /// `schema` of a registry record.
    #[must_use]
    pub const fn record_schema(self) -> &'static str {
        match self {
            Self::Hive => "hive-registry-record-v1",
            Self::Pilox => "pilox-registry-record-v1",
        }
    }

    /// `proof.type` of a registry record.
    #[must_use]
    pub const fn record_proof_type(self) -> &'static str {
        match self {
            Self::Hive => "hive-registry-record-ed25519-v1",
            Self::Pilox => "pilox-registry-record-ed25519-v1",
        }
    }

    /// `catalogProof.type` of a list of handles.
    #[must_use]
    pub const fn catalog_proof_type(self) -> &'static str {
        match self {
            Self::Hive => "hive-registry-catalog-ed25519-v1",
            Self::Pilox => "pilox-registry-catalog-ed25519-v1",
        }
    }

    /// `schema` of a mesh descriptor.
    #[must_use]
    pub const fn descriptor_schema(self) -> &'static str {
        match self {
            Self::Hive => "hive-mesh-descriptor-v1",
            Self::Pilox => "pilox-mesh-descriptor-v1",
        }
    }

    /// The brand for which `name_of` gives this name.
    pub(crate) fn of(name: &str, name_of: fn(Self) -> &'static str) -> Option<Self> {
        Self::ALL.iter().copied().find(|brand| name_of(*brand) == name)
    }
}

/// Reads 32 bytes of hexadecimal digits in either case, which Pilox allows, as a key.
fn key_from_hex(text: &str) -> Option<crate::key::PublicKey> {
    crate::key::PublicKey::from_hex(&text.to_ascii_lowercase()).ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn assurance_is_encoded_in_kebab_case_and_grows() {
        let all = [
            Assurance::Unsigned,
            Assurance::SelfAsserted,
            Assurance::Enrolled,
            Assurance::DomainProven,
        ];
        assert!(all.is_sorted());
        for assurance in all {
            let json = serde_json::to_value(assurance).unwrap();
            assert_eq!(json, assurance.as_str());
            assert_eq!(serde_json::from_value::<Assurance>(json).unwrap(), assurance);
        }
    }

    #[test]
    fn a_brand_is_found_by_each_of_its_names() {
        for &brand in Brand::ALL {
            assert_eq!(Brand::of(brand.record_schema(), Brand::record_schema), Some(brand));
            assert_eq!(Brand::of(brand.catalog_proof_type(), Brand::record_schema), None);
            assert!(brand.descriptor_schema().starts_with(brand.as_str()));
        }
    }
}
