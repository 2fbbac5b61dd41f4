//! Who this gateway is to the registry: a credential that it draws itself, and its registration.
//!
//! Decides when registration has failed for good. Must never send the credential anywhere but to the
//! registry, nor keep it in a file that others can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use deploy_service::{Backoff, private, secret};
use proto_types::base64url;
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::Error;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::registry::Unanswered;

/// Between the first attempts to register; an election takes about as long.
const RETRY: Duration = Duration::from_millis(500);
/// Between later ones: a registry that was away for long is not waited for much longer.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The credential in the state folder, drawn on first use: 32 random bytes in base64url.
pub(crate) fn credential(state_dir: &Path) -> io::Result<String> {
    private::folder(state_dir)?;
    let path = state_dir.join("credential");
    match fs::read_to_string(&path) {
        Ok(text) => return Ok(text.trim_end().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let text = random();
    // Written beside and renamed, so that a crash leaves no half credential.
    let beside = state_dir.join("credential.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(state_dir)?.sync_all()?;
    Ok(text)
}

/// 32 random bytes in base64url: 43 characters.
pub(crate) fn random() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system's random source answers once a process runs");
    base64url::encode(&bytes)
}

/// Registers the gateway; repeating it with the same credential is no error and updates the
/// endpoint. Waits for a registry that does not answer; ends with the wish to stop.
pub(crate) async fn register(
    config: &Config,
    gateway: &Gateway,
    credential: &str,
) -> Result<(), Error> {
    let request = request(config, gateway, credential)?;
    let mut backoff = Backoff::new(RETRY, RETRY_MAX);
    loop {
        let pause = match gateway.registry.register_gateway(request.clone()).await {
            Ok(_) => return Ok(()),
            Err(Unanswered::Refused { code, ecumene }) if is_final(code) => {
                return Err(Error::NotRegistered { code: ecumene });
            }
            Err(unanswered) => {
                let failed = backoff.failed(Instant::now());
                if let Some(unsaid) = failed.say {
                    tracing::info!(%unanswered, unsaid, "not registered yet");
                }
                failed.pause
            }
        };
        tokio::select! {
            () = gateway.shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

fn request(
    config: &Config,
    gateway: &Gateway,
    credential: &str,
) -> Result<wire::RegisterGatewayRequest, Error> {
    Ok(wire::RegisterGatewayRequest {
        id: config.id.clone(),
        endpoint: gateway.events_endpoint.clone(),
        join_token: join_token(config, credential)?,
        credential: credential.to_owned(),
    })
}

/// After the first registration the file may be gone, and no token is looked at: the registry knows
/// the credential. It wants a token to be there all the same; this one is nobody's.
fn join_token(config: &Config, credential: &str) -> Result<String, Error> {
    match &config.join_token_file {
        Some(path) if path.exists() => Ok(secret::read(path)?.expose().to_owned()),
        _ => Ok(credential.to_owned()),
    }
}

fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::AlreadyExists
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_credential_is_drawn_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let first = credential(&state).unwrap();
        assert_eq!(first.len(), 43);
        assert_eq!(credential(&state).unwrap(), first);
        let mode = fs::metadata(state.join("credential")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_ne!(random(), first);
    }
}
