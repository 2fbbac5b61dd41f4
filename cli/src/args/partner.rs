//! The verbs of the noun `partner`, and their flags.
//! It decides words and defaults only.

use clap::{Subcommand, ValueEnum};
use proto_types::Origin;

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum PartnerVerb {
    /// Agrees with a registry, changes the terms, or ends its quarantine.
    Add(PartnerTerms),
    /// Lists partners.
    List,
    /// Shows the terms and how far the pull has come.
    Status {
        /// The partner's name.
        name: String,
    },
    /// Has what the partner has withdrawn, and is held back since it is much at once, go with the next pull.
    Release {
        /// The partner's name.
        name: String,
    },
    /// Ends the agreement and forgets every entry that came from the partner.
    Remove {
        /// The partner's name.
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct PartnerTerms {
    /// Its name here; a namespace of this name may claim prefixes for its entries.
    pub(crate) name: String,
    /// Its origin, such as `https://registry.example.org`.
    #[arg(value_parser = values::origin)]
    pub(crate) url: Origin,
    /// What it speaks.
    #[arg(long, value_enum, default_value = "ecumene")]
    pub(crate) kind: PartnerKind,
    /// The key that signs its catalog, 64 hexadecimal digits; a Pilox registry must have one.
    #[arg(long, default_value = "")]
    pub(crate) catalog_key: String,
    /// The verifier key of its transparency log, `name+id+key`: then only what is proven is taken.
    #[arg(long, default_value = "")]
    pub(crate) log_key: String,
    /// The most registries an entry may be away from its home; 1 passes none on.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=4))]
    pub(crate) hops: u32,
    /// A namespace of the partner's that is taken; repeatable; all without it.
    #[arg(long = "namespace")]
    pub(crate) namespaces: Vec<String>,
    /// The most entries that are taken.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) quota: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PartnerKind {
    Ecumene,
    Pilox,
}
