//! Who this gateway is to the registry: its registration, with a join token until it is admitted.
//!
//! Decides when registration has failed for good, and by whose fault. Must never send the credential anywhere but to the
//! registry.

use std::time::{Duration, Instant};

use deploy_service::Backoff;
use deploy_service::credential::{Credential, NoJoinToken, join_token};
use deploy_service::secret::Secret;
use proto_types::Code as Known;
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

/// Registers the gateway; repeating it with the same credential is no error and updates the
/// endpoint. Waits for a registry that does not answer; ends with the wish to stop.
pub(crate) async fn register(
    config: &Config,
    gateway: &Gateway,
    credential: &Credential,
) -> Result<(), Error> {
    let token = match join_token(config.join_token_file.as_deref()) {
        Err(none) if !credential.is_admitted() => return Err(none.into()),
        token => token,
    };
    let request = request(config, gateway, credential, &token);
    let mut backoff = Backoff::new(RETRY, RETRY_MAX);
    loop {
        let pause = match gateway.registry.register_gateway(request.clone()).await {
            Ok(_) => {
                note(credential);
                return Ok(());
            }
            Err(Unanswered::Refused { code, ecumene, .. }) if is_final(code) => {
                return Err(refused(ecumene, token));
            }
            Err(unanswered) => pause(&mut backoff, &unanswered),
        };
        tokio::select! {
            () = gateway.shutdown.triggered() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How long to wait before the next attempt; says now and then that it goes on.
fn pause(backoff: &mut Backoff, unanswered: &Unanswered) -> Duration {
    let failed = backoff.failed(Instant::now());
    if let Some(unsaid) = failed.say {
        tracing::info!(%unanswered, unsaid, "not registered yet");
    }
    failed.pause
}

/// The registry knows an admitted gateway by its credential and looks at no token. It wants one to be there all the same:
/// where there is none, the one that is shown is nobody's.
fn request(
    config: &Config,
    gateway: &Gateway,
    credential: &Credential,
    token: &Result<Secret, NoJoinToken>,
) -> wire::RegisterGatewayRequest {
    wire::RegisterGatewayRequest {
        id: config.id.clone(),
        endpoint: gateway.fixed.events_endpoint.clone(),
        join_token: token.as_ref().map_or(credential.expose(), Secret::expose).to_owned(),
        credential: credential.expose().to_owned(),
    }
}

/// Notes that no join token is needed any more.
fn note(credential: &Credential) {
    if let Err(error) = credential.admit() {
        tracing::warn!(%error, "it cannot be noted that the gateway is registered: its next start needs a join token too");
    }
}

/// No token that was not there has been refused: that there is none is what is wrong.
fn refused(code: String, token: Result<Secret, NoJoinToken>) -> Error {
    match token {
        Err(none) if code == Known::JoinTokenInvalid.as_str() => Error::JoinToken(none),
        _ => Error::NotRegistered { code },
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
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_not_there_is_not_told_as_one_that_is_invalid() {
        for (code, is_join_token) in [("join-token-invalid", true), ("conflict", false)] {
            let error = refused(code.to_owned(), join_token(None));
            assert_eq!(matches!(error, Error::JoinToken(_)), is_join_token, "{error:?}");
        }
    }
}
