//! Where envelopes are kept between their acceptance and their end, and what every such store does.
//!
//! Decides which of two stores an envelope is in: the registry, or NATS JetStream. Must never look into an envelope, nor say of
//! one store what only the other knows. `tests/it/envelope_backends.rs` holds both to the same words.

mod jetstream;
mod registry;

use std::sync::Arc;

use gateway_core::Failure;
use gateway_core::params::fault;
use proto_types::{Code as Known, QueueName};
use proto_wire::registry::v1 as wire;
use tonic::Code;

pub use self::jetstream::{JetStream, JetStreamAccess, JetStreamOptions};
pub use self::registry::RegistryStore;
use crate::config::Config;
use crate::deliver;
use crate::registry::{Registry, Unanswered};

/// What keeps envelopes. The messages are those of the registry, whatever keeps them.
pub trait EnvelopeStore: Sync {
    /// Keeps an envelope durably. The same id of the same source again is the same envelope.
    fn accept(
        &self,
        message: wire::EnqueueEnvelopeRequest,
    ) -> impl Future<Output = Result<wire::EnqueueEnvelopeReply, StoreError>> + Send;

    /// Leases the oldest envelopes of a target that nobody holds, and waits for the first.
    fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> impl Future<Output = Result<Vec<wire::LeasedEnvelope>, StoreError>> + Send;

    /// Takes a leased envelope out of its queue. Twice under one lease is no error.
    fn acknowledge(
        &self,
        message: wire::AckEnvelopeRequest,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Keeps why an attempt has failed, and puts the envelope off, or makes it a dead letter.
    fn fail(
        &self,
        message: wire::FailEnvelopeRequest,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// A page of dead letters, without their documents.
    fn dead_letters(
        &self,
        message: wire::ListDeadLettersRequest,
    ) -> impl Future<Output = Result<wire::DeadLetterList, StoreError>> + Send;

    /// One of them, with its document.
    fn dead_letter(
        &self,
        name: wire::DeadLetterName,
    ) -> impl Future<Output = Result<wire::DeadLetter, StoreError>> + Send;

    /// Puts one back into its queue, its failures counted anew.
    fn replay(
        &self,
        name: wire::DeadLetterName,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Forgets one.
    fn discard(
        &self,
        name: wire::DeadLetterName,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Why a store has not done what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached, or nobody knows what became of the call.
    #[error("the store of envelopes cannot be reached: {0}")]
    Away(String),
    /// The token that came with an envelope was spent before.
    #[error("the token was spent before")]
    Spent {
        /// Whether an attempt of the same call, whose answer was lost, may have done that.
        in_doubt: bool,
    },
    /// There is no such envelope, or no such dead letter.
    #[error("there is none of this name")]
    NotFound,
    /// The lease was another one's, or has ended and another holder has one.
    #[error("it is not held under this lease")]
    NotLeased,
    /// A name, a number or a time that cannot be.
    #[error("an argument is refused")]
    Invalid,
    /// As many wait as may.
    #[error("the queue is full")]
    Full,
    /// As many of this source wait as may.
    #[error("its source has its share of the queue")]
    ShareReached,
    /// This store does not do that.
    #[error("{0}")]
    Unsupported(&'static str),
    /// It will not, for another reason.
    #[error("the store of envelopes refuses: {0}")]
    Refused(String),
}

impl From<Unanswered> for StoreError {
    fn from(unanswered: Unanswered) -> Self {
        let spent = unanswered.is_spent();
        match unanswered {
            Unanswered::Refused { earlier_in_doubt, .. } if spent => {
                Self::Spent { in_doubt: earlier_in_doubt }
            }
            Unanswered::Refused { code: Code::NotFound, .. } => Self::NotFound,
            Unanswered::Refused { code: Code::FailedPrecondition | Code::Aborted, .. } => {
                Self::NotLeased
            }
            Unanswered::Refused { code: Code::InvalidArgument, .. } => Self::Invalid,
            Unanswered::Refused { ecumene, .. } if ecumene == Known::ShareReached.as_str() => {
                Self::ShareReached
            }
            Unanswered::Refused { code: Code::ResourceExhausted, .. } => Self::Full,
            refused @ Unanswered::Refused { .. } => Self::Refused(refused.to_string()),
            away @ Unanswered::Away { .. } => Self::Away(away.to_string()),
        }
    }
}

impl StoreError {
    /// What our caller is told, where the call itself could not be at fault.
    pub(crate) fn failure(&self) -> Failure {
        match self {
            Self::Away(_) => Failure::RegistryAway,
            Self::Full => Failure::Overloaded,
            Self::ShareReached => Failure::ShareReached,
            Self::Unsupported(why) => Failure::Argument(vec![fault("", why)]),
            Self::Spent { .. }
            | Self::NotFound
            | Self::NotLeased
            | Self::Invalid
            | Self::Refused(_) => Failure::Internal,
        }
    }
}

/// The store of one gateway.
pub(crate) struct Store {
    registry: RegistryStore,
    /// Where the envelopes of peers are, if they are not in the registry.
    jetstream: Option<JetStream>,
}

/// The same call of whichever store has it.
macro_rules! whichever {
    ($jetstream:expr, $registry:expr, $call:ident($message:expr)) => {
        match $jetstream {
            Some(jetstream) => jetstream.$call($message).await,
            None => $registry.$call($message).await,
        }
    };
}

impl Store {
    /// As the configuration says; nothing is called yet.
    pub(crate) fn open(
        config: &Config,
        access: &JetStreamAccess,
        registry: &Arc<Registry>,
    ) -> Self {
        let (envelopes, bounds) = (&config.envelopes, &config.bounds);
        let options = || JetStreamOptions {
            urls: envelopes.urls.clone(),
            stream: envelopes.stream.clone(),
            ca: envelopes.ca.clone(),
            access: access.clone(),
            replicas: envelopes.replicas,
            ttl: bounds.envelope_ttl.std(),
            // A consumer has one lease for all: long enough for a delivery too.
            lease: bounds.envelope_lease.std().max(deliver::LEASE),
        };
        let jetstream = envelopes.is_in_jetstream().then(|| JetStream::new(options()));
        Self { registry: RegistryStore::new(Arc::clone(registry)), jetstream }
    }

    /// Whether an envelope and its sender's token are kept and spent as one. Elsewhere the token is spent before.
    pub(crate) const fn spends_tokens(&self) -> bool {
        self.jetstream.is_none()
    }

    /// Whether envelopes of one ordering key are leased one after the other.
    pub(crate) const fn keeps_order(&self) -> bool {
        self.jetstream.is_none()
    }

    /// The registry enqueues the notifications of its tasks itself, and has them whatever else is where.
    fn of(&self, target: &str) -> Option<&JetStream> {
        let is_reserved = QueueName::parse(target).is_ok_and(|name| name.is_reserved());
        self.jetstream.as_ref().filter(|_| !is_reserved)
    }
}

impl EnvelopeStore for Store {
    async fn accept(
        &self,
        message: wire::EnqueueEnvelopeRequest,
    ) -> Result<wire::EnqueueEnvelopeReply, StoreError> {
        whichever!(self.of(&message.target), self.registry, accept(message))
    }

    async fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> Result<Vec<wire::LeasedEnvelope>, StoreError> {
        whichever!(self.of(&message.target), self.registry, lease(message))
    }

    async fn acknowledge(&self, message: wire::AckEnvelopeRequest) -> Result<(), StoreError> {
        whichever!(self.of(&message.target), self.registry, acknowledge(message))
    }

    async fn fail(&self, message: wire::FailEnvelopeRequest) -> Result<(), StoreError> {
        whichever!(self.of(&message.target), self.registry, fail(message))
    }

    async fn dead_letters(
        &self,
        message: wire::ListDeadLettersRequest,
    ) -> Result<wire::DeadLetterList, StoreError> {
        whichever!(&self.jetstream, self.registry, dead_letters(message))
    }

    async fn dead_letter(
        &self,
        name: wire::DeadLetterName,
    ) -> Result<wire::DeadLetter, StoreError> {
        whichever!(&self.jetstream, self.registry, dead_letter(name))
    }

    async fn replay(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        whichever!(&self.jetstream, self.registry, replay(name))
    }

    async fn discard(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        whichever!(&self.jetstream, self.registry, discard(name))
    }
}
