//! Which receivers of push notifications are left alone.
//!
//! Decides by how calls of the same owner to the same host and port end: which path fails there is the owner's to choose. Must
//! never count one owner's failures against another, nor grow with the number of receivers.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gateway_core::webhook::{Breaker, Verdict};
use proto_types::MonoUs;

/// Receivers that fail, or are being called. Arbitrary: beyond it they are no longer left alone.
const HOSTS_MAX: usize = 4_096;

/// Until a receiver that is on trial is tried again.
const TRIAL_MS: u64 = 1_000;

/// The receivers that are called or have failed, by host and port.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<BTreeMap<String, Host>>);

#[derive(Debug, Default)]
struct Host {
    breaker: Breaker,
    /// Under way.
    calls: u32,
    has_failed: bool,
}

impl Hosts {
    /// A receiver is to be called; or says for how many ms it is not.
    pub(super) fn begin(&self, host: &str, now: MonoUs) -> Result<(), u64> {
        let mut hosts = self.lock();
        if hosts.len() >= HOSTS_MAX {
            hosts.retain(|_, host| host.calls > 0 || host.breaker.room(now, 1).is_err());
            if hosts.len() >= HOSTS_MAX && !hosts.contains_key(host) {
                return Ok(());
            }
        }
        let known = hosts.entry(host.to_owned()).or_default();
        match known.breaker.room(now, u32::MAX) {
            Ok(room) if known.calls < room => {
                known.calls += 1;
                Ok(())
            }
            Ok(_) => Err(TRIAL_MS),
            Err(until) => Err(until.since(now) / 1_000 + 1),
        }
    }

    /// It has answered, or has not. One that does not want this notification works all the same.
    pub(super) fn end(&self, host: &str, verdict: Verdict, now: MonoUs) {
        let mut hosts = self.lock();
        let Some(known) = hosts.get_mut(host) else { return };
        known.calls = known.calls.saturating_sub(1);
        match verdict {
            Verdict::Unavailable => {
                known.has_failed = true;
                known.breaker.failed(now);
            }
            Verdict::Taken | Verdict::Gone | Verdict::Refused => {
                known.has_failed = false;
                known.breaker.succeeded();
            }
        }
        if known.calls == 0 && !known.has_failed {
            hosts.remove(host);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const START: MonoUs = MonoUs(1_000_000_000);

    #[test]
    fn a_receiver_that_fails_is_left_alone_and_no_other_one_is() {
        let hosts = Hosts::default();
        for _ in 0..5 {
            hosts.begin("dead.example", START).unwrap();
            hosts.end("dead.example", Verdict::Unavailable, START);
        }
        let after_ms = hosts.begin("dead.example", START).unwrap_err();
        assert!((1_000..=11_000).contains(&after_ms), "{after_ms}");
        assert!(hosts.begin("alive.example", START).is_ok());
        let later = START.plus_us(11_000_000);
        assert!(hosts.begin("dead.example", later).is_ok(), "as a trial");
        assert_eq!(hosts.begin("dead.example", later), Err(TRIAL_MS), "one at a time");
        hosts.end("dead.example", Verdict::Taken, later);
        hosts.end("alive.example", Verdict::Refused, later);
        assert!(hosts.lock().is_empty(), "who works is not kept");
    }

    #[test]
    fn receivers_that_are_known_are_a_bounded_number() {
        let hosts = Hosts::default();
        for number in 0..HOSTS_MAX + 10 {
            let host = format!("{number}.example");
            hosts.begin(&host, START).unwrap();
            hosts.end(&host, Verdict::Unavailable, START);
        }
        assert!(hosts.lock().len() <= HOSTS_MAX);
    }
}
