//! What is shown with each call: the credential, which is never printed, and the trace that the call is a part of.

use deploy_service::trace;
use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Adds a credential to each call, and the current span; the default adds no credential.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// Of the operator's token, or of `gateway:<id>:<credential>` or `node:<id>:<credential>`.
    ///
    /// # Errors
    /// It is not ASCII.
    pub fn new(credential: &str) -> Result<Self, InvalidMetadataValue> {
        let mut value: MetadataValue<Ascii> = format!("Bearer {credential}").parse()?;
        value.set_sensitive(true);
        Ok(Self(Some(value)))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        trace::inject(request.metadata_mut().as_mut());
        Ok(request)
    }
}
