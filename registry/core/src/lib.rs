//! The registry's pure core: `apply(&View, Stamp, &Command) -> Change`. It decides the result of every command from its
//! arguments alone. It must never read a clock, a file or a socket.
//!
//! Each subject has a folder: what is stored (`entry`), where (`table`), the commands (`command`), their decisions
//! (`apply`) and the reads (`query`). The files beside the folders belong to no single subject. Other crates see `entry`,
//! `command`, `query` and `table`.

pub mod administrative;
mod agent;
mod apply;
mod audience;
mod audit;
mod body;
mod bound;
mod cached;
mod card;
pub mod change;
mod clock;
mod codec;
pub mod command;
mod compact;
mod conduct;
mod counter;
mod credential;
mod draft;
mod entity;
mod envelope;
pub mod epoch;
pub mod fleet_quota;
mod gateway;
mod history;
mod import;
mod index;
mod instance;
mod join_token;
mod layout;
mod leaf;
mod listing;
mod log;
mod member;
mod namespace;
mod node;
pub mod overlay;
mod partner;
mod peer;
mod policy;
mod precondition;
mod reachability;
mod record;
mod report;
pub mod search;
mod source;
pub mod state_hash;
mod storage;
pub mod table;
mod task;
pub mod timekeeper;
mod token;
pub mod verify;
pub mod view;
pub mod viewer;
mod visibility;
mod witness;

pub use crate::agent::fact::agent_statement;
pub use crate::apply::{BatchChange, apply, apply_batch};
pub use crate::conduct::reputation;
pub use crate::namespace::fact::namespace_statement;
pub use crate::peer::fact::peer_statement;
pub use crate::task::{fair, rank};

pub mod entry {
    //! The entities of the directory as they are stored.
    //! Formats: MessagePack maps with member names, so that later versions may add members. A new member has a default and
    //! is left out where it has that value: members of two versions then keep the same bytes of an entry without the new
    //! fact.
    //! An entry holds digests of bodies, never the bodies.

    pub use crate::agent::entry::{AgentEntry, AgentKind, Backend, Hosted, Limits, agent_version};
    pub use crate::card::entry::CardEntry;
    pub use crate::conduct::entry::{EvidenceEntry, ReporterEntry, Window};
    pub use crate::envelope::entry::{Acked, Dead, DeadCause, EnvelopeEntry, FailedAttempt};
    pub use crate::gateway::entry::GatewayEntry;
    pub use crate::history::entry::{ChangeEvent, ChangeKind};
    pub use crate::import::entry::{ImportKind, ProvenanceEntry};
    pub use crate::instance::entry::InstanceEntry;
    pub use crate::join_token::entry::{JoinRole, JoinTokenEntry};
    pub use crate::member::entry::MemberEntry;
    pub use crate::namespace::entry::{
        Grants, NamespaceEntry, Policy, Quotas, Terms, TrustMode, Usage,
    };
    pub use crate::node::entry::{Capacity, NodeEntry, NodeState};
    pub use crate::partner::entry::{
        Agreement, Failing, Held, PARTNERS_MAX, PartnerEntry, PartnerKind, PartnerState,
        PartnerTerms, PassedOver,
    };
    pub use crate::peer::entry::{
        Approval, Candidate, DomainMethod, DomainProof, EnrolledKey, Founding, LogHead,
        ManifestRef, PeerEntry, PeerLogEntry, PeerRequest, PeerStatus, Recent,
    };
    pub use crate::policy::entry::PolicyEntry;
    pub use crate::reachability::entry::{Reachability, ReachabilityEntry, Subject};
    pub use crate::record::entry::RecordEntry;
    pub use crate::search::entry::SearchEntry;
    pub use crate::source::Source;
    pub use crate::task::entry::{ReplyTo, TaskEnd, TaskEntry, TaskState, Turn};
    pub use crate::visibility::{Scope, Scoped, Visibility};
}

pub mod query {
    //! Reads of the state for the shell: the same for every member, as of the view's revision. Each fails as the view
    //! itself does: the store failed, or a value does not decode.
    //! Those named `…_seen` take the viewer for whom they read.

    pub use crate::agent::query::{agent, agent_seen, agents_seen};
    pub use crate::audit::query::{audit_end, audit_lines};
    pub use crate::audit::rows::AuditHead;
    pub use crate::body::query::body;
    pub use crate::card::query::{card, card_seen, cards_listed};
    pub use crate::clock::query::clock;
    pub use crate::conduct::query::{Line as EvidenceLine, Reputation, reputation};
    pub use crate::envelope::query::{
        dead_letter_count, dead_letters, envelope, next_lease_at, queue_depth,
    };
    pub use crate::gateway::query::{gateway, gateways};
    pub use crate::history::query::{changes, compacted, revision, revision_at};
    pub use crate::import::query::{imports, provenance};
    pub use crate::instance::query::{instance, instance_of, instances};
    pub use crate::join_token::query::join_token;
    pub use crate::log::query::{LogRows, checkpoint, inclusion, log_entries, log_head};
    pub use crate::member::query::{cluster_epoch, cluster_id, member};
    pub use crate::namespace::query::{
        admitted, namespace, namespace_of, namespaces, namespaces_owned, usage, viewer,
    };
    pub use crate::node::query::{node, nodes};
    pub use crate::partner::query::{partner, partners};
    pub use crate::peer::query::{
        DomainsDue, assurance, domains_due, expired_manifests, peer, peer_log, peer_log_from,
        peer_request, peer_requests, peer_requests_waiting, peers,
    };
    pub use crate::policy::query::{policies, policy};
    pub use crate::reachability::query::{peer_reachability, reachability, reachability_seen};
    pub use crate::record::query::{record, record_of_card, record_seen, records, records_listed};
    pub use crate::storage::kept_bytes;
    pub use crate::task::list::{
        StateWord, TASKS_COUNTED_MAX, TaskFilter, TaskPage, tasks_listed, tasks_listed_before,
    };
    pub use crate::task::query::{
        count_pending_after, open_tasks, overdue_tasks, pending_tasks, pending_tasks_after, task,
        task_ids_of_node, tasks_of_node,
    };
    pub use crate::token::query::is_spent;
    pub use crate::witness::query::{witnessed, witnessed_epoch};
}
