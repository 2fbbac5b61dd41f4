//! The registry as a store of envelopes: the default.
//!
//! Decides nothing; the registry does. Must never ask it about dead letters as a gateway: they are the operator's.

use std::sync::Arc;

use deploy_service::tls::Connector;
use proto_wire::registry::v1 as wire;

use super::{EnvelopeStore, StoreError};
use crate::registry::{InvalidMember, Registry};

/// What a gateway cannot ask the registry for.
const NOT_HERE: StoreError = StoreError::Unsupported(
    "the registry tells dead letters to its operator: `ecumene envelope dead`",
);

/// The registry.
pub struct RegistryStore {
    registry: Arc<Registry>,
    /// The same with an operator's token.
    operator: Option<Registry>,
}

impl RegistryStore {
    /// As the gateway that calls it so.
    pub(crate) const fn new(registry: Arc<Registry>) -> Self {
        Self { registry, operator: None }
    }

    /// As the gateway of this id and credential, and as an operator with this token.
    ///
    /// # Errors
    /// A member's URL, the credential or the token cannot be used.
    pub fn connect(
        urls: &[String],
        (id, credential): (&str, &str),
        operator_token: &str,
        connector: &Connector,
    ) -> Result<Self, InvalidMember> {
        let registry = Arc::new(Registry::new(urls, id, credential, connector)?);
        let operator = Some(Registry::of_operator(urls, operator_token, connector)?);
        Ok(Self { registry, operator })
    }

    fn operator(&self) -> Result<&Registry, StoreError> {
        self.operator.as_ref().ok_or(NOT_HERE)
    }
}

impl EnvelopeStore for RegistryStore {
    async fn accept(
        &self,
        message: wire::EnqueueEnvelopeRequest,
    ) -> Result<wire::EnqueueEnvelopeReply, StoreError> {
        Ok(self.registry.enqueue(message).await?)
    }

    async fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> Result<Vec<wire::LeasedEnvelope>, StoreError> {
        Ok(self.registry.lease(message).await?.envelopes)
    }

    async fn acknowledge(&self, message: wire::AckEnvelopeRequest) -> Result<(), StoreError> {
        Ok(self.registry.ack(message).await.map(drop)?)
    }

    async fn fail(&self, message: wire::FailEnvelopeRequest) -> Result<(), StoreError> {
        Ok(self.registry.fail(message).await.map(drop)?)
    }

    async fn dead_letters(
        &self,
        message: wire::ListDeadLettersRequest,
    ) -> Result<wire::DeadLetterList, StoreError> {
        Ok(self.operator()?.dead_letters(message).await?)
    }

    async fn dead_letter(
        &self,
        name: wire::DeadLetterName,
    ) -> Result<wire::DeadLetter, StoreError> {
        Ok(self.operator()?.dead_letter(name).await?)
    }

    async fn replay(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        Ok(self.operator()?.replay(name).await.map(drop)?)
    }

    async fn discard(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        Ok(self.operator()?.discard(name).await.map(drop)?)
    }
}
