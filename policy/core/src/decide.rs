//! A set of policies, and what it decides about a call.
//!
//! Decides as Cedar does: what no statement permits is denied, and what one forbids is denied whatever others permit. Must
//! never allow a call of which a statement could not be evaluated, as Cedar itself would: it may have been a forbid.

use cedar_policy::{Authorizer, Decision as CedarDecision, PolicySet};
use proto_types::policy::{POLICIES_BYTES_MAX, POLICIES_MAX};

use crate::fault::Fault;
use crate::request::CallRequest;
use crate::text;

/// Policies that are stored together. Where none is, no call is decided by any.
#[derive(Clone, Debug)]
pub struct Policies {
    set: PolicySet,
    /// Whether there are any.
    is_stored: bool,
}

/// What was decided about a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be carried out.
    pub allowed: bool,
    /// The statements that decided; none where none matched.
    pub reasons: Vec<String>,
    /// What could not be evaluated; then the call is denied.
    pub errors: Vec<String>,
}

/// A set that is not to be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy {name}: {}", .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Uncompiled {
    /// Which policy is wrong; empty for the set as a whole.
    pub name: String,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl Policies {
    /// No policies: every call is allowed, as far as policies go.
    #[must_use]
    pub fn none() -> Self {
        Self { set: PolicySet::new(), is_stored: false }
    }

    /// Policies that nobody knows: every call is denied.
    #[must_use]
    pub fn unknown() -> Self {
        Self { set: PolicySet::new(), is_stored: true }
    }

    /// These policies, each with its name and its text.
    ///
    /// # Errors
    /// The first that is not a policy, or that they are too many or too long together.
    pub fn compile<'p>(
        policies: impl IntoIterator<Item = (&'p str, &'p str)>,
    ) -> Result<Self, Uncompiled> {
        let (mut set, mut count, mut bytes) = (PolicySet::new(), 0, 0);
        for (name, policy) in policies {
            (count, bytes) = (count + 1, bytes + policy.len());
            if count > POLICIES_MAX || bytes > POLICIES_BYTES_MAX {
                let why =
                    format!("more than {POLICIES_MAX} policies or {POLICIES_BYTES_MAX} bytes");
                return Err(Uncompiled { name: String::new(), faults: vec![Fault::of_all(why)] });
            }
            let wrong = |faults| Uncompiled { name: name.to_owned(), faults };
            let (statements, _) = text::compile(name, policy).map_err(wrong)?;
            for statement in statements {
                let added = set.add(statement);
                added.map_err(|error| wrong(vec![Fault::of_all(error)]))?;
            }
        }
        Ok(Self { set, is_stored: count > 0 })
    }

    /// Whether calls are decided by any.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }

    /// Decides about a call.
    #[must_use]
    pub fn decide(&self, call: &CallRequest<'_>) -> Decision {
        if !self.is_stored {
            return Decision { allowed: true, reasons: Vec::new(), errors: Vec::new() };
        }
        let question = match call.question() {
            Ok(question) => question,
            Err(why) => return Decision { allowed: false, reasons: Vec::new(), errors: vec![why] },
        };
        let answer =
            Authorizer::new().is_authorized(&question.request, &self.set, &question.entities);
        let told = answer.diagnostics();
        let mut reasons: Vec<_> = told.reason().map(ToString::to_string).collect();
        reasons.sort_unstable();
        let mut errors: Vec<_> =
            told.errors().map(|error| Fault::of_all(error).to_string()).collect();
        errors.sort_unstable();
        let allowed = answer.decision() == CedarDecision::Allow && errors.is_empty();
        Decision { allowed, reasons, errors }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::WallMs;

    use super::*;
    use crate::request::{Agent, Principal};

    const PERMIT_ALL: &str = "permit(principal, action, resource);";

    fn call<'a>() -> CallRequest<'a> {
        CallRequest {
            principal: Principal::Peer("https://a.example"),
            operation: "SendMessage",
            agent: Agent {
                handle: "echo",
                tags: vec!["payments"],
                skills: vec!["pay"],
                namespace: "acme",
                visibility: "public",
                attached: true,
            },
            bytes: 100,
            // A Monday, 13:05 UTC.
            now: WallMs::from_secs(1_796_043_900),
            share: 100,
            parts: vec!["text/plain"],
            skill: None,
        }
    }

    fn compiled(texts: &[&str]) -> Policies {
        let names: Vec<_> = (0..texts.len()).map(|at| format!("p{at}")).collect();
        let named = names.iter().map(String::as_str).zip(texts.iter().copied());
        Policies::compile(named).unwrap()
    }

    fn decide(texts: &[&str], call: &CallRequest<'_>) -> (bool, Vec<String>) {
        let Decision { allowed, reasons, errors } = compiled(texts).decide(call);
        assert!(errors.is_empty(), "{texts:?}: {errors:?}");
        (allowed, reasons)
    }

    #[test]
    fn where_no_policy_is_stored_every_call_is_allowed_and_where_none_is_known_no_call_is() {
        assert!(Policies::none().decide(&call()).allowed && compiled(&[]).decide(&call()).allowed);
        assert!(!Policies::unknown().decide(&call()).allowed);
    }

    #[test]
    fn one_policy_denies_all_that_it_does_not_permit() {
        let other = ["permit(principal == Peer::\"https://b.example\", action, resource);"];
        assert_eq!(decide(&other, &call()), (false, vec![]));
        let own = ["permit(principal == Peer::\"https://a.example\", action, resource);"];
        assert_eq!(decide(&own, &call()), (true, vec!["p0".to_owned()]));
    }

    #[test]
    fn a_forbid_beats_every_permit() {
        let forbid =
            "@id(\"big\") forbid(principal, action, resource) when { context.bytes > 99 };";
        assert_eq!(decide(&[PERMIT_ALL, forbid], &call()), (false, vec!["p1/big".to_owned()]));
        let small = CallRequest { bytes: 99, ..call() };
        assert_eq!(decide(&[PERMIT_ALL, forbid], &small), (true, vec!["p0".to_owned()]));
    }

    #[test]
    fn each_name_of_the_schema_says_what_the_call_has() {
        let skilled = CallRequest { skill: Some("pay"), ..call() };
        for condition in [
            "context.hour == 13 && context.weekday == 1",
            "context.now == 1796043900",
            "context.share >= 100",
            "context.parts.contains(\"text/plain\")",
            "context has skill && context.skill == \"pay\"",
            "resource.handle == \"echo\" && resource.handle like \"ec*\"",
            "resource.tags.containsAny([\"payments\", \"x\"])",
            "resource.skills.contains(\"pay\")",
            "resource.namespace == \"acme\" && resource.visibility == \"public\"",
            "resource.attached",
            "action == Action::\"SendMessage\"",
            "principal is Peer",
        ] {
            let permit = format!("permit(principal, action, resource) when {{ {condition} }};");
            assert!(decide(&[&permit], &skilled).0, "{condition}");
            let not = format!("permit(principal, action, resource) unless {{ {condition} }};");
            assert!(!decide(&[&not], &skilled).0, "not: {condition}");
        }
    }

    #[test]
    fn push_notifications_are_a_group_and_each_kind_of_caller_has_its_type() {
        let group =
            "permit(principal is ApiKey, action in Action::\"PushNotificationConfigs\", resource);";
        let call = CallRequest {
            principal: Principal::ApiKey("ci"),
            operation: "DeleteTaskPushNotificationConfig",
            agent: Agent::default(),
            ..call()
        };
        assert!(decide(&[group], &call).0);
        assert!(!decide(&[group], &CallRequest { operation: "GetTask", ..call.clone() }).0);
        for other in [
            Principal::Peer("ci"),
            Principal::User("ci"),
            Principal::Certificate("ci"),
            Principal::Public("ci"),
        ] {
            assert!(!decide(&[group], &CallRequest { principal: other, ..call.clone() }).0);
        }
    }

    #[test]
    fn what_cannot_be_evaluated_denies() {
        let overflow =
            "permit(principal, action, resource) when { context.bytes + 9223372036854775807 > 0 };";
        let decision = compiled(&[PERMIT_ALL, overflow]).decide(&call());
        assert!(!decision.allowed && decision.errors.len() == 1, "{decision:?}");
        let unknown = CallRequest { operation: "SendMesage", ..call() };
        assert!(!compiled(&[PERMIT_ALL]).decide(&unknown).allowed);
    }

    #[test]
    fn a_set_names_the_policy_that_is_wrong_and_has_at_most_256() {
        let wrong = Policies::compile([("a", PERMIT_ALL), ("b", "permit(")]).unwrap_err();
        assert_eq!(wrong.name, "b");
        assert!(wrong.to_string().starts_with("policy b: line 1"), "{wrong}");
        let names: Vec<_> = (0..=POLICIES_MAX).map(|at| format!("p{at}")).collect();
        let all = |count: usize| {
            Policies::compile(names[..count].iter().map(|name| (name.as_str(), PERMIT_ALL)))
        };
        assert!(all(POLICIES_MAX).is_ok());
        assert!(all(POLICIES_MAX + 1).is_err());
    }
}
