//! The named schemas of the contract, one file each in `schemas/`. Tests compare them with what the decoders accept and
//! the renderers write.

/// A named schema: JSON Schema 2020-12 as text.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) name: &'static str,
    pub(super) text: &'static str,
}

macro_rules! schemas {
    ($($(#[$doc:meta])* $constant:ident = $name:literal;)*) => {
        $($(#[$doc])*
        pub(super) static $constant: Schema = Schema {
            name: $name,
            text: include_str!(concat!("schemas/", $name, ".json")),
        };)*

        /// Every one; a schema refers to another by `#/components/schemas/<name>`.
        pub(super) static ALL: &[&Schema] = &[$(&$constant),*];
    };
}

schemas! {
    /// An agent.
    AGENT = "Agent";
    /// An entry that was found.
    AGENT_HIT = "AgentHit";
    /// A page of hits.
    AGENT_HITS = "AgentHits";
    /// An agent to attach.
    AGENT_ATTACHED = "AgentAttached";
    /// An A2A card, of 1.0 or 0.3.
    AGENT_CARD = "AgentCard";
    /// An A2A card of 0.3.
    AGENT_CARD_V03 = "AgentCardV03";
    /// An A2A card of 1.0.
    AGENT_CARD_V10 = "AgentCardV10";
    /// Up to which line the audit is forgotten.
    AUDIT_TRUNCATION = "AuditTruncation";
    /// A page of cards' handles.
    CARDS = "Cards";
    /// A page of handles with the registry's signature.
    CATALOG = "Catalog";
    /// The signature under a catalog.
    CATALOG_PROOF = "CatalogProof";
    /// One line of the total order.
    CHANGE = "Change";
    /// A page of changes.
    CHANGES = "Changes";
    /// What became of a report of conduct.
    CONDUCT_COUNTED = "ConductCounted";
    /// What a gateway has seen of peers in one minute.
    CONDUCT_REPORT = "ConductReport";
    /// A SHA-256 digest.
    DIGEST = "Digest";
    /// A write that is done.
    DONE = "Done";
    /// An instance to let in.
    INSTANCE_ASKED = "InstanceAsked";
    /// An instance that was let in.
    INSTANCE_CREATED = "InstanceCreated";
    /// An instance whose token has ended.
    INSTANCE_REMOVED = "InstanceRemoved";
    /// A page of instances.
    INSTANCES = "Instances";
    /// A page of the marketplace.
    MARKETPLACE = "Marketplace";
    /// An entry of the marketplace.
    MARKETPLACE_AGENT = "MarketplaceAgent";
    /// The whole marketplace.
    MARKETPLACE_EXPORT = "MarketplaceExport";
    /// What a look at a record's proof has found.
    MARKETPLACE_VERIFIED = "MarketplaceVerified";
    /// What an instance's handles begin with.
    TENANT_KEY = "TenantKey";
    /// How long a peer's tokens may live.
    TOKEN_LIFE = "TokenLife";
    /// Why something is done, for people.
    REASON = "Reason";
    /// The name of an entry.
    HANDLE = "Handle";
    /// The name of an entry, where it stands in a path.
    HANDLE_IN_PATH = "HandleInPath";
    /// What this member says of itself.
    HEALTH = "Health";
    /// Whether the process runs.
    LIVENESS = "Liveness";
    /// A page, or a text.
    TEXT = "Text";
    /// A namespace, its terms and what it keeps.
    NAMESPACE = "Namespace";
    /// The name of a namespace.
    NAMESPACE_NAME = "NamespaceName";
    /// A namespace was written.
    NAMESPACE_STORED = "NamespaceStored";
    /// A page of namespaces.
    NAMESPACES = "Namespaces";
    /// What holds in a namespace.
    TERMS = "Terms";
    /// A page of what other registries may take.
    OFFERED = "Offered";
    /// An entry that other registries may take.
    OFFERED_ENTRY = "OfferedEntry";
    /// All policies of calls.
    POLICIES = "Policies";
    /// A policy of calls.
    POLICY = "Policy";
    /// The name of a policy.
    POLICY_NAME = "PolicyName";
    /// A policy was written.
    POLICY_STORED = "PolicyStored";
    /// The origin of a peer.
    ORIGIN = "Origin";
    /// A peer.
    PEER = "Peer";
    /// A key of a peer.
    PEER_KEY = "PeerKey";
    /// An operator's decision about a peer that waits.
    PEER_DECISION = "PeerDecision";
    /// A request of a peer to be enrolled.
    PEER_ENROLMENT = "PeerEnrolment";
    /// A page of a peer's log.
    PEER_LOG = "PeerLog";
    /// A signed peer manifest.
    PEER_MANIFEST = "PeerManifest";
    /// A signed operation of a peer's owner.
    PEER_OPERATION = "PeerOperation";
    /// A peer's conduct and score.
    PEER_REPUTATION = "PeerReputation";
    /// A page of peers that wait to be let in.
    PEER_REQUESTS = "PeerRequests";
    /// A page of peers.
    PEERS = "Peers";
    /// What went wrong.
    PROBLEM = "Problem";
    /// Whether the process should be sent work.
    READINESS = "Readiness";
    /// A Pilox registry record.
    RECORD = "Record";
    /// An Ed25519 key of a record.
    RECORD_KEY = "RecordKey";
    /// The records of a card's URL.
    RESOLVED = "Resolved";
    /// The signed roster.
    ROSTER = "Roster";
    /// A fault of a document, with its place.
    SCHEMA_ERROR = "SchemaError";
    /// What a dry run found.
    VALIDATION = "Validation";
    /// The answer to a card that is stored.
    CARD_STORED = "CardStored";
    /// The answer to a record that is gone.
    RECORD_DELETED = "RecordDeleted";
    /// The answer to a record that is stored.
    RECORD_STORED = "RecordStored";
    /// The answer to a manifest that is stored.
    MANIFEST_STORED = "ManifestStored";
    /// The contract itself.
    OPENAPI = "OpenApi";
}
