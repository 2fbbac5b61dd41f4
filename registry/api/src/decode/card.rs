//! A2A cards. A card belongs to the named owner if an enrolled key of that peer has signed it. A key that the card names
//! is never followed. A signature is no order: only the owner replaces a card, since an old one is signed as well as a
//! new one.

use proto_types::card::{Assurance, Card, Invalid, jws};
use proto_types::{Digest, Handle, Kid, Origin};
use registry_core::change::Refusal;
use registry_core::command::{Command, Precondition, PutCard, Versioned, Versions};
use registry_core::entry::{ImportKind, PeerStatus, Policy, Scoped as _, Source, Visibility};
use registry_core::query;
use registry_core::view::View;
use serde_json::Value;

use super::Put;
use crate::authority::{self, WriteRequest};
use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::{Code, Problem};

/// What a caller says about the card that it brings; empty is not said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// The peer whose enrolled key has signed it.
    pub owner: &'a str,
    /// Who may see it.
    pub visibility: &'a str,
}

/// A card to keep, as far as no state is needed to read it.
#[derive(Debug)]
pub struct Parsed<'a> {
    handle: Handle,
    owner: Option<Origin>,
    visibility: Option<Visibility>,
    card: Card,
    document: &'a [u8],
    digest: Digest,
}

impl Parsed<'_> {
    /// What it says.
    #[must_use]
    pub fn raw(&self) -> &Value {
        self.card.raw()
    }
}

/// Reads a card to keep under `handle`. With an `owner` anybody may bring it; without one it counts as unsigned, and takes
/// a caller that may publish.
///
/// # Errors
/// `invalid-argument`, `unauthenticated`, `permission-denied`, `malformed-json`, `invalid-document`, `body-too-large`.
pub fn parse<'a>(
    caller: &Principal,
    handle: &str,
    document: &'a [u8],
    terms: &Terms<'_>,
) -> Result<Parsed<'a>, Problem> {
    let handle = field::handle("handle", handle)?;
    let owner: Option<Origin> = field::optional("owner", terms.owner)?;
    let visibility = super::visibility(terms.visibility)?;
    check_role(caller, owner.as_ref())?;
    let card = Card::parse(document)?;
    let digest = card.digest();
    Ok(Parsed { handle, owner, visibility, card, document, digest })
}

/// The write of a card by this caller, judged by this state. The signature of the owner that it names is the authority, and
/// anybody may bring it where there is none yet; without one only an operator may, or an owner of the namespace.
///
/// # Errors
/// `unauthenticated`, `permission-denied`, `bad-signature`, `key-not-enrolled`.
pub fn authorize(parsed: &Parsed<'_>, caller: &Principal, view: &dyn View) -> Result<Put, Problem> {
    let Parsed { handle, owner, visibility, card, document, digest } = parsed;
    let kid = owner.as_ref().map(|origin| signer(card, origin, view)).transpose()?;
    let target = (handle, owner.as_ref(), *visibility);
    let (condition, policy) = check_authority(caller, target, digest, view)?;
    let command = command(parsed, kid);
    let searched = (Source::Card, handle.clone(), super::search::of_card(card.view()));
    let mut proposal = super::with_document((*document, *digest), command, searched)?;
    proposal.commands.splice(0..0, condition);
    Ok(Put {
        kind: "card",
        handle: handle.clone(),
        digest: *digest,
        card_urls: urls(card),
        assurance: assurance(owner.is_some()),
        owner: owner.clone(),
        caller: caller.peer().cloned(),
        policy,
        proposal: caller.with_token_spend(proposal),
    })
}

/// A signed card may be brought by anybody.
fn check_role(caller: &Principal, signer: Option<&Origin>) -> Result<(), Problem> {
    match signer {
        Some(_) => Ok(()),
        None => caller.require(&[Role::Operator, Role::Peer, Role::Instance]),
    }
}

/// Whether the caller may put a card there, signed so; for a caller that may not replace one, what must still be kept when it
/// comes about; and what the handle's namespace demands.
fn check_authority(
    caller: &Principal,
    (handle, signer, visibility): (&Handle, Option<&Origin>, Option<Visibility>),
    offered: &Digest,
    view: &dyn View,
) -> Result<(Option<Command>, Policy), Problem> {
    let card = query::card(view, handle)?;
    let (kept, scope) = (card.as_ref().map(|card| card.digest), card.map(|card| card.scope()));
    let request = WriteRequest { caller, signer, handle, visibility, kept: scope.as_ref() };
    let namespace = authority::check(&request, view)?;
    if authority::has_say(&request, &namespace) {
        return Ok((None, namespace.terms.policy));
    }
    if kept.is_some_and(|kept| kept != *offered) {
        return Err(authority::refused_without_say(caller));
    }
    // Bringing what another registry is the home of would bring it home.
    if let Some(import) = query::provenance(view, ImportKind::Card, handle)?
        && kept.is_some()
    {
        let (kind, id) = (import.kind.as_str().to_owned(), handle.to_string());
        return Err(Refusal::HomeElsewhere { kind, id, home: import.home }.into());
    }
    Ok((Some(unchanged(handle, kept)), namespace.terms.policy))
}

/// That this version is kept, or none.
fn unchanged(handle: &Handle, kept: Option<Digest>) -> Command {
    let (if_match, if_none_match) = match kept {
        Some(kept) => (Some(Versions::OneOf(vec![kept])), None),
        None => (None, Some(Versions::Any)),
    };
    let subject = Versioned::Card(handle.clone());
    Command::Require(Precondition { subject, if_match, if_none_match })
}

/// Where the agent answers.
pub(super) fn urls(card: &Card) -> Vec<String> {
    card.view().interfaces.iter().map(|interface| interface.url.clone()).collect()
}

fn command(parsed: &Parsed<'_>, kid: Option<Kid>) -> Command {
    let Parsed { handle, owner, visibility, digest, .. } = parsed;
    Command::PutCard(PutCard {
        handle: handle.clone(),
        digest: *digest,
        assurance: assurance(owner.is_some()),
        owner: owner.clone().zip(kid),
        visibility: *visibility,
    })
}

fn assurance(signed: bool) -> Assurance {
    if signed { Assurance::Enrolled } else { Assurance::Unsigned }
}

/// The enrolled key of the peer that has signed the card.
pub(super) fn signer(card: &Card, origin: &Origin, view: &dyn View) -> Result<Kid, Problem> {
    let peer = query::peer(view, origin)?.filter(|peer| peer.status == PeerStatus::Active);
    let peer = peer.ok_or_else(|| {
        Problem::new(Code::KeyNotEnrolled, format_args!("{origin} is not an enrolled peer"))
    })?;
    let enrolled =
        |kid: &Kid| peer.keys.iter().find(|key| key.kid == *kid).map(|key| key.public_key);
    let verified = jws::verify(card, &enrolled).map_err(|error| {
        let code = match error {
            jws::Error::UnknownKey { .. } => Code::KeyNotEnrolled,
            jws::Error::Unsigned
            | jws::Error::BadSignature { .. }
            | jws::Error::SignatureForm { .. }
            | jws::Error::KeyAlgorithm { .. }
            | jws::Error::Header { .. } => Code::BadSignature,
            jws::Error::TooMany { .. } => Code::InvalidDocument,
        };
        Problem::new(code, error)
    })?;
    if let Some(path) = card.uncovered(verified.form).first() {
        let why = format_args!("the signature does not cover {path}, which is empty");
        return Err(Problem::new(Code::BadSignature, why).with("instancePath", path.as_str()));
    }
    Ok(verified.kid)
}

/// The problem of a document that is not what was asked for, of a record too.
impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        match &invalid {
            Invalid::TooLong { len, max } => field::too_large(*len, *max),
            Invalid::Json(error) => super::not_json(error),
            Invalid::Schema(errors) => {
                let first = errors.first();
                let path = first.map_or("", |error| error.path.as_str());
                let message = first.map_or_else(String::new, |error| error.problem.to_string());
                Self::new(Code::InvalidDocument, &invalid)
                    .with("instancePath", path)
                    .with("message", message)
                    .with("errors", serde_json::json!(invalid.faults()))
            }
        }
    }
}

#[cfg(test)]
fn put(
    caller: &Principal,
    handle: &str,
    document: &[u8],
    terms: &Terms<'_>,
    view: &dyn View,
) -> Result<Put, Problem> {
    authorize(&parse(caller, handle, document, terms)?, caller, view)
}

#[cfg(test)]
mod es256_tests;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::{Namespace, SecretKey, Stamp, WallMs};
    use registry_core::command::{EnrolPeer, FederationCommand, Import, PutPartner};
    use registry_core::entry::{Approval, EnrolledKey, PartnerKind, PartnerTerms};
    use registry_core::view::Memory;
    use serde_json::json;

    use super::*;

    const PEER: &str = "https://a.example";

    fn enrolled(kid: &str, key: &SecretKey) -> Memory {
        let mut view = Memory::default();
        let command = Command::EnrolPeer(EnrolPeer {
            origin: PEER.parse().unwrap(),
            keys: vec![EnrolledKey::new(kid.parse().unwrap(), key.public())],
            approval: Approval::Operator,
        });
        let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &command).unwrap();
        view.commit(&change.writes);
        view
    }

    fn card() -> Value {
        json!({
            "name": "Text", "description": "d", "version": "1",
            "supportedInterfaces": [{
                "url": "https://a.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
            }],
            "capabilities": { "streaming": true },
            "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
            "skills": [{ "id": "s", "name": "s", "description": "d", "tags": ["t"] }],
        })
    }

    fn signed(name: &str, key: &SecretKey) -> Vec<u8> {
        let mut card = card();
        card["name"] = name.into();
        jws::sign(&card, &"k1".parse().unwrap(), key).unwrap().into_bytes()
    }

    fn owner() -> Principal {
        let (origin, token) = (PEER.parse().unwrap(), None);
        Principal::Peer(crate::identity::PeerCaller { origin, token })
    }

    fn commit(view: &mut Memory, put: Put) {
        let stamp = Stamp { now: WallMs(1) };
        let change = registry_core::apply_batch(view, stamp, &[put.proposal]).unwrap();
        view.commit(&change.writes);
    }

    #[test]
    fn a_card_is_replaced_by_its_owners_own_hand_alone() {
        let key = SecretKey::from_seed(&[1; 32]);
        let mut view = enrolled("k1", &key);
        let (first, second) = (signed("First", &key), signed("Second", &key));
        let terms = Terms { owner: PEER, visibility: "" };
        // The first may come by anybody's hand.
        let brought = put(&Principal::Anonymous, "text", &first, &terms, &view).unwrap();
        commit(&mut view, brought);
        let renewed = put(&owner(), "text", &second, &terms, &view).unwrap();
        commit(&mut view, renewed);
        let stranger = Principal::Peer(crate::identity::PeerCaller {
            origin: "https://b.example".parse().unwrap(),
            token: None,
        });
        let code = |caller: &Principal, document: &[u8], view: &Memory| {
            put(caller, "text", document, &terms, view).map(drop).map_err(|p| p.code())
        };
        assert_eq!(code(&Principal::Anonymous, &first, &view), Err(Code::Unauthenticated));
        assert_eq!(code(&stranger, &first, &view), Err(Code::PermissionDenied));
        // What is there already is no news, whoever brings it.
        assert_eq!(code(&stranger, &second, &view), Ok(()));
        assert_eq!(code(&owner(), &first, &view), Ok(()));
        assert_eq!(code(&Principal::Operator, &first, &view), Ok(()));
    }

    #[test]
    fn a_card_that_a_stranger_brings_replaces_none_that_came_in_between() {
        let key = SecretKey::from_seed(&[1; 32]);
        let mut view = enrolled("k1", &key);
        let terms = Terms { owner: PEER, visibility: "" };
        let (first, second) = (signed("First", &key), signed("Second", &key));
        let late = put(&Principal::Anonymous, "text", &first, &terms, &view).unwrap();
        let owners = put(&owner(), "text", &second, &terms, &view).unwrap();
        commit(&mut view, owners);
        commit(&mut view, late);
        let kept = query::card(&view, &"text".parse().unwrap()).unwrap().unwrap();
        assert_eq!(kept.digest, Digest::of(&second));
    }

    /// A state in which a partner has given this card under the handle `text`.
    fn given(document: &[u8], key: &SecretKey) -> Memory {
        let mut view = enrolled("k1", key);
        let (name, url) = (Namespace::parse("north").unwrap(), "https://north.example");
        let home: Origin = url.parse().unwrap();
        let terms = PartnerTerms {
            url: home.clone(),
            kind: PartnerKind::Ecumene,
            catalog_key: None,
            log_key: String::new(),
            hops: 1,
            namespaces: Vec::new(),
            quota: 10,
        };
        let agree = FederationCommand::PutPartner(PutPartner {
            name: name.clone(),
            terms: Box::new(terms),
        })
        .into();
        let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &agree).unwrap();
        view.commit(&change.writes);
        let (handle, kind) = ("text".parse().unwrap(), ImportKind::Card);
        let (partner, home_revision, home_epoch, entry) = (name, 1, 0, None);
        let import = Import {
            partner,
            kind,
            handle,
            home,
            home_revision,
            home_epoch,
            hops: 1,
            hops_max: 1,
            entry,
        };
        let owner = PEER.parse().unwrap();
        let (put, _) = crate::decode::import::card(document, Some(&owner), import, &view).unwrap();
        commit(&mut view, put);
        view
    }

    #[test]
    fn a_card_of_another_registry_is_brought_home_by_its_owners_own_hand_alone() {
        let key = SecretKey::from_seed(&[1; 32]);
        let document = signed("First", &key);
        let mut view = given(&document, &key);
        let terms = Terms { owner: PEER, visibility: "" };
        let home = |view: &Memory| {
            query::provenance(view, ImportKind::Card, &"text".parse().unwrap()).unwrap()
        };
        assert!(home(&view).is_some());
        let stranger = put(&Principal::Anonymous, "text", &document, &terms, &view);
        assert_eq!(stranger.map(drop).map_err(|p| p.code()), Err(Code::HomeElsewhere));
        let own = put(&owner(), "text", &document, &terms, &view).unwrap();
        commit(&mut view, own);
        assert_eq!(home(&view), None);
    }

    #[test]
    fn a_card_that_gained_members_nobody_signed_is_refused() {
        let key = SecretKey::from_seed(&[1; 32]);
        let view = enrolled("k1", &key);
        for (name, value) in [
            ("securityRequirements", json!([])),
            ("documentationUrl", json!("")),
            ("x-empty", json!({})),
            ("x-nothing", json!(null)),
            ("x-hollow", json!({"a": [{"b": ""}]})),
        ] {
            let mut card: Value = serde_json::from_slice(&signed("N", &key)).unwrap();
            card[name] = value;
            let terms = Terms { owner: PEER, visibility: "" };
            let put = put(&owner(), "text", card.to_string().as_bytes(), &terms, &view);
            let code = put.unwrap_err().code();
            assert!(matches!(code, Code::BadSignature | Code::InvalidDocument), "{name}: {code:?}");
        }
    }

    #[test]
    fn a_card_is_its_owners_only_by_an_enrolled_key() {
        let (own, other) = (SecretKey::from_seed(&[1; 32]), SecretKey::from_seed(&[2; 32]));
        let view = enrolled("k1", &own);
        let put = |caller: &Principal, document: &[u8], owner| {
            let terms = Terms { owner, visibility: "" };
            put(caller, "text", document, &terms, &view).map(drop).map_err(|p| p.code())
        };
        let signed = |kid: &str, key: &SecretKey| {
            jws::sign(&card(), &kid.parse().unwrap(), key).unwrap().into_bytes()
        };
        let plain = card().to_string().into_bytes();
        let (nobody, operator) = (Principal::Anonymous, Principal::Operator);
        assert_eq!(put(&nobody, &signed("k1", &own), PEER), Ok(()));
        assert_eq!(put(&operator, &plain, ""), Ok(()));
        assert_eq!(put(&nobody, &plain, ""), Err(Code::Unauthenticated));
        assert_eq!(put(&operator, &plain, PEER), Err(Code::BadSignature));
        assert_eq!(put(&operator, &signed("k1", &other), PEER), Err(Code::BadSignature));
        assert_eq!(put(&operator, &signed("k2", &own), PEER), Err(Code::KeyNotEnrolled));
        let absent = put(&operator, &signed("k1", &own), "https://b.example");
        assert_eq!(absent, Err(Code::KeyNotEnrolled));
        assert_eq!(put(&operator, b"{}", ""), Err(Code::InvalidDocument));
        assert_eq!(put(&operator, b"{", ""), Err(Code::MalformedJson));
    }
}
