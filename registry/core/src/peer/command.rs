//! The commands about peers. Every signature in them was verified at the edge.

use proto_types::manifest::RecoveryKey;
use proto_types::peer::PeerOperation;
use proto_types::{Digest, Kid, Origin, PublicKey, WallMs};
use serde::{Deserialize, Serialize};

use super::entry::{Approval, Candidate, DomainMethod, EnrolledKey, PeerStatus};

/// One command about a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerCommand {
    /// Enrols a peer with all that it brings.
    Admit(AdmitPeer),
    /// Keeps a peer's request to be let in.
    Request(RequestEnrolment),
    /// Decides a request.
    Decide(DecideEnrolment),
    /// Carries out an operation of a peer's owner.
    Operate(OperatePeer),
    /// The operator's word.
    Stand(StandPeer),
    /// Takes over a verified manifest.
    State(StateManifest),
    /// Has a peer's host asked soon whether it vouches for the peer.
    AskDomain(AskDomain),
    /// What a host said when it was asked.
    NoteDomain(NoteDomain),
    /// Lets a peer's tokens live longer than others'.
    AllowTokenLife(AllowTokenLife),
}

/// Enrols a peer by a list of keys, or repeats the enrolment with the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolPeer {
    /// Its name.
    pub origin: Origin,
    /// 1 to 16 keys.
    pub keys: Vec<EnrolledKey>,
    /// Who approved; a join token is spent by this.
    pub approval: Approval,
}

/// Revokes a peer: none of its keys counts any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokePeer {
    /// Which peer.
    pub origin: Origin,
}

/// Enrols a peer with all that it brings; as `EnrolPeer` otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmitPeer {
    /// What it brings.
    pub candidate: Candidate,
    /// Who approved; a join token is spent by this.
    pub approval: Approval,
}

/// Keeps a peer's request to be let in, for an operator or for its host to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEnrolment {
    /// What it brings; its keys are proven.
    pub candidate: Candidate,
    /// Whether its host shall be asked.
    pub domain: bool,
    /// Where it came from, as far as that is known: it has a share of the places.
    #[serde(default)]
    pub source: Option<String>,
}

/// Decides a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecideEnrolment {
    /// Whose.
    pub origin: Origin,
    /// Which, as its digest names it.
    pub id: Digest,
    /// Who approved; `None` rejects it.
    pub approval: Option<Approval>,
}

/// Carries out an operation of a peer's owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatePeer {
    /// What is done; verified at the edge.
    pub operation: PeerOperation,
    /// Its document digest.
    pub document: Digest,
    /// Its bytes; must be stored (by a `PutBody` before it).
    pub body: Digest,
    /// The keys that have signed; one of them must still be the peer's.
    pub signed_by: Vec<(Kid, PublicKey)>,
}

/// The operator's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandPeer {
    /// Which peer.
    pub origin: Origin,
    /// What holds from now on.
    pub standing: PeerStatus,
    /// Why, for people.
    pub reason: Option<String>,
}

/// Takes over a verified manifest; the peer's enrolled keys become the manifest's signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateManifest {
    /// Who issued it; must be enrolled.
    pub issuer: Origin,
    /// Must exceed what is kept.
    pub seq: u64,
    /// The body of the manifest before it, if it names one.
    pub prev: Option<Digest>,
    /// Its body; must be stored (by a `PutBody` before it).
    pub digest: Digest,
    /// At least this much later than now.
    pub expires_at: WallMs,
    /// The keys it was verified with; each must still be enrolled.
    pub signed_by: Vec<Kid>,
    /// The keys it states.
    pub keys: Vec<EnrolledKey>,
    /// Its document digest: what its successor names.
    pub document: Digest,
    /// The recovery keys it states; none leaves those that there are.
    pub recovery_keys: Vec<RecoveryKey>,
}

/// Has a peer's host asked soon whether it vouches for the peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskDomain {
    /// Which peer.
    pub origin: Origin,
}

/// What a host said when it was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteDomain {
    /// Whose host.
    pub origin: Origin,
    /// The request that it was asked for; `None` for an enrolled peer.
    pub request: Option<Digest>,
    /// How it vouched; `None` if it did not.
    pub proven: Option<DomainMethod>,
}

/// Lets a peer's tokens live longer than others'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowTokenLife {
    /// Which peer.
    pub origin: Origin,
    /// For how long, 300 to 3,600 s; `None` as all.
    pub seconds: Option<u32>,
}
