//! Copies the policies of calls from a member and compiles them, all of them with each change: they are few, and decide
//! together. Must never put a set that does not compile in the place of one that does, nor let calls through where none was
//! ever read.

use std::sync::Arc;

use policy_core::{Policies, Uncompiled};
use proto_wire::registry::v1 as wire;
use tonic::Status;

use super::Follower;
use crate::registry::Member;

impl Follower {
    /// Copies all of them.
    pub(super) async fn fill_policies(
        &self,
        member: &Member<'_>,
        consistency: wire::Consistency,
    ) -> Result<(), Status> {
        let asked = wire::ListPoliciesRequest { consistency: consistency.into() };
        let list = member.policies(asked).await?;
        let told = list.policies.iter().map(|one| (one.name.clone(), one.digest.clone()));
        let told: Arc<Vec<_>> = Arc::new(told.collect());
        // Of many changes in a row the first finds most: revocations must not wait for the others.
        if self.cache.policies_of.load_full().as_ref() == Some(&told) {
            return Ok(());
        }
        // Beside the threads that answer calls: many long texts take a while.
        let compiled = tokio::task::spawn_blocking(move || compile(&list)).await;
        match compiled.map_err(|error| Status::internal(error.to_string()))? {
            Ok(policies) => {
                self.cache.policies.store(policies.into());
                self.cache.policies_of.store(Some(told));
            }
            // A registry of a later version may keep what this one does not know.
            Err(error) => {
                tracing::error!(%error, "the registry's policies are not understood: those from before stay in force");
            }
        }
        Ok(())
    }
}

fn compile(list: &wire::PolicyList) -> Result<Policies, Uncompiled> {
    Policies::compile(list.policies.iter().map(|policy| (&*policy.name, &*policy.text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_compiled_whole_or_not_at_all() {
        let policy = |name: &str, text: &str| wire::Policy {
            name: name.into(),
            text: text.into(),
            ..wire::Policy::default()
        };
        let permit = policy("all", "permit(principal, action, resource);");
        let list = |policies: Vec<wire::Policy>| compile(&wire::PolicyList { policies });
        assert!(list(Vec::new()).is_ok_and(|policies| !policies.is_stored()));
        assert!(list(vec![permit.clone()]).is_ok_and(|policies| policies.is_stored()));
        let newer = policy("newer", "permit(principal is Robot, action, resource);");
        assert!(list(vec![permit, newer]).is_err());
    }
}
