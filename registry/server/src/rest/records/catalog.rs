//! The handles of all records, signed. They are read in bounded parts, each of which the caller's source pays for before
//! it is read.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use proto_types::Handle;
use registry_api::{Cursors, List, Problem, render};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Viewer;
use serde::Deserialize;

use crate::allowance::{self, Account};
use crate::call::Caller;
use crate::member::Reading;
use crate::search;

use super::super::parameter::Parameter;
use super::super::{Answered, Shared, at, bytes, page, parameters, read, unkept};

/// Handles of one catalog; a longer one goes on at `next`. A Pilox registry reads what it is given at
/// first and nothing more, so a list is whole as far as it can be.
const LIMIT_MAX: usize = 100_000;

/// What their names may take: with quotes and proof a page stays below the 6 MiB that we read ourselves.
const BYTES_MAX: usize = 5 << 20;

/// Handles of the first part: as many as a page of any other list has at most.
const FIRST_PART: usize = 1_000;

/// How much longer a list is with each part: nobody pays for more than so many times what there is.
const GROWTH: usize = 2;

pub(super) static LIMIT: Parameter = Parameter::query(
    "limit",
    "Handles of a page.",
    r#"{"type":"integer","minimum":1,"maximum":100000,"default":100000}"#,
);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    cursor: Option<String>,
    limit: Option<usize>,
    consistency: Option<String>,
}

pub(super) async fn catalog(
    State(member): Shared,
    query: Result<Query<Listing>, QueryRejection>,
    caller: Caller,
    request: Request,
) -> Answered {
    let (head, _) = request.into_parts();
    let query = parameters(query)?;
    let after: Option<Handle> =
        page::after(member.cursors(List::Records), query.cursor.as_deref())?;
    let limit = query.limit.unwrap_or(LIMIT_MAX);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::argument("limit", format_args!("1 to {LIMIT_MAX}")).into());
    }
    let call = caller.reader()?;
    let reading = read(&member, query.consistency.as_deref()).await?;
    let (with, mut account) = (Arc::clone(&member), Account::of(&head.extensions));
    let made = move |reading: &Reading, viewer: &Viewer| {
        let handles = listed(&reading.view, viewer, (after.as_ref(), limit), &mut account)?;
        let (handles, next) = fitting(handles, limit, with.cursors(List::Records));
        let (signer, now) = (&with.signer, with.clock.now());
        let body = render::pilox::catalog(&handles, &next, now, &signer.kid, &signer.key);
        Ok::<_, Problem>((body.to_string().into_bytes(), next))
    };
    let caller = (&call.principal, call.source);
    // Reading and signing a long list takes longer than the network's threads have.
    let (reading, (body, next)) = search::aside(&member, caller, (reading, 1), made).await?;
    Ok(at(&reading, page::linked(unkept(bytes(body)), &head.uri, &next)))
}

/// Up to `limit` handles after `after`. How many there are shows when they are read: so they are read in parts, and with
/// each the account pays for all of the list up to its end.
fn listed(
    view: &dyn View,
    viewer: &Viewer,
    (after, limit): (Option<&Handle>, usize),
    account: &mut Account,
) -> Result<Vec<Handle>, Problem> {
    let mut handles: Vec<Handle> = Vec::new();
    let mut end = limit.min(FIRST_PART);
    loop {
        account.pay(allowance::NAMES.cost(end))?;
        let last = handles.last().or(after);
        let part = query::records_listed(view, viewer, last, end - handles.len())?;
        handles.extend(part);
        if handles.len() < end || end == limit {
            return Ok(handles);
        }
        end = limit.min(end * GROWTH);
    }
}

/// As many handles as a catalog holds, and the cursor after them if there are more.
fn fitting(mut handles: Vec<Handle>, limit: usize, cursors: Cursors) -> (Vec<Handle>, String) {
    let mut bytes = 0;
    let fit = handles.iter().take_while(|handle| {
        bytes += handle.as_str().len();
        bytes <= BYTES_MAX
    });
    let fit = fit.count();
    let next = match handles.get(..fit).and_then(<[Handle]>::last) {
        Some(last) if fit < handles.len() => cursors.cursor(last.as_str()),
        _ => cursors.next(&handles, limit, Handle::as_str),
    };
    handles.truncate(fit);
    (handles, next)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use deploy_service::{Source, SourceLimit};
    use http::Extensions;
    use proto_types::{Digest, Namespace, Revision, WallMs};
    use registry_api::Code;
    use registry_core::change::Write;
    use registry_core::entry::{RecordEntry, Visibility};
    use registry_core::table::RECORDS;
    use registry_core::view::{Memory, Space};

    use crate::allowance::{Allowance, Sources};

    use super::*;

    fn record(number: usize) -> RecordEntry {
        RecordEntry {
            handle: format!("urn:a:{number:08}").parse().unwrap(),
            digest: Some(Digest::of(b"a record")),
            updated_at: WallMs(1),
            valid_until: None,
            ttl_s: None,
            agent_card_url: "https://a.example/card.json".to_owned(),
            assurance: Default::default(),
            owner: None,
            visibility: Visibility::Public,
            namespace: Namespace::default(),
            bytes: 8,
            revision: Revision(1),
        }
    }

    fn state(records: usize) -> Memory {
        let mut state = Memory::default();
        for record in (0..records).map(record) {
            let keys = RECORDS.derived(&record).into_iter();
            let keys = keys.map(|(key, value)| Write::Put { space: Space::Index, key, value });
            state.commit(&keys.chain([RECORDS.put(&record)]).collect::<Vec<_>>());
        }
        state
    }

    /// What a stranger has, who has asked once and could ask for so much more.
    fn stranger(burst: u32) -> (Extensions, Arc<Sources>, Source) {
        let sources = Arc::new(Sources { limit: SourceLimit::new(1, burst) });
        let source = Source::of("192.0.2.1".parse().unwrap());
        let mut known = Extensions::new();
        known.insert(Allowance { sources: Arc::clone(&sources), source });
        sources.limit.check(source).unwrap();
        (known, sources, source)
    }

    #[test]
    fn a_list_costs_by_what_there_is_and_not_by_what_is_asked_for() {
        let state = state(5_000);
        // Some are skipped, so that fewer are left.
        for (skipped, limit, given, hundreds) in [
            (4_990_usize, LIMIT_MAX, 10, 39),
            (2_500, LIMIT_MAX, 2_500, 37),
            (0, LIMIT_MAX, 5_000, 35),
            (0, 5_000, 5_000, 37),
            (0, 20, 20, 40),
        ] {
            let (known, sources, source) = stranger(4_020);
            let after = skipped.checked_sub(1).map(|last| record(last).handle);
            let page = (after.as_ref(), limit);
            let handles =
                listed(&state, &Viewer::Anonymous, page, &mut Account::of(&known)).unwrap();
            assert_eq!(handles.first(), Some(&record(skipped).handle), "{skipped} {limit}");
            assert!(handles.len() == given && handles.is_sorted(), "{skipped} {limit}");
            let fits = |left: &u32| sources.limit.charge(source, (0, left * 100)).is_ok();
            assert_eq!((0..=40).rev().find(fits), Some(hundreds), "{skipped} {limit}");
        }
    }

    #[test]
    fn a_list_that_its_source_cannot_pay_for_is_not_read_to_its_end() {
        let state = state(1_500);
        let (known, sources, source) = stranger(4_000);
        sources.limit.charge(source, (0, 3_900)).unwrap();
        let ask = |known: &Extensions| {
            listed(&state, &Viewer::Anonymous, (None, LIMIT_MAX), &mut Account::of(known))
        };
        assert_eq!(ask(&known).unwrap_err().code(), Code::RateLimited);
        assert_eq!(ask(&Extensions::new()).unwrap().len(), 1_500, "who is known pays nothing");
    }
}
