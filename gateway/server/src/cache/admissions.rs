//! Copies from a member which peers each namespace admits; the registry has resolved the grants. It always reads all of
//! them: a change of one namespace may change whom others admit.

use proto_types::visibility::Admissions;
use proto_types::{Namespace, Origin};
use proto_wire::registry::v1 as wire;
use tonic::Status;

use super::Follower;
use super::fill::page;
use crate::registry::Member;

/// As many as the registry keeps.
const NAMESPACES_MAX: usize = 1_024;
/// An admission for each of 64 owners and grants fills 4 MiB with fewer namespaces than the registry's largest page.
const PAGE: u32 = 100;

impl Follower {
    /// Copies all of them.
    pub(super) async fn fill_admissions(
        &self,
        member: &Member<'_>,
        consistency: wire::Consistency,
    ) -> Result<(), Status> {
        let (mut all, mut after) = (Vec::new(), String::new());
        while all.len() <= NAMESPACES_MAX {
            let list = member.namespaces(page(&after, PAGE, consistency)).await?;
            all.extend(list.namespaces.iter().filter_map(read));
            if list.next.is_empty() {
                break;
            }
            after = list.next;
        }
        self.cache.admissions.store(Admissions::new(all).into());
        Ok(())
    }
}

/// What cannot be read admits nobody.
fn read(namespace: &wire::Namespace) -> Option<(Namespace, Vec<Origin>)> {
    let name = Namespace::parse(&namespace.name).ok();
    if name.is_none() {
        tracing::error!(
            name = namespace.name,
            "the registry holds a namespace that cannot be read"
        );
    }
    let admitted = namespace.admitted.iter().filter_map(|origin| Origin::parse(origin).ok());
    Some((name?, admitted.collect()))
}
