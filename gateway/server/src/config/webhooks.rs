//! The sections `gateway.webhooks`: where envelopes of a target are taken to.
//!
//! Decides which are refused. Must never hold a secret, only the path of its file.

use std::path::PathBuf;

use deploy_service::Network;
use deploy_service::settings::Setting;
use http::Uri;
use proto_types::QueueName;
use proto_types::upstream::UpstreamUrl;
use serde::Deserialize;

use super::Contradiction;
use crate::upstream::refused_address;

/// Each holds a place among those that wait at the registry, and connections. Arbitrary.
const WEBHOOKS_MAX: usize = 64;

/// What the registry takes.
const ATTEMPTS_MAX: u32 = 1_000;

/// Where the envelopes of one target are taken to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Whose: a handle or an origin, as envelopes name it.
    pub target: String,
    /// The receiver, to which each is POSTed: `https`, or an address in `upstreams.private_networks`; without a query.
    pub url: String,
    /// The key of `Ecumene-Signature`, shared with the receiver; 16 bytes or more.
    pub secret_file: PathBuf,
    /// With so many failed attempts an envelope becomes a dead letter, 1,000 at most. With the default that is about 5 hours.
    #[serde(default = "attempts_max")]
    pub attempts_max: u32,
}

/// The pauses before the last of them come to some 10 hours at most, and to half of that on average.
fn attempts_max() -> u32 {
    22
}

impl Webhook {
    /// The target and the URL.
    pub(crate) fn read(&self) -> Result<(QueueName, UpstreamUrl), Contradiction> {
        let refused = |why: &dyn std::fmt::Display| Contradiction::Webhook {
            target: self.target.escape_debug().to_string(),
            why: why.to_string(),
        };
        let target = QueueName::parse(&self.target).map_err(|error| refused(&error))?;
        let url = UpstreamUrl::parse(&self.url).map_err(|error| refused(&error))?;
        if target.is_reserved() {
            return Err(refused(&"push notifications go to where callers say"));
        }
        match (1..=ATTEMPTS_MAX).contains(&self.attempts_max) {
            true => Ok((target, url)),
            false => Err(refused(&format_args!("attempts_max is outside 1 to {ATTEMPTS_MAX}"))),
        }
    }
}

/// Checks them against each other.
pub(super) fn check(webhooks: &[Webhook]) -> Result<(), Contradiction> {
    let mut targets = Vec::with_capacity(webhooks.len());
    for webhook in webhooks {
        let (target, _) = webhook.read()?;
        let why = match (targets.contains(&target), targets.len() < WEBHOOKS_MAX) {
            (true, _) => "it has two webhooks",
            (false, false) => "there are more than 64 webhooks",
            (false, true) => {
                targets.push(target);
                continue;
            }
        };
        let (target, why) = (target.to_string(), why.to_owned());
        return Err(Contradiction::Webhook { target, why });
    }
    Ok(())
}

/// Checks their addresses against the networks of the same file. A running gateway may have newer networks than webhooks:
/// there the call alone is refused, so that a network can be taken away.
pub(super) fn check_addresses(
    webhooks: &[Webhook],
    private: &[Network],
) -> Result<(), Contradiction> {
    for webhook in webhooks {
        let (target, url) = webhook.read()?;
        let uri = Uri::try_from(url.as_str()).ok();
        if let Some(why) = uri.and_then(|uri| refused_address(&uri, private)) {
            return Err(Contradiction::Webhook { target: target.to_string(), why });
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn webhook(target: &str) -> Webhook {
        Webhook {
            target: target.to_owned(),
            url: "https://receiver.example/envelopes".to_owned(),
            secret_file: PathBuf::from("secret"),
            attempts_max: attempts_max(),
        }
    }

    fn refused(change: fn(&mut Webhook)) -> String {
        let mut changed = webhook("urn:agent:b");
        change(&mut changed);
        check(&[changed]).err().map(|error| error.to_string()).unwrap_or_default()
    }

    type Change = fn(&mut Webhook);

    #[test]
    fn what_is_wrong_with_a_webhook_is_named_with_its_target() {
        assert_eq!(refused(|_| ()), "");
        let cases: [(Change, &str); 7] = [
            (|it| it.target.clear(), "1 to 512 bytes"),
            (|it| it.target = QueueName::PUSH.to_owned(), "where callers say"),
            (|it| it.url.push_str("?key=1"), "no query"),
            (|it| it.url = "https://user@receiver.example/".to_owned(), "no user"),
            (|it| it.url = "receiver.example".to_owned(), "URL"),
            (|it| it.attempts_max = 0, "attempts_max"),
            (|it| it.attempts_max = 1_001, "attempts_max"),
        ];
        for (change, why) in cases {
            let said = refused(change);
            assert!(said.starts_with("webhooks: `") && said.contains(why), "{why}: {said}");
        }
    }

    #[test]
    fn a_target_has_one_webhook_and_there_are_64_at_most() {
        let of = |count: usize| -> Vec<Webhook> {
            (0..count).map(|n| webhook(&format!("urn:agent:{n}"))).collect()
        };
        assert!(check(&of(64)).is_ok());
        assert!(check(&of(65)).is_err());
        assert!(check(&[webhook("urn:agent:b"), webhook("urn:agent:b")]).is_err());
    }

    #[test]
    fn an_address_that_is_never_called_is_refused_unless_its_network_is_named() {
        let private = ["10.1.0.0/16".parse().unwrap()];
        let said = |url: &str| {
            let webhook = Webhook { url: url.to_owned(), ..webhook("urn:agent:b") };
            check_addresses(&[webhook], &private).err().map(|error| error.to_string())
        };
        for open in ["http://10.1.0.1/x", "https://8.8.8.8/x", "http://receiver.internal/x"] {
            assert_eq!(said(open), None, "{open}");
        }
        for closed in
            ["http://10.0.0.1/x", "https://10.0.0.1/x", "https://[::1]/", "http://8.8.8.8"]
        {
            let said = said(closed).unwrap_or_default();
            assert!(said.contains("`urn:agent:b`"), "{closed}: {said}");
            assert!(said.contains("in none of upstreams.private_networks"), "{closed}: {said}");
        }
    }
}
