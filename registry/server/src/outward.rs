//! Calls to the services that the operator names: witnesses of the log, the policy engine. It decides which authority is
//! believed, how long is waited, and how much of an answer is read. A redirect is never followed, and an answer never
//! logged.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Bytes;
use deploy_service::tls::{self, Connector};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

/// A client of one kind of service.
#[derive(Debug)]
pub(crate) struct Outward {
    http: Client<Connector, Full<Bytes>>,
    patience: Duration,
    bytes_max: usize,
}

/// Why there is no answer. A status that says no is one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Silence {
    /// Not within the time.
    #[error("no whole answer within {0:?}")]
    Late(Duration),
    /// No connection, no proof of who is there, or no HTTP.
    #[error("it cannot be asked")]
    Unreachable(#[from] legacy::Error),
    /// More bytes than are read, or fewer than were announced.
    #[error("its answer is not whole within {bytes_max} bytes")]
    Body {
        /// The bound.
        bytes_max: usize,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Outward {
    /// Believes the public authorities and those in the file.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificates.
    pub(crate) fn open(
        extra_ca: Option<PathBuf>,
        patience: Duration,
        bytes_max: usize,
    ) -> Result<Self, tls::Error> {
        let connector = Connector::public(extra_ca)?.web();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, patience, bytes_max })
    }

    /// The whole answer. Dropping the future gives the question up.
    pub(crate) async fn ask(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, Silence> {
        let asking = async {
            let (parts, body) = self.http.request(request).await?.into_parts();
            let bytes_max = self.bytes_max;
            let read = Limited::new(body, bytes_max).collect().await;
            let read = read.map_err(|source| Silence::Body { bytes_max, source })?;
            Ok(Response::from_parts(parts, read.to_bytes()))
        };
        timeout(self.patience, asking).await.unwrap_or(Err(Silence::Late(self.patience)))
    }
}
