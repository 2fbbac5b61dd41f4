//! Who may write which entry, and choose who sees it: by the caller, the enrolled signer of the document, and the
//! namespace. Of an entry that it may not see, a caller learns only that its handle is not open to it.

use proto_types::{Handle, Namespace, Origin, TenantKey};
use registry_core::entry::{ImportKind, Scope, Terms, Visibility};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{Disclosure, Viewer};

use crate::identity::Principal;
use crate::problem::{Code, Problem};

/// The longest slug, as the Pilox registry has it.
const SLUG_LEN_MAX: usize = 128;

/// A request to write an entry.
#[derive(Clone, Copy, Debug)]
pub struct WriteRequest<'a> {
    /// Who asks.
    pub caller: &'a Principal,
    /// The peer whose enrolled key has signed the document.
    pub signer: Option<&'a Origin>,
    /// The entry.
    pub handle: &'a Handle,
    /// Who may see it, if the caller says so.
    pub visibility: Option<Visibility>,
    /// Who may see what is stored under the handle now, if something is.
    pub kept: Option<&'a Scope>,
}

/// The namespace that a handle is in.
#[derive(Clone, Debug)]
pub struct HandleNamespace {
    /// Its name.
    pub name: Namespace,
    /// What holds in it.
    pub terms: Terms,
}

impl HandleNamespace {
    /// That of this handle, as this state has it.
    ///
    /// # Errors
    /// `internal` if the view fails.
    pub fn of(handle: &Handle, view: &dyn View) -> Result<Self, Problem> {
        let name = query::namespace_of(view, handle)?;
        let terms = query::namespace(view, &name)?.map(|kept| kept.terms).unwrap_or_default();
        Ok(Self { name, terms })
    }

    fn is_owned_by(&self, origin: Option<&Origin>) -> bool {
        origin.is_some_and(|origin| self.terms.owners.contains(origin))
    }
}

/// Holds if the write may be proposed, and gives the namespace of its handle. In a namespace with owners only these write;
/// elsewhere every enrolled signer does. The operator may everything.
///
/// # Errors
/// `unauthenticated` for nobody, `permission-denied` for somebody else.
pub fn check(request: &WriteRequest<'_>, view: &dyn View) -> Result<HandleNamespace, Problem> {
    let namespace = HandleNamespace::of(request.handle, view)?;
    match request.caller {
        Principal::Operator => {}
        Principal::Instance(tenant) => {
            check_instance(tenant, request, &namespace.name, view)?;
        }
        _ => check_owner(request, &namespace, view)?,
    }
    Ok(namespace)
}

/// The caller or the signer has to own the namespace, or to be any peer where nobody does.
fn check_owner(
    request: &WriteRequest<'_>,
    namespace: &HandleNamespace,
    view: &dyn View,
) -> Result<(), Problem> {
    // What begins with an instance's tenant key is written by nobody else but the same peer.
    let instance = query::instance_of(view, request.handle)?;
    if instance.is_some_and(|instance| request.signer != Some(&instance.origin)) {
        return Err(refused(request));
    }
    let open = namespace.name.as_str() == Namespace::DEFAULT && request.signer.is_some();
    let owns = |origin| namespace.is_owned_by(origin);
    if !(open || owns(request.caller.peer()) || owns(request.signer)) {
        return Err(refused(request));
    }
    if request.visibility.is_some() && !has_say(request, namespace) {
        return Err(refused(request));
    }
    match request.kept {
        Some(kept) if !sees_whole(request, kept, view)? => Err(denied()),
        _ => Ok(()),
    }
}

/// Whether it is the caller's own word, and not only a document that it brings: the operator's, an
/// instance's, the signer's, or an owner's of the namespace. Anybody may bring a signed document, so
/// bringing it gives no say in who sees it or what it replaces.
#[must_use]
pub fn has_say(request: &WriteRequest<'_>, namespace: &HandleNamespace) -> bool {
    let Some(calls) = request.caller.peer() else {
        return matches!(request.caller, Principal::Operator | Principal::Instance(_));
    };
    request.signer == Some(calls) || namespace.is_owned_by(Some(calls))
}

/// An instance writes `tenantKey/slug`, shown to everybody, unsigned or signed by its own peer, and nothing that a namespace
/// has claimed. It gives the origin of that peer.
fn check_instance(
    tenant: &TenantKey,
    request: &WriteRequest<'_>,
    namespace: &Namespace,
    view: &dyn View,
) -> Result<Origin, Problem> {
    check_own(tenant, request.handle)?;
    let own = query::instance(view, tenant)?.ok_or_else(denied)?.origin;
    let open = namespace.as_str() == Namespace::DEFAULT && request.visibility.is_none();
    let by_itself = request.signer.is_none_or(|signer| *signer == own);
    match open && by_itself && request.kept.is_none_or(is_open) {
        true => Ok(own),
        false => Err(denied()),
    }
}

/// Whether everybody sees all of it.
fn is_open(scope: &Scope) -> bool {
    Viewer::Anonymous.disclosure(scope) == Disclosure::Whole
}

/// Holds if the handle is this tenant's: its key, a slash, and a word of the alphabet that Pilox has
/// for them.
///
/// # Errors
/// `permission-denied`.
pub fn check_own(tenant: &TenantKey, handle: &Handle) -> Result<(), Problem> {
    let slug = handle.as_str().strip_prefix(tenant.as_str()).and_then(|it| it.strip_prefix('/'));
    match slug.is_some_and(is_slug) {
        true => Ok(()),
        false => {
            let why = format_args!("this token writes {tenant}/slug only, of a-z, 0-9 and -");
            Err(Problem::new(Code::PermissionDenied, why).with("tenantKey", tenant.as_str()))
        }
    }
}

fn is_slug(slug: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| *byte != b'-');
    let bytes = slug.as_bytes();
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    bytes.len() <= SLUG_LEN_MAX
        && bytes.iter().all(word)
        && edge(bytes.first())
        && edge(bytes.last())
}

/// The refusal of who has no say.
#[must_use]
pub fn refused_without_say(caller: &Principal) -> Problem {
    match caller {
        Principal::Anonymous => {
            Problem::new(Code::Unauthenticated, "replacing this needs its owner's credential")
        }
        _ => denied(),
    }
}

/// Whose word it is if the caller deletes a record that it sees with this scope; `None` for the operator's.
///
/// # Errors
/// As [`check`].
pub fn check_delete(
    caller: &Principal,
    handle: &Handle,
    kept: &Scope,
    view: &dyn View,
) -> Result<Option<Origin>, Problem> {
    if let Principal::Instance(tenant) = caller {
        let request =
            WriteRequest { caller, signer: None, handle, visibility: None, kept: Some(kept) };
        return check_instance_delete(tenant, &request, view).map(Some);
    }
    let calls = caller.peer();
    if *caller == Principal::Operator || calls.is_some() && calls == kept.owner.as_ref() {
        return Ok(calls.cloned());
    }
    match HandleNamespace::of(handle, view)?.is_owned_by(calls) {
        true => Ok(calls.cloned()),
        false => Err(denied()),
    }
}

/// An instance deletes what it could write: in the default namespace, shown to everybody, no other peer's, and no other
/// registry's.
fn check_instance_delete(
    tenant: &TenantKey,
    request: &WriteRequest<'_>,
    view: &dyn View,
) -> Result<Origin, Problem> {
    let namespace = query::namespace_of(view, request.handle)?;
    let own = check_instance(tenant, request, &namespace, view)?;
    let owner = request.kept.and_then(|kept| kept.owner.as_ref());
    let imported = query::provenance(view, ImportKind::Record, request.handle)?.is_some();
    match owner.is_none_or(|owner| *owner == own) && !imported {
        true => Ok(own),
        false => Err(denied()),
    }
}

fn sees_whole(request: &WriteRequest<'_>, kept: &Scope, view: &dyn View) -> Result<bool, Problem> {
    if request.caller.viewer(view)?.disclosure(kept) == Disclosure::Whole {
        return Ok(true);
    }
    // A signature speaks for its owner, whoever brings it.
    let Some(signer) = request.signer else { return Ok(false) };
    Ok(query::viewer(view, signer)?.disclosure(kept) == Disclosure::Whole)
}

fn refused(request: &WriteRequest<'_>) -> Problem {
    match request.caller {
        Principal::Anonymous if request.signer.is_none() || request.visibility.is_some() => {
            Problem::new(Code::Unauthenticated, "this call needs a credential")
        }
        _ => denied(),
    }
}

/// One answer for every reason: what is hidden does not show in it.
fn denied() -> Problem {
    Problem::new(Code::PermissionDenied, "the handle is not open to this caller")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::card::Assurance;
    use proto_types::{Digest, SecretKey, Stamp, WallMs};
    use registry_core::command::{
        Command, CreateInstance, DeleteRecord, EnrolPeer, FederationCommand, Import,
        ImportedRecord, InstanceCommand, NamespaceCommand, PutBody, PutNamespace, PutPartner,
        PutRecord,
    };
    use registry_core::entry::{Approval, EnrolledKey, PartnerKind, PartnerTerms, Terms};
    use registry_core::view::Memory;

    use super::*;
    use crate::decode;

    const NOW: WallMs = WallMs(1_800_000_000_000);
    const HANDLE: &str = "acme01/agent";

    fn done(view: &mut Memory, command: &Command) {
        let change = registry_core::apply(view, Stamp { now: NOW }, command).unwrap();
        let refused = matches!(change.reply, registry_core::change::Reply::Refused(_));
        assert!(!refused, "{command:?}: {:?}", change.reply);
        view.commit(&change.writes);
    }

    /// What is under the instance's key, then the instance, as an operator lets one in.
    fn with_instance(before: &[Command]) -> Memory {
        let mut view = Memory::default();
        done(&mut view, &Command::PutBody(PutBody { bytes: b"{}".to_vec() }));
        before.iter().for_each(|command| done(&mut view, command));
        let (tenant, origin) = (tenant(), "https://acme.example".parse().unwrap());
        let token = Digest::of(b"secret");
        done(
            &mut view,
            &Command::Instance(InstanceCommand::Create(CreateInstance { tenant, origin, token })),
        );
        view
    }

    fn tenant() -> TenantKey {
        TenantKey::parse("acme01").unwrap()
    }

    fn record(owner: Option<&str>) -> Command {
        Command::PutRecord(PutRecord {
            handle: HANDLE.parse().unwrap(),
            digest: Digest::of(b"{}"),
            updated_at: NOW,
            valid_until: None,
            ttl_s: None,
            agent_card_url: "https://acme.example/card.json".into(),
            assurance: Assurance::SelfAsserted,
            owner: owner.map(|origin| (origin.parse().unwrap(), "k1".parse().unwrap())),
            if_match: None,
            visibility: None,
            vouched: false,
        })
    }

    fn enrol(origin: &str, seed: u8) -> Command {
        let key = SecretKey::from_seed(&[seed; 32]).public();
        Command::EnrolPeer(EnrolPeer {
            origin: origin.parse().unwrap(),
            keys: vec![EnrolledKey::new("k1".parse().unwrap(), key)],
            approval: Approval::Operator,
        })
    }

    fn claim() -> Command {
        let terms = Terms { prefixes: vec!["acme01/".into()], ..Terms::default() };
        let (name, terms) = (Namespace::parse("acme").unwrap(), Box::new(terms));
        Command::Namespace(NamespaceCommand::Put(PutNamespace { name, terms, by: None }))
    }

    fn partner() -> Command {
        let terms = PartnerTerms {
            url: "https://far.example".parse().unwrap(),
            kind: PartnerKind::Ecumene,
            catalog_key: None,
            log_key: String::new(),
            hops: 2,
            namespaces: Vec::new(),
            quota: 9,
        };
        let name = Namespace::parse("far").unwrap();
        FederationCommand::PutPartner(PutPartner { name, terms: Box::new(terms) }).into()
    }

    fn import() -> Command {
        let entry = ImportedRecord {
            digest: Digest::of(b"{}"),
            assurance: Assurance::SelfAsserted,
            owner: None,
            public: true,
            updated_at: NOW,
            valid_until: None,
            ttl_s: None,
            agent_card_url: "https://far.example/card.json".into(),
        };
        FederationCommand::Import(Box::new(Import {
            partner: Namespace::parse("far").unwrap(),
            kind: ImportKind::Record,
            handle: HANDLE.parse().unwrap(),
            home: "https://far.example".parse().unwrap(),
            home_revision: 1,
            home_epoch: 0,
            hops: 1,
            hops_max: 2,
            entry: Some(entry),
        }))
        .into()
    }

    #[test]
    fn whoever_may_write_is_given_the_namespace_of_the_handle_with_what_holds_in_it() {
        let view = with_instance(&[claim()]);
        let given = |handle: &str| {
            let (caller, handle) = (&Principal::Operator, &handle.parse().unwrap());
            let request =
                WriteRequest { caller, signer: None, handle, visibility: None, kept: None };
            let namespace = check(&request, &view).unwrap();
            (namespace.name.to_string(), namespace.terms.prefixes)
        };
        assert_eq!(given(HANDLE), ("acme".to_owned(), vec!["acme01/".to_owned()]));
        assert_eq!(given("other/agent"), (Namespace::DEFAULT.to_owned(), Vec::new()));
    }

    #[test]
    fn an_instance_deletes_nothing_that_it_may_not_write() {
        let (own, other) = ("https://acme.example", "https://b.example");
        let deleted = |before: &[Command]| {
            let view = with_instance(before);
            let deleted = decode::record::delete(&Principal::Instance(tenant()), HANDLE, &view);
            deleted.map(|proposal| proposal.commands).map_err(|problem| problem.code())
        };
        let by_itself = Command::DeleteRecord(DeleteRecord {
            handle: HANDLE.parse().unwrap(),
            if_match: None,
            by: Some(own.parse().unwrap()),
        });
        assert_eq!(deleted(&[record(None)]), Ok(vec![by_itself.clone()]));
        assert_eq!(deleted(&[enrol(own, 1), record(Some(own))]), Ok(vec![by_itself]));
        let denied = Err(Code::PermissionDenied);
        assert_eq!(deleted(&[claim(), record(None)]), denied, "a namespace has claimed it");
        assert_eq!(deleted(&[enrol(other, 2), record(Some(other))]), denied, "another peer's");
        assert_eq!(deleted(&[partner(), import()]), denied, "another registry's");
    }
}
