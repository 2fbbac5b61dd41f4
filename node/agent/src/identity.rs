//! Who the node is: a credential that it draws itself, and its admission with a join token.
//! It must never send the credential anywhere but to the registry, nor admit itself twice with another one.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use deploy_service::Backoff;
use proto_types::base64url;
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::Error;
use crate::config::Checked;
use crate::registry::Registry;

/// Between the first attempts to be admitted; an election takes about as long.
const RETRY: Duration = Duration::from_millis(500);
/// Between later ones: a registry that was away for long is not waited for much longer.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The credential in the state folder, drawn on first use: 32 random bytes in base64url.
pub(crate) fn credential(state_dir: &Path) -> io::Result<String> {
    let path = state_dir.join("credential");
    match std::fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let drawn: [u8; 32] = rand::random();
    let text = base64url::encode(&drawn);
    // Written aside and renamed, so that a crash leaves no half credential.
    let aside = state_dir.join("credential.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(&aside, &path)?;
    std::fs::File::open(state_dir)?.sync_all()?;
    Ok(text)
}

/// Registers the node, or finds that it is registered. Waits for a registry that does not answer.
pub(crate) async fn join(
    config: &Checked,
    registry: &Registry,
    credential: &str,
    offer: &wire::Capacity,
) -> Result<(), Error> {
    let admitted = config.state_dir.join("admitted");
    if admitted.exists() {
        return Ok(());
    }
    let path = config.join_token_file.as_ref();
    let path = path.ok_or_else(|| {
        Error::Config("join_token_file: needed until the node is admitted".to_owned())
    })?;
    let token = deploy_service::secret::read(path).map_err(Error::Secret)?;
    let request = wire::RegisterNodeRequest {
        id: config.id.to_string(),
        capacity: Some(offer.clone()),
        join_token: token.expose().to_owned(),
        credential: credential.to_owned(),
    };
    knock(registry, request).await?;
    std::fs::write(&admitted, b"").map_err(config.no_state())
}

/// Asks for admission until the registry decides.
async fn knock(registry: &Registry, request: wire::RegisterNodeRequest) -> Result<(), Error> {
    let mut backoff = Backoff::new(RETRY, RETRY_MAX);
    loop {
        match registry.register(request.clone()).await {
            Ok(()) => return Ok(()),
            Err(status) if is_passing(status.code()) => {
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

fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Unknown
            | Code::ResourceExhausted
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_drawn_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = credential(folder.path()).unwrap();
        assert_eq!(first.len(), 43);
        assert_eq!(credential(folder.path()).unwrap(), first);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(credential(other.path()).unwrap(), first);
    }
}
