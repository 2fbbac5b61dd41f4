//! A follower's way to the leader: one hop, over one kept connection. A proposal that may have arrived is never sent
//! again, nor is a notice.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use registry_client::InvalidUrl;
use registry_core::change::Reply;
use registry_core::command::Proposal;
use tonic::{Code, Status};

use crate::ProposeError;
use crate::codec::{decode, encode};
use crate::network::{Caller, Client, Notice, client, request};

/// How long the leader may take. Longer than an election, shorter than a caller's patience.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The same for a notice, which nothing has to be written for: shorter than who brings it waits for an answer.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Forwarder {
    calls: Caller,
    /// The connection to the last leader.
    kept: Mutex<Option<(u64, String, Client)>>,
}

impl Forwarder {
    pub(crate) fn new(calls: Caller) -> Self {
        Self { calls, kept: Mutex::new(None) }
    }

    pub(crate) async fn forward(
        &self,
        id: u64,
        address: String,
        proposal: &Proposal,
    ) -> Result<Vec<Reply>, ProposeError> {
        let unsent = || ProposeError::NotLeader { leader: None };
        let mut client = self.client(id, &address).map_err(|_| unsent())?;
        let call = self.calls.call(id, proposal);
        let body = encode(&call).map_err(|cause| ProposeError::Unknown(cause.to_string()))?;
        let call = client.forward(request(self.calls.credentials(), body, FORWARD_TIMEOUT));
        match tokio::time::timeout(FORWARD_TIMEOUT, call).await {
            Ok(Ok(answer)) => decode(&answer.get_ref().body)
                .map_err(|cause| ProposeError::Unknown(cause.to_string()))?,
            Ok(Err(status)) if refused(&status) => Err(unsent()),
            Ok(Err(status)) => Err(ProposeError::Unknown(status.to_string())),
            Err(_) => Err(ProposeError::Unknown("the leader did not answer in time".to_owned())),
        }
    }

    /// Hands a notice to the member that leads; whether that could do what it says.
    pub(crate) async fn notify(
        &self,
        (id, address): (u64, &str),
        notice: Notice,
    ) -> Result<bool, Status> {
        let unusable = |cause: &dyn Display| Status::unavailable(cause.to_string());
        let mut client = self.client(id, address).map_err(|cause| unusable(&cause))?;
        let body = encode(&self.calls.call(id, notice)).map_err(|cause| unusable(&cause))?;
        let call = client.notify(request(self.calls.credentials(), body, NOTICE_TIMEOUT));
        match tokio::time::timeout(NOTICE_TIMEOUT, call).await {
            Ok(answer) => decode(&answer?.get_ref().body).map_err(|cause| unusable(&cause)),
            Err(_) => Err(Status::deadline_exceeded("the leader did not answer in time")),
        }
    }

    fn client(&self, id: u64, address: &str) -> Result<Client, InvalidUrl> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some((member, known, client)) if *member == id && known == address => {
                Ok(client.clone())
            }
            _ => {
                let fresh = client(self.calls.credentials(), id, address)?;
                *kept = Some((id, address.to_owned(), fresh.clone()));
                Ok(fresh)
            }
        }
    }
}

/// Refused before the proposal was looked at: these codes are given by our own service, before it reads a call.
fn refused(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Unauthenticated | Code::FailedPrecondition | Code::InvalidArgument
    )
}
