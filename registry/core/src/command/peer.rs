//! What may be asked about peers beside enrolling them by a list of keys.
//! Data only: it decides nothing, and must never carry a signature that nobody has verified.

use proto_types::manifest::RecoveryKey;
use proto_types::peer::PeerOperation;
use proto_types::{Digest, Kid, Origin, PublicKey, WallMs};
use serde::{Deserialize, Serialize};

use crate::entry::{Approval, Candidate, DomainMethod, EnrolledKey, PeerStatus};

/// One wish about a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerCommand {
    /// Enrols a peer with all that it brings; as `EnrolPeer` otherwise.
    Admit {
        /// What it brings.
        candidate: Candidate,
        /// Who approved; a join token is spent by this.
        approval: Approval,
    },
    /// Keeps a peer's wish to be let in, for an operator or for its host to decide.
    Request {
        /// What it brings; its keys are proven.
        candidate: Candidate,
        /// Whether its host shall be asked.
        domain: bool,
        /// Where it came from, as far as that is known: it has a share of the places.
        #[serde(default)]
        source: Option<String>,
    },
    /// Decides a request.
    Decide {
        /// Whose.
        origin: Origin,
        /// Which, as its digest names it.
        id: Digest,
        /// Who approved; `None` rejects it.
        approval: Option<Approval>,
    },
    /// Carries out an operation of a peer's owner.
    Operate {
        /// What is done; verified at the edge.
        operation: PeerOperation,
        /// Its document digest.
        document: Digest,
        /// Its bytes; must be stored (by a `PutBody` before it).
        body: Digest,
        /// The keys that have signed; one of them must still be the peer's.
        signed_by: Vec<(Kid, PublicKey)>,
    },
    /// The operator's word.
    Stand {
        /// Which peer.
        origin: Origin,
        /// What holds from now on.
        standing: PeerStatus,
        /// Why, for people.
        reason: Option<String>,
    },
    /// Takes over a verified manifest; the peer's enrolled keys become the manifest's signing keys.
    State {
        /// Who issued it; must be enrolled.
        issuer: Origin,
        /// Must exceed what is kept.
        seq: u64,
        /// The body of the manifest before it, if it names one.
        prev: Option<Digest>,
        /// Its body; must be stored (by a `PutBody` before it).
        digest: Digest,
        /// At least this much later than now.
        expires_at: WallMs,
        /// The keys it was verified with; each must still be enrolled.
        signed_by: Vec<Kid>,
        /// The keys it states.
        keys: Vec<EnrolledKey>,
        /// Its document digest: what its successor names.
        document: Digest,
        /// The recovery keys it states; none leaves those that there are.
        recovery_keys: Vec<RecoveryKey>,
    },
    /// Has a peer's host asked soon whether it vouches for the peer.
    AskDomain {
        /// Which peer.
        origin: Origin,
    },
    /// What a host said when it was asked.
    NoteDomain {
        /// Whose host.
        origin: Origin,
        /// The request that it was asked for; `None` for an enrolled peer.
        request: Option<Digest>,
        /// How it vouched; `None` if it did not.
        proven: Option<DomainMethod>,
    },
    /// Lets a peer's tokens live longer than others'.
    AllowTokenLife {
        /// Which peer.
        origin: Origin,
        /// For how long, 300 to 3,600 s; `None` as all.
        seconds: Option<u32>,
    },
}
