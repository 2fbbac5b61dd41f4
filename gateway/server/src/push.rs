//! Push notifications: leased, POSTed to the receivers that callers have named, and acknowledged or put off.
//!
//! Decides how many are on their way, and what becomes of one. What goes out, and to whom, `push/sending.rs` decides; which
//! receiver is left alone, `push/hosts.rs`. Must never log what a caller has set. One receiver, or one owner of tasks, must
//! never keep those of others waiting.
//!
//! Every gateway takes part, as it does in webhooks: a lease makes each notification one's at a time.

mod hosts;
mod sending;

use std::sync::Arc;

use deploy_service::Pool;
use gateway_core::webhook::Verdict;
use proto_types::{
    Class, PushAuthentication, PushConfig, PushCredentials, PushScheme, PushToken, QueueName,
    Shares,
};
use proto_wire::registry::v1 as wire;
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::hosts::Hosts;
use self::sending::{Sending, Unprepared};
use crate::clock;
use crate::deliver::{PAUSE, Retry, acknowledge, lease, tell};
use crate::gateway::Gateway;

/// Notifications on their way at once. Each holds a task while it is made, of some MiB at most.
const AT_ONCE: usize = 16;

/// With so many failed attempts a notification is a dead letter: after 5 hours on average, as by default of a webhook.
const ATTEMPTS_MAX: u32 = 22;

/// A configuration as the registry tells it; `None` if it is none.
pub(crate) fn read(config: &wire::PushConfig) -> Option<PushConfig> {
    let credentials = said(&config.credentials).map(PushCredentials::parse).transpose().ok()?;
    let scheme = said(&config.scheme).map(PushScheme::parse).transpose().ok()?;
    Some(PushConfig {
        id: config.id.parse().ok()?,
        url: config.url.parse().ok()?,
        token: said(&config.token).map(PushToken::parse).transpose().ok()?,
        authentication: scheme.map(|scheme| PushAuthentication { scheme, credentials }),
        version: config.version.parse().ok()?,
    })
}

/// An empty text is none.
fn said(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The same as it is told to the registry.
pub(crate) fn written(config: &PushConfig) -> wire::PushConfig {
    let shown = config.authentication.as_ref();
    let credentials = shown.and_then(|shown| shown.credentials.clone());
    wire::PushConfig {
        id: config.id.as_str().to_owned(),
        url: config.url.as_str().to_owned(),
        token: config.token.clone().map(String::from).unwrap_or_default(),
        scheme: shown.map(|shown| shown.scheme.as_str().to_owned()).unwrap_or_default(),
        credentials: credentials.map(String::from).unwrap_or_default(),
        version: config.version.to_string(),
    }
}

/// Delivers until the gateway stops. What it has leased then comes back when the lease ends.
pub(crate) async fn work(gateway: Arc<Gateway>) {
    let (pushes, queue) = (Arc::new(Pushes::new()), QueueName::push());
    let mut delivering = JoinSet::new();
    while !gateway.shutdown.is_triggered() {
        while delivering.try_join_next().is_some() {}
        if delivering.len() >= AT_ONCE {
            delivering.join_next().await;
            continue;
        }
        let room = u32::try_from(AT_ONCE - delivering.len()).unwrap_or(1);
        match lease(&gateway, &queue, room).await {
            Ok(leased) => leased.into_iter().for_each(|one| {
                delivering.spawn(Arc::clone(&pushes).deliver(Arc::clone(&gateway), one));
            }),
            Err(error) => {
                tracing::warn!(%error, "this gateway hears of no push notifications");
                tokio::select! {
                    () = sleep(PAUSE) => {}
                    () = gateway.shutdown.triggered() => {}
                }
            }
        }
    }
}

/// What deliveries share.
struct Pushes {
    hosts: Hosts,
    /// Those on their way, by the owner of the task.
    owners: Pool<String>,
}

impl Pushes {
    fn new() -> Self {
        let owners = Pool::new(Shares::new(AT_ONCE as u64).without_reserve());
        Self { hosts: Hosts::default(), owners }
    }

    async fn deliver(self: Arc<Self>, gateway: Arc<Gateway>, leased: wire::LeasedEnvelope) {
        let Ok(_place) = self.owners.place(Class::Ordinary, leased.source.clone()) else {
            return put_off(&gateway, leased).await;
        };
        let (ended, after_ms) = match Sending::prepare(&gateway, &leased).await {
            Ok(Some(sending)) => self.send(&gateway, sending, &leased.source).await,
            // Its receiver was deleted, or its task forgotten.
            Ok(None) => return forget(&gateway, leased).await,
            Err(Unprepared::Not(verdict, reason)) => ((verdict, reason.to_owned()), 0),
            Err(Unprepared::Away(error)) => {
                tracing::debug!(%error, "what a push notification is of cannot be read now");
                return sleep(PAUSE).await;
            }
            // By what nobody confirms nobody is served. It comes again when its lease ends.
            Err(Unprepared::Stale) => return sleep(PAUSE).await,
        };
        let retry = Retry { attempts_max: ATTEMPTS_MAX, after_ms };
        tell(&gateway, (leased, &gateway.counts.pushes), ended, retry).await;
    }

    /// How it ended, and for how many ms nobody tries again.
    async fn send(
        &self,
        gateway: &Gateway,
        sending: Sending,
        owner: &str,
    ) -> ((Verdict, String), u64) {
        // Which path fails there is the owner's to choose: it is not counted against others.
        let host = format!("{owner} {}", sending.host());
        if let Err(after_ms) = self.hosts.begin(&host, clock::mono()) {
            let reason = "the receiver is left alone: it has failed several times".to_owned();
            return ((Verdict::Unavailable, reason), after_ms);
        }
        let (verdict, reason) = match sending.post(gateway).await {
            Ok(status) => (Verdict::of_status(status), format!("the receiver answered {status}")),
            Err(reason) => (Verdict::Unavailable, reason),
        };
        self.hosts.end(&host, verdict, clock::mono());
        ((verdict, reason), 0)
    }
}

/// Puts off what its owner has no place for: left under its lease, it and all behind it would be leased again and again.
async fn put_off(gateway: &Gateway, leased: wire::LeasedEnvelope) {
    let reason = "its owner has as many on their way as one may".to_owned();
    let retry = Retry { attempts_max: u32::MAX, after_ms: 1_000 };
    tell(gateway, (leased, &gateway.counts.pushes), (Verdict::Unavailable, reason), retry).await;
}

/// Takes what is for nobody out of the queue.
async fn forget(gateway: &Gateway, leased: wire::LeasedEnvelope) {
    if let Err(error) = acknowledge(gateway, leased).await {
        tracing::debug!(%error, "a notification for nobody is still there");
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::a2a::ProtocolVersion;

    use super::*;

    #[test]
    fn a_configuration_is_read_as_it_is_told_to_the_registry() {
        let config = PushConfig {
            id: "c1".parse().unwrap(),
            url: "https://receiver.example/hook".parse().unwrap(),
            token: "token".parse().ok(),
            authentication: Some(PushAuthentication {
                scheme: "Bearer".parse().unwrap(),
                credentials: "credentials".parse().ok(),
            }),
            version: ProtocolVersion::V03,
        };
        assert_eq!(read(&written(&config)), Some(config.clone()));
        let bare = PushConfig { token: None, authentication: None, ..config };
        assert_eq!(read(&written(&bare)), Some(bare));
        assert_eq!(read(&wire::PushConfig::default()), None);
    }
}
