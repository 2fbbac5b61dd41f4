//! The holder of a place in a bounded pool: a peer by who it is, a caller without a credential by where it comes from.
//! The system's own roles never wait behind either.

use deploy_service::{Pool, Source};
use proto_types::{Class, Full, Origin, TenantKey};
use registry_api::{Code, Principal, Problem};

/// Places that callers hold.
pub(crate) type Places = Pool<Holder>;

/// One place, until dropped.
pub(crate) type Place = deploy_service::Place<Holder>;

/// Who holds a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Holder {
    /// The operator.
    Operator,
    /// A gateway or node.
    Machine(String),
    /// An enrolled peer.
    Peer(Origin),
    /// A Pilox instance with a token.
    Instance(TenantKey),
    /// Nobody in particular, from somewhere.
    Source(Option<Source>),
}

impl Holder {
    fn of(caller: &Principal, source: Option<Source>) -> Self {
        match caller {
            Principal::Operator => Self::Operator,
            Principal::Gateway(id) => Self::Machine(id.as_str().to_owned()),
            Principal::Node(id) => Self::Machine(id.as_str().to_owned()),
            Principal::Peer(peer) => Self::Peer(peer.origin.clone()),
            Principal::Instance(tenant) => Self::Instance(tenant.clone()),
            Principal::Anonymous => Self::Source(source),
        }
    }
}

/// Whose work a caller's is.
pub(crate) fn class(caller: &Principal) -> Class {
    match caller {
        Principal::Operator | Principal::Gateway(_) | Principal::Node(_) => Class::System,
        Principal::Peer(_) | Principal::Instance(_) | Principal::Anonymous => Class::Ordinary,
    }
}

/// A place for a caller; where there is none for anybody, `code` says so of what `many` are.
pub(crate) fn place(
    places: &Places,
    caller: (&Principal, Option<Source>),
    refusal: (Code, &str),
) -> Result<Place, Problem> {
    several(places, 1, caller, refusal)
}

/// The same for what takes as much as several others.
pub(crate) fn several(
    places: &Places,
    amount: u64,
    (caller, source): (&Principal, Option<Source>),
    (code, many): (Code, &str),
) -> Result<Place, Problem> {
    let holder = Holder::of(caller, source);
    places.places(class(caller), holder, amount).map_err(|full| match full {
        Full::Share => {
            let why = format_args!("this caller has its share of the {many}");
            Problem::new(Code::ShareReached, why)
        }
        Full::Pool => Problem::new(code, format_args!("as many {many} as are allowed are open")),
    })
}
