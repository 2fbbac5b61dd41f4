//! The admission of gateways and nodes with a join token. Who was not invited never learns which ids and credentials are
//! taken.

use proto_types::Digest;

use crate::bound;
use crate::credential;
use crate::draft::{Draft, Outcome, Step};
use crate::view::Space;

use super::apply::spend;
use super::entry::JoinRole;

/// Lets a new machine in: its join token is spent, and its credential is nobody else's, which again only who was invited
/// hears.
pub(crate) fn admit(
    draft: &mut Draft<'_>,
    credential: &Digest,
    join: &Digest,
    role: JoinRole,
    id: &str,
) -> Step<()> {
    spend(draft, join, role, id)?;
    match draft.view().value(Space::Index, &credential::key(credential))? {
        Some(_) => Err(bound::conflict("credential", id).into()),
        None => Ok(()),
    }
}

/// The id is another machine's. Only who was invited hears it: to others a known id and a free one are alike.
pub(crate) fn taken(
    draft: &mut Draft<'_>,
    join: &Digest,
    (role, kind, id): (JoinRole, &str, &str),
) -> Outcome {
    spend(draft, join, role, id)?;
    // A refusal undoes the spending.
    Err(bound::conflict(kind, id).into())
}
