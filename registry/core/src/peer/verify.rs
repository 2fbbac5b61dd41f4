//! A check of all peers' keys: each is one that would be enrolled. It is needed because reading an entry does not check
//! its keys again.

use proto_types::AnyKey;

use crate::entity::Entity as _;
use crate::report::{PAGE, Report};
use crate::view::{Read, View};

use super::table::PEERS;

pub(crate) fn check(view: &dyn View, report: &mut Report) -> Read<()> {
    let mut after: Option<String> = None;
    loop {
        let page = PEERS.list(view, after.as_deref(), PAGE)?;
        for peer in &page {
            let acting = peer.keys.iter().map(|key| (&key.kid, key.public_key));
            let recovery = peer.recovery_keys.iter();
            let recovering = recovery.map(|key| (&key.kid, AnyKey::from(key.public_key)));
            for (kid, key) in acting.chain(recovering) {
                report.saw("keys", 1);
                if let Err(why) = key.check() {
                    report.fault(format_args!("{} has {kid}, {why}", peer.origin));
                }
            }
        }
        if page.len() < PAGE {
            return Ok(());
        }
        after = page.last().map(|peer| peer.key());
    }
}
