//! The connection to JetStream, and the streams there.
//!
//! Decides how a server is found and what is expected of it. Must never print what is shown to it.

use async_nats::ConnectOptions;
use async_nats::jetstream;
use proto_types::pilox::envelope::LEN_MAX;

use super::streams::{Names, Times};
use super::{ANSWER, HEADERS_MAX, JetStreamAccess, JetStreamOptions, Opened, StoreError, away};

/// Connects, and makes the streams what they are to be. After that the connection comes back by itself.
pub(super) async fn open(
    options: &JetStreamOptions,
    names: &Names,
    times: Times,
) -> Result<Opened, StoreError> {
    let client = access(options)?.connect(options.urls.as_slice()).await.map_err(away)?;
    let (longest, taken) = (LEN_MAX + HEADERS_MAX, client.max_payload());
    if taken < longest {
        let why =
            format!("the server takes {taken} bytes: set its max_payload to {longest} or more");
        return Err(StoreError::Away(why));
    }
    let mut context = jetstream::new(client);
    context.set_timeout(ANSWER);
    for config in [times.waiting(names), times.records(names), times.dead(names)] {
        let name = config.name.clone();
        let made = context.create_or_update_stream(config).await;
        made.map_err(|error| away(format_args!("the stream {name}: {error}")))?;
    }
    let stream = |name: String| {
        let context = context.clone();
        async move { context.get_stream_no_info(name).await.map_err(away) }
    };
    Ok(Opened {
        waiting: stream(names.waiting()).await?,
        records: stream(names.records()).await?,
        dead: stream(names.dead()).await?,
        context,
    })
}

fn access(options: &JetStreamOptions) -> Result<ConnectOptions, StoreError> {
    let mut connection = ConnectOptions::new()
        .name("ecumene-gateway")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        // What is sent while there is no connection is kept, 1 MiB each, and sent after its sender was told otherwise.
        .client_capacity(64)
        .ping_interval(ANSWER)
        // The operator has listed those that are meant; others may be named by addresses that no certificate is for.
        .ignore_discovered_servers();
    if options.urls.iter().all(|url| url.starts_with("tls://")) {
        connection = connection.require_tls(true);
    }
    if let Some(ca) = &options.ca {
        connection = connection.add_root_certificates(ca.clone());
    }
    match &options.access {
        JetStreamAccess::Open => Ok(connection),
        JetStreamAccess::Token(token) => Ok(connection.token(token.expose().to_owned())),
        JetStreamAccess::Credentials(file) => connection.credentials(file.expose()).map_err(|_| {
            StoreError::Refused("envelopes.credentials_file holds no credentials".to_owned())
        }),
    }
}
