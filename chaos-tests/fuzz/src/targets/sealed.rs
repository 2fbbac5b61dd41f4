//! The sealed ids of attached agents: every id comes back, and nothing opens that was not sealed for this caller.

use gateway_core::sealed::{SealKey, Sealer};
use gateway_core::upstream::ReplicaTag;
use proto_types::{ContextId, Handle, TaskId, base64url};

use crate::fixtures::choice;

pub(crate) fn run(bytes: &[u8]) {
    let (mine, other) = (sealer("https://a.example"), sealer("https://c.example"));
    let text = String::from_utf8_lossy(bytes);
    as_callers_say_it(&mine, &text);
    let (at, id) = choice(bytes);
    let Ok(id) = str::from_utf8(id) else { return };
    let tag = ReplicaTag::from_bytes([1, 2, 3, at.to_le_bytes()[0]]);
    if let Ok(sealed) = mine.task_out(tag, id) {
        assert!(TaskId::parse(&sealed).is_ok());
        assert_eq!(mine.task_in(&sealed), Some((tag, id.to_owned())));
        assert_eq!(other.task_in(&sealed), None, "another caller");
        let mut changed = base64url::decode(&sealed).expect("it is base64url");
        let at = at % changed.len();
        changed[at] ^= 1;
        assert_eq!(mine.task_in(&base64url::encode(&changed)), None, "a bit of it is another");
    }
    if let Ok(sealed) = mine.context_out(id) {
        assert!(ContextId::parse(&sealed).is_ok() || mine.context_in(&sealed) == id);
        assert_eq!(mine.context_in(&sealed), id);
    }
}

/// What opens is what we would seal again, and a conversation that a caller names comes back by its name.
fn as_callers_say_it(mine: &Sealer, text: &str) {
    if let Some((tag, id)) = mine.task_in(text) {
        assert_eq!(mine.task_out(tag, &id).as_deref(), Ok(text));
    }
    if let Ok(name) = mine.context_out(&mine.context_in(text)) {
        assert_eq!(name, text);
    }
}

fn sealer(owner: &str) -> Sealer {
    let handle = Handle::parse("echo").expect("a handle");
    Sealer::new(&SealKey::new([1; 32]), owner, &handle)
}
