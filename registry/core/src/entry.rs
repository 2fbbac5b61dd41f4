//! The entities of the directory as they are stored.
//! Formats: MessagePack maps with member names, so that later versions may add members. A new member has a default and is
//! left out where it has that value: members of two versions then keep the same bytes of an entry without the new fact.
//! These types decide nothing; they must never hold bodies, only digests of them.

mod agent;
mod conduct;
mod directory;
mod envelope;
mod event;
mod fleet;
mod instance;
mod liveness;
mod member;
mod namespace;
mod partner;
mod peer;
mod search;
mod task;
mod visibility;

pub use self::agent::{AgentEntry, AgentKind, Limits};
pub use self::conduct::{EvidenceEntry, ReporterEntry, Window};
pub use self::directory::{CardEntry, RecordEntry};
pub use self::envelope::{Acked, EnvelopeEntry};
pub use self::event::{ChangeEvent, ChangeKind};
pub use self::fleet::{Capacity, GatewayEntry, JoinRole, JoinTokenEntry, NodeEntry, NodeState};
pub use self::instance::InstanceEntry;
pub use self::liveness::{Liveness, LivenessEntry, NotALiveness, Subject};
pub use self::member::MemberEntry;
pub use self::namespace::{
    Grants, NamespaceEntry, NotATrustMode, Policy, Quotas, Terms, TrustMode, Usage,
};
pub use self::partner::{
    Agreement, Failing, Held, ImportKind, PartnerEntry, PartnerKind, PartnerState, PartnerTerms,
    PassedOver, ProvenanceEntry,
};
pub use self::peer::{
    Approval, Candidate, DomainMethod, DomainProof, EnrolledKey, Founding, LogHead, ManifestRef,
    PeerEntry, PeerLogEntry, PeerRequest, PeerStatus, Recent,
};
pub use self::search::{SearchEntry, Source};
pub use self::task::{ReplyTo, TaskEnd, TaskEntry, TaskState, Turn};
pub use self::visibility::{NotAVisibility, Scope, Scoped, Visibility};

/// Whether a member says no more than its absence does.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
