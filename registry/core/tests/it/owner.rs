//! An owner of a peer with its keys: signs operations as the edge would have verified them.

use proto_types::manifest::{KeyUse, ManifestKey, RecoveryKey};
use proto_types::peer::{Action, EnrolledKey, PeerOperation};
use proto_types::{Digest, Kid, SecretKey, Signed, WallMs};
use registry_core::change::{Refusal, Reply};
use registry_core::command::{
    AdmitPeer, Command, OperatePeer, PeerCommand, PutBody, StateManifest,
};
use registry_core::entry::{Approval, Candidate, Founding, PeerEntry};
use registry_core::query;

use crate::world::*;

pub(crate) const HOUR: u64 = 60 * MINUTE;

pub(crate) fn secret(name: u8) -> SecretKey {
    SecretKey::from_seed(&[name; 32])
}

/// Signing key `name`, valid for ten years.
pub(crate) fn signing(name: u8) -> ManifestKey {
    let (not_before, not_after) = (START.minus_ms(DAY), START.plus_ms(3_650 * DAY));
    let public_key = secret(name).public().into();
    ManifestKey { kid: kid(name), public_key, usage: KeyUse::Signing, not_before, not_after }
}

pub(crate) fn recovery(name: u8) -> RecoveryKey {
    RecoveryKey { kid: kid(name), public_key: secret(name).public() }
}

impl World {
    /// Peer 0 with signing key 0 and recovery key 9, enrolled by its own signed operation.
    pub(crate) fn owned() -> Self {
        let mut world = Self::new();
        let action = Action::Enrol { keys: vec![signing(0)], recovery_keys: vec![recovery(9)] };
        let operation = world.operation(0, 1, None, action);
        let (body, document) = signed(operation, &[0]);
        world.done(&Command::PutBody(PutBody { bytes: body.clone() }));
        let candidate = Candidate {
            origin: origin(0),
            keys: vec![EnrolledKey::from(&signing(0))],
            recovery_keys: vec![recovery(9)],
            founding: Some(Founding { epoch: 0, document, body: Digest::of(&body) }),
        };
        let approval = Approval::Operator;
        world.done(&Command::Peer(PeerCommand::Admit(AdmitPeer { candidate, approval })));
        world
    }

    pub(crate) fn peer(&self) -> PeerEntry {
        query::peer(&self.memory, &origin(0)).unwrap().unwrap()
    }

    /// The digest of the newest line of the log.
    pub(crate) fn head(&self) -> Digest {
        self.peer().log.unwrap().digest
    }

    pub(crate) fn operation(
        &self,
        epoch: u64,
        seq: u64,
        prev: Option<Digest>,
        action: Action,
    ) -> PeerOperation {
        let (issued_at, expires_at) = (self.now, self.now.plus_ms(HOUR));
        PeerOperation { issuer: origin(0), epoch, seq, issued_at, expires_at, prev, action }
    }

    /// The next operation of the owner, signed by these keys.
    pub(crate) fn act(&mut self, action: Action, keys: &[u8]) -> Reply {
        let command = self.next(action, keys);
        self.say(&command)
    }

    pub(crate) fn acted(&mut self, action: Action, keys: &[u8]) {
        let command = self.next(action, keys);
        self.done(&command);
    }

    pub(crate) fn act_refused(&mut self, action: Action, keys: &[u8]) -> Refusal {
        match self.act(action, keys) {
            Reply::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// The next operation, its body stored.
    pub(crate) fn next(&mut self, action: Action, keys: &[u8]) -> Command {
        let peer = self.peer();
        let kept = peer.operation;
        let seq = kept.map_or(1, |kept| kept.seq + 1);
        let operation = self.operation(peer.epoch, seq, kept.map(|kept| kept.digest), action);
        self.stored(operation, keys)
    }

    /// A recovery that goes back to the line `after`, which left `seq` and `prev`.
    pub(crate) fn recover(
        &mut self,
        after: Digest,
        (seq, prev): (u64, Option<Digest>),
        new: u8,
        by: u8,
    ) -> Command {
        let keys = vec![signing(new)];
        let action = Action::Recover { after, keys, recovery_keys: vec![recovery(9)] };
        let operation = self.operation(self.peer().epoch + 1, seq, prev, action);
        self.stored(operation, &[by, new])
    }

    fn stored(&mut self, operation: PeerOperation, keys: &[u8]) -> Command {
        let (bytes, document) = signed(operation.clone(), keys);
        let body = Digest::of(&bytes);
        self.done(&Command::PutBody(PutBody { bytes }));
        let signed_by = keys.iter().map(|name| (kid(*name), secret(*name).public())).collect();
        Command::Peer(PeerCommand::Operate(OperatePeer { operation, document, body, signed_by }))
    }

    /// A manifest of the owner, really signed, its body stored.
    pub(crate) fn state(&mut self, seq: u64, expires_at: WallMs, by: u8, keys: &[u8]) -> Command {
        let manifest = proto_types::manifest::PeerManifest {
            issuer: origin(0),
            seq,
            issued_at: self.now,
            expires_at,
            prev: (seq > 1).then(|| digest(77)),
            keys: keys.iter().map(|name| signing(*name)).collect(),
            recovery_keys: Vec::new(),
            endpoints: Default::default(),
            capabilities: Vec::new(),
            contact: None,
        };
        let keys = manifest.keys.iter().map(EnrolledKey::from).collect();
        let signed = Signed::sign(manifest, &[(kid(by), &secret(by))]).unwrap();
        let (bytes, document) = (signed.bytes().to_vec(), signed.document_digest());
        let digest = Digest::of(&bytes);
        self.done(&Command::PutBody(PutBody { bytes }));
        Command::Peer(PeerCommand::State(StateManifest {
            issuer: origin(0),
            seq,
            prev: None,
            digest,
            expires_at,
            signed_by: vec![kid(by)],
            keys,
            document,
            recovery_keys: Vec::new(),
        }))
    }
}

pub(crate) fn rotate(add: &[u8], retire: &[(u8, WallMs)]) -> Action {
    let retire = retire.iter().map(|(name, not_after)| proto_types::peer::Retirement {
        kid: kid(*name),
        not_after: *not_after,
    });
    Action::Rotate {
        add: add.iter().map(|name| signing(*name)).collect(),
        retire: retire.collect(),
    }
}

fn signed(operation: PeerOperation, keys: &[u8]) -> (Vec<u8>, Digest) {
    let secrets: Vec<(Kid, SecretKey)> = keys.iter().map(|it| (kid(*it), secret(*it))).collect();
    let named: Vec<_> = secrets.iter().map(|(kid, key)| (kid.clone(), key)).collect();
    let signed = Signed::sign(operation, &named).unwrap();
    (signed.bytes().to_vec(), signed.document_digest())
}
