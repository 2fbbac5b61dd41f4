//! A list of tasks as it is asked for, and where its next page begins. A list is of one owner, whoever asks: nobody lists the
//! tasks of all.

use proto_types::{Revision, TaskOwner, WallMs};
use proto_wire::registry::v1 as wire;
use registry_core::query::{StateWord, TASKS_COUNTED_MAX, TaskFilter};

use crate::cursor::Cursors;
use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Tasks of a page at most: the most that A2A has (1.0, section 3.1.4).
const LIMIT_MAX: u32 = 100;

/// A page of a list, as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// What the list has.
    pub filter: TaskFilter,
    /// How many tasks the page may have.
    pub limit: usize,
    /// Where it begins; `None` of the first page.
    pub place: Option<Place>,
}

/// Where a page behind the first begins. Its cursor says for whose tasks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// With what changed before this revision.
    pub before: Revision,
    /// How many tasks there are on all pages, as they were counted for the first.
    pub total: u64,
}

/// Reads which page of a list is asked for.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`, `future-revision` for a cursor of another cluster epoch.
pub fn read(
    caller: &Principal,
    request: &wire::ListTasksRequest,
    cursors: Cursors,
) -> Result<Listing, Problem> {
    caller.require(&[Role::Gateway, Role::Operator])?;
    let owner: TaskOwner = field::read("owner", &request.owner)?;
    let place = cursors.after_by("cursor", &request.cursor, |text| place(text, &owner))?;
    let filter = TaskFilter {
        owner,
        context: field::optional("context", &request.context)?,
        agent: field::optional("agent", &request.agent)?,
        states: states(&request.states)?,
        since: WallMs(request.changed_since_ms),
    };
    Ok(Listing { filter, limit: limit(request.limit)?, place })
}

/// The cursor of the page that begins there.
#[must_use]
pub fn cursor(cursors: Cursors, owner: &TaskOwner, place: Place) -> String {
    let Place { before, total } = place;
    cursors.cursor(&format!("{} {total} {owner}", before.0))
}

/// What a cursor says, if it is for tasks of this owner. One that was made up tells its maker wrong, and nobody else.
fn place(text: &str, owner: &TaskOwner) -> Option<Place> {
    let (before, rest) = text.split_once(' ')?;
    let (total, of) = rest.split_once(' ')?;
    let total = total.parse::<u64>().ok().filter(|total| *total <= TASKS_COUNTED_MAX as u64)?;
    let before = Revision(before.parse().ok()?);
    (of == owner.as_str()).then_some(Place { before, total })
}

fn states(words: &[String]) -> Result<Vec<StateWord>, Problem> {
    if words.len() > StateWord::ALL.len() {
        return Err(Problem::argument("states", "there are fewer states than are named"));
    }
    words.iter().map(|word| field::read("states", word)).collect()
}

fn limit(limit: u32) -> Result<usize, Problem> {
    match limit {
        1..=LIMIT_MAX => Ok(limit as usize),
        _ => Err(Problem::argument("limit", format_args!("1 to {LIMIT_MAX}; {limit} was asked"))),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::cursor::List;
    use crate::problem::Code;

    use super::*;

    fn request() -> wire::ListTasksRequest {
        let owner = "https://a.example".to_owned();
        wire::ListTasksRequest { owner, limit: 50, ..Default::default() }
    }

    fn asked(request: &wire::ListTasksRequest) -> Result<Listing, Code> {
        let cursors = List::Tasks.of(0);
        read(&Principal::Operator, request, cursors).map_err(|problem| problem.code())
    }

    #[test]
    fn a_page_is_of_one_owner_and_of_1_to_100_tasks() {
        let whole = asked(&request()).unwrap();
        assert_eq!((whole.limit, whole.place), (50, None));
        assert_eq!(whole.filter.owner.as_str(), "https://a.example");
        assert_eq!(whole.filter.since, WallMs(0));
        for limit in [0, 101, u32::MAX] {
            let refused = asked(&wire::ListTasksRequest { limit, ..request() });
            assert_eq!(refused, Err(Code::InvalidArgument), "{limit}");
        }
        for limit in [1, 100] {
            assert!(asked(&wire::ListTasksRequest { limit, ..request() }).is_ok(), "{limit}");
        }
        let nobodys = wire::ListTasksRequest { owner: String::new(), ..request() };
        assert_eq!(asked(&nobodys), Err(Code::InvalidArgument));
    }

    #[test]
    fn states_are_words_of_tasks_and_no_more_than_there_are() {
        let of = |words: &[&str]| {
            let states = words.iter().map(|&word| word.to_owned()).collect();
            asked(&wire::ListTasksRequest { states, ..request() }).map(|it| it.filter.states)
        };
        assert_eq!(of(StateWord::WORDS).unwrap(), StateWord::ALL);
        for wrong in [&["done"][..], &["TASK_STATE_WORKING"], &[""], &["pending"; 8]] {
            assert_eq!(of(wrong), Err(Code::InvalidArgument), "{wrong:?}");
        }
    }

    #[test]
    fn a_cursor_is_for_its_owner_and_says_what_was_counted() {
        let (cursors, place) = (List::Tasks.of(0), Place { before: Revision(7), total: 9 });
        let named: TaskOwner = "a name with blanks".parse().unwrap();
        for owner in [named, "https://a.example".parse().unwrap()] {
            let cursor = cursor(cursors, &owner, place);
            let own = wire::ListTasksRequest { owner: owner.into(), cursor, ..request() };
            assert_eq!(asked(&own).unwrap().place, Some(place));
            let other = wire::ListTasksRequest { owner: "https://b.example".to_owned(), ..own };
            assert_eq!(asked(&other), Err(Code::InvalidArgument));
        }
        for bad in ["7 9", "7  https://a.example", "7 10001 https://a.example", "-1 9 x", ""] {
            let cursor = List::Tasks.of(0).cursor(bad);
            let made_up = asked(&wire::ListTasksRequest { cursor, ..request() });
            let expected = if bad.is_empty() { Ok(None) } else { Err(Code::InvalidArgument) };
            assert_eq!(made_up.map(|listing| listing.place), expected, "{bad}");
        }
    }
}
