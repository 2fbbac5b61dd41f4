//! Dead letters that are in JetStream, for the operator. Those of the registry are told by the registry.
//!
//! Decides what an operator may ask, and how it is shown. Must never show a document in a list.

use axum::response::Response;
use gateway_core::Failure;
use gateway_core::params::{Faults, fault};
use http::StatusCode;
use proto_types::WallMs;
use proto_wire::registry::v1 as wire;
use serde::Deserialize;
use serde_json::{Value, json};

use super::is_target;
use crate::gateway::Gateway;
use crate::store::{EnvelopeStore as _, StoreError};
use crate::{query, reply};

/// Letters of a page.
const PAGE_MAX: u32 = 1_000;

/// Which letters are asked for: a page of those of a target or of all, or one with its document.
#[derive(Debug, PartialEq)]
pub(crate) enum Selector {
    Page(wire::ListDeadLettersRequest),
    One(wire::DeadLetterName),
}

impl Selector {
    /// Reads the query: `source` and `id` of one; or `target`, `limit` and `cursor` of a page.
    pub(crate) fn read(query: &str) -> Result<Self, Failure> {
        let (mut found, mut page) = (Faults::new(), wire::ListDeadLettersRequest::default());
        let (mut source, mut id) = (None, None);
        for (name, value) in query::pairs(query) {
            match name.as_str() {
                "target" if is_target(&value) => page.target = value,
                "target" => found.push(fault("/target", "an origin or a handle")),
                "limit" => match value.parse() {
                    Ok(limit) if (1..=PAGE_MAX).contains(&limit) => page.limit = limit,
                    _ => found.push(fault("/limit", "a number from 1 to 1000")),
                },
                "cursor" => page.cursor = value,
                "source" => source = Some(value),
                "id" => id = Some(value),
                _ => found.push(fault("", "target, limit and cursor; or source and id")),
            }
        }
        let asked = match (source, id) {
            (Some(source), Some(id)) => Self::One(wire::DeadLetterName { source, id }),
            (None, None) => Self::Page(page),
            _ => {
                found.push(fault("", "source and id together"));
                Self::Page(page)
            }
        };
        if found.is_empty() { Ok(asked) } else { Err(Failure::Argument(found)) }
    }

    /// What is there.
    pub(crate) async fn answer(self, gateway: &Gateway) -> Result<Response, Failure> {
        let said = match self {
            Self::One(name) => {
                let letter =
                    gateway.envelopes.dead_letter(name).await.map_err(|it| failure(&it))?;
                let mut said = show(&letter);
                said["envelope"] = super::parsed(&letter.id, &letter.document);
                said
            }
            Self::Page(page) => {
                let list = gateway.envelopes.dead_letters(page).await.map_err(|it| failure(&it))?;
                let letters: Vec<Value> = list.letters.iter().map(show).collect();
                json!({"letters": letters, "next": list.next, "total": list.total})
            }
        };
        Ok(reply::json(StatusCode::OK, &said))
    }
}

/// What is to become of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    action: Action,
    source: String,
    id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    Replay,
    Drop,
}

/// Replays or drops one.
pub(crate) async fn act(gateway: &Gateway, body: &[u8]) -> Result<Response, Failure> {
    let must_be = "{\"action\": \"replay\" or \"drop\", \"source\", \"id\"} in strict JSON";
    let order: Order = proto_types::json::from_strict(body)
        .map_err(|_| Failure::Document(vec![fault("", must_be)]))?;
    let Order { action, source, id } = order;
    let name = wire::DeadLetterName { source: source.clone(), id: id.clone() };
    let done = match action {
        Action::Replay => gateway.envelopes.replay(name).await,
        Action::Drop => gateway.envelopes.discard(name).await,
    };
    done.map_err(|error| failure(&error))?;
    tracing::info!(source, id, ?action, "an operator has ended a dead letter");
    Ok(reply::json(StatusCode::OK, &json!({"done": true})))
}

fn failure(error: &StoreError) -> Failure {
    match error {
        StoreError::NotFound => Failure::NotFound,
        StoreError::Invalid => Failure::Argument(vec![fault("/cursor", "that of a page before")]),
        error => error.failure(),
    }
}

fn show(letter: &wire::DeadLetter) -> Value {
    let time = |at_ms| WallMs(at_ms).to_rfc3339();
    let attempt = |it: &wire::FailedAttempt| json!({"at": time(it.at_ms), "epoch": it.epoch, "reason": it.reason});
    json!({
        "id": letter.id,
        "source": letter.source,
        "target": letter.target,
        "correlationId": letter.correlation,
        "acceptedAt": time(letter.accepted_at_ms),
        "expiresAt": time(letter.expires_at_ms),
        "deliveries": letter.deliveries,
        "failures": letter.failures,
        "cause": letter.cause,
        "deadAt": time(letter.dead_at_ms),
        "keptUntil": time(letter.kept_until_ms),
        "attempts": letter.attempts.iter().map(attempt).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_is_asked_for_by_its_name_and_a_page_by_its_target() {
        let page = Selector::read("target=urn%3Aagent%3Ab&limit=7&cursor=9").unwrap();
        let expected = wire::ListDeadLettersRequest {
            target: "urn:agent:b".to_owned(),
            limit: 7,
            cursor: "9".to_owned(),
            ..Default::default()
        };
        assert_eq!(page, Selector::Page(expected));
        let one = Selector::read("source=https%3A%2F%2Fa.example&id=e1").unwrap();
        let (source, id) = ("https://a.example".to_owned(), "e1".to_owned());
        assert_eq!(one, Selector::One(wire::DeadLetterName { source, id }));
        for refused in ["limit=0", "limit=1001", "target=a%20b", "id=e1", "page=2"] {
            assert!(Selector::read(refused).is_err(), "{refused}");
        }
    }
}
