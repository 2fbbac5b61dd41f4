//! Who the node is: a credential that it draws itself, and its admission with a join token.
//! It must never send the credential anywhere but to the registry, nor admit itself twice with another one.

use std::time::{Duration, Instant};

use deploy_service::Backoff;
use deploy_service::credential::{Credential, join_token};
use proto_types::base64url;
use proto_wire::registry::v1 as wire;
use tonic::{Code, Status};

use crate::Error;
use crate::config::Checked;
use crate::registry::Registry;

/// Between the first attempts to be admitted; an election takes about as long.
const RETRY: Duration = Duration::from_millis(500);
/// Between later ones: a registry that was away for long is not waited for much longer.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// 32 random bytes in base64url: 43 characters.
pub(crate) fn draw() -> String {
    base64url::encode(&rand::random::<[u8; 32]>())
}

/// Registers the node, or finds that it is registered. Waits for a registry that does not answer.
pub(crate) async fn join(
    config: &Checked,
    registry: &Registry,
    credential: &Credential,
    offer: &wire::Capacity,
) -> Result<(), Error> {
    let admitted = config.state_dir.join("admitted");
    if admitted.exists() {
        return Ok(());
    }
    let token = join_token(config.join_token_file.as_deref())?;
    let request = wire::RegisterNodeRequest {
        id: config.id.to_string(),
        capacity: Some(offer.clone()),
        join_token: token.expose().to_owned(),
        credential: credential.expose().to_owned(),
    };
    register(registry, request).await?;
    credential.admit().and_then(|()| std::fs::write(&admitted, b"")).map_err(config.no_state())
}

/// Asks for admission until the registry decides.
async fn register(registry: &Registry, request: wire::RegisterNodeRequest) -> Result<(), Error> {
    let mut backoff = Backoff::new(RETRY, RETRY_MAX);
    loop {
        match registry.register(request.clone()).await {
            Ok(()) => return Ok(()),
            Err(status) if is_passing(&status) => {
                let failed = backoff.failed(Instant::now());
                if let Some(unsaid) = failed.say {
                    tracing::info!(%status, unsaid, "the registry does not admit the node yet");
                }
                tokio::time::sleep(failed.pause).await;
            }
            Err(status) => return Err(Error::Refused(status.message().to_owned())),
        }
    }
}

fn is_passing(status: &Status) -> bool {
    registry_client::is_away(status) || status.code() == Code::ResourceExhausted
}
