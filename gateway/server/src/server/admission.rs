//! Who is let in: a peer by its token, or a client by what the operator has configured.
//!
//! Decides which of the two a request shows itself to be, and that it is checked as that alone. A peer's permit has a token
//! that must be spent; a client has none. Must never let in anybody by a cache that nobody confirms, nor a client where only
//! peers may go.

use std::net::IpAddr;

use gateway_core::client::{Client, Refused};
use gateway_core::dispatch::Operation;
use gateway_core::{Caller, Credential, Denial, Failure, Holder, Permit, admit, credential};
use http::HeaderMap;

use crate::charger::Bearer;
use crate::clock;
use crate::gateway::Gateway;
use crate::spend::Payment;

use super::seen::Seen;

/// What a request is let in by.
pub(super) enum Admission {
    /// A peer, and the cluster epoch of what its token was checked against.
    Peer(Box<Permit>, u64),
    /// Somebody else, in the same epoch: which agents there are is known from there.
    Client(Client, u64),
}

impl Admission {
    /// Of a request for an A2A call.
    pub(super) fn of_call(
        gateway: &Gateway,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Self, Failure> {
        match find(headers) {
            Ok(credential) => Self::by(gateway, credential),
            Err(credential::Error::Missing) => Self::anybody(gateway, address),
            Err(error) => Err(Failure::Credential(error)),
        }
    }

    /// Of a request that only peers make.
    pub(super) fn of_peer(gateway: &Gateway, headers: &HeaderMap) -> Result<Self, Failure> {
        let credential = find(headers).map_err(Failure::Credential)?;
        match Self::by(gateway, credential)? {
            Self::Client(..) => Err(Failure::Denied(Denial::Client(Refused::Route))),
            peer @ Self::Peer(..) => Ok(peer),
        }
    }

    /// By a credential; nobody by none.
    pub(super) fn of_bearer(gateway: &Gateway, headers: &HeaderMap) -> Result<Self, Failure> {
        Self::by(gateway, find(headers).map_err(Failure::Credential)?)
    }

    fn by(gateway: &Gateway, credential: Credential<'_>) -> Result<Self, Failure> {
        let epoch = gateway.cache.epoch();
        if !gateway.cache.is_fresh() {
            return Err(Failure::RegistryAway);
        }
        let now = clock::wall();
        if let Some(client) = gateway.live.load().clients.admit(credential, now) {
            let client = client.map_err(|refused| Failure::Denied(Denial::Client(refused)))?;
            return Ok(Self::Client(client, epoch));
        }
        let peers = gateway.cache.peers.load();
        let context = (&**peers, &gateway.admission);
        let shared = gateway.fixed.shared.admit(context, credential, now);
        let permit = shared.unwrap_or_else(|| admit(&peers, &gateway.admission, credential, now));
        let permit = permit.inspect_err(|denial| gateway.fleet.note(denial));
        permit.map(|permit| Self::Peer(Box::new(permit), epoch)).map_err(Failure::Denied)
    }

    fn anybody(gateway: &Gateway, address: IpAddr) -> Result<Self, Failure> {
        let epoch = gateway.cache.epoch();
        let client = gateway.live.load().clients.anybody(address);
        let client = client.ok_or(Failure::Credential(credential::Error::Missing))?;
        if !gateway.cache.is_fresh() {
            return Err(Failure::RegistryAway);
        }
        Ok(Self::Client(client, epoch))
    }

    /// Sheds load. Who has nothing to spend at the registry may need nothing of it.
    pub(super) fn check_load(&self, gateway: &Gateway) -> Result<(), Failure> {
        if self.is_spent_at_the_registry() { gateway.check_load() } else { Ok(()) }
    }

    /// Counts the request against its caller's own limit.
    pub(super) fn check_limit(&self, gateway: &Gateway, seen: &mut Seen) -> Result<(), Failure> {
        match self {
            Self::Peer(permit, epoch) => {
                seen.bearer = Some(Bearer::of(permit, *epoch));
                let (policy, left) = gateway.count_request(&permit.peer);
                seen.limit = Some((policy, left));
                left.map(drop).map_err(Failure::PeerLimit)
            }
            Self::Client(client, _) => {
                seen.client = Some(client.caller().clone());
                let (policy, left) = gateway.live.load().clients.count(client, clock::mono());
                seen.limit = Some((policy, left));
                left.map(drop).map_err(Failure::ClientLimit)
            }
        }
    }

    /// Whether it may make this call: of a client the operator lists what it may.
    pub(super) fn check_method(&self, operation: Operation) -> Result<(), Failure> {
        match self {
            Self::Peer(..) => Ok(()),
            Self::Client(client, _) => client.check_method(operation),
        }
    }

    /// Who the request is carried out for.
    pub(super) fn caller(&self) -> Caller {
        match self {
            Self::Peer(permit, _) => permit.caller(),
            Self::Client(client, _) => client.caller().clone(),
        }
    }

    /// The cluster epoch of what it was checked against.
    pub(super) const fn epoch(&self) -> u64 {
        match self {
            Self::Peer(_, epoch) | Self::Client(_, epoch) => *epoch,
        }
    }

    /// The permit, of a peer.
    pub(super) fn permit(&self) -> Option<&Permit> {
        match self {
            Self::Peer(permit, _) => Some(permit),
            Self::Client(..) => None,
        }
    }

    /// What pays for the request. A bound token is spent by this.
    pub(super) fn payment(&self, gateway: &Gateway) -> Result<Payment, Failure> {
        match self {
            Self::Peer(permit, epoch) => Payment::of(gateway, permit, *epoch),
            Self::Client(..) => Ok(Payment::nothing()),
        }
    }

    /// Whether it has a token that the registry spends.
    pub(super) fn is_spent_at_the_registry(&self) -> bool {
        self.permit().is_some_and(|permit| permit.holder.is_none())
    }

    /// The permit, of a peer whose token another gateway has to spend.
    pub(super) fn elsewhere(&self) -> Option<&Permit> {
        self.permit().filter(|permit| matches!(permit.holder, Some(Holder::Another { .. })))
    }
}

fn find(headers: &HeaderMap) -> Result<Credential<'_>, credential::Error> {
    Credential::find(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}
