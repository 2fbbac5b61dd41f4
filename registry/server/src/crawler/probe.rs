//! One visit: the card, then a harmless call; for a peer its descriptors and manifest too. A visit makes [`PAGES_MAX`]
//! requests at most, and sends nothing but the question for a task that does not exist.

use bytes::Bytes;
use proto_types::card::Card;
use proto_types::pilox::descriptor::Descriptor;
use proto_types::{Handle, Origin};
use registry_core::entry::{Reachability, Subject};
use registry_fetch::{FetchError, Fetched, Fetcher, Request};

use super::judge::{self, Call, Verdict};

/// Requests of one visit: card, two descriptors, manifest and call.
pub(super) const PAGES_MAX: u32 = 5;

/// Where a peer may serve its newest manifest, for registries that come by.
const MANIFEST_PATH: &str = "/.well-known/ecumene-manifest.json";

/// The descriptors of both brands, the newer first.
const DESCRIPTOR_PATHS: [&str; 2] = ["/.well-known/pilox-mesh.json", "/.well-known/hive-mesh.json"];

/// The id that nobody gives a task.
const NO_TASK: &str = "ecumene-liveness-probe";

/// Somebody to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) subject: Subject,
    /// Where its card is.
    pub(super) card_url: String,
    /// The peer that answers for it.
    pub(super) owner: Origin,
    /// The version of the card that was seen last, and where it is called.
    pub(super) seen: Option<SeenCard>,
}

/// What is remembered of a card, so that it need not be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SeenCard {
    pub(super) etag: String,
    pub(super) rpc: Call,
}

impl Target {
    pub(super) fn peer(origin: Origin) -> Self {
        let card_url = format!("{origin}/.well-known/agent-card.json");
        Self { subject: Subject::Peer(origin.clone()), card_url, owner: origin, seen: None }
    }

    pub(super) fn record(handle: Handle, card_url: String, owner: Origin) -> Self {
        Self { subject: Subject::Record(handle), card_url, owner, seen: None }
    }

    /// What its requests are counted by.
    pub(super) fn host(&self) -> String {
        Origin::of_url(&self.card_url)
            .map_or_else(|_| String::new(), |origin| origin.authority().to_owned())
    }
}

/// What a visit found.
#[derive(Debug, Default)]
pub(super) struct Sighting {
    pub(super) class: Reachability,
    pub(super) why: &'static str,
    /// The card's version, for the next visit.
    pub(super) card: Option<SeenCard>,
    /// The card itself, if it was sent.
    pub(super) card_bytes: Option<Bytes>,
    /// The peer's manifest.
    pub(super) manifest: Option<Bytes>,
    pub(super) retry_after_s: Option<u64>,
    /// Bytes taken, to be counted.
    pub(super) bytes: u64,
}

/// Visits a target.
pub(super) async fn probe(fetcher: &Fetcher, target: &Target) -> Sighting {
    let mut seen = Sighting::default();
    let call = match card(fetcher, target, &mut seen).await {
        Err((Reachability::NotSpeaking, _)) if matches!(target.subject, Subject::Peer(_)) => {
            descriptor(fetcher, &target.owner, &mut seen).await
        }
        found => found,
    };
    let verdict = match call {
        Ok(Call::JsonRpc { url, method }) => ask(fetcher, url, method, &mut seen).await,
        Ok(Call::Not(class, why)) | Err((class, why)) => (class, why),
    };
    (seen.class, seen.why) = verdict;
    if matches!(target.subject, Subject::Peer(_)) && seen.class != Reachability::Unreachable {
        seen.manifest = manifest(fetcher, &target.owner, &mut seen.bytes).await;
    }
    seen
}

async fn card(fetcher: &Fetcher, target: &Target, seen: &mut Sighting) -> Result<Call, Verdict> {
    let mut request = Request::get(&*target.card_url);
    request.etag = target.seen.as_ref().map(|card| card.etag.clone());
    let answer = counted(fetcher.fetch(request).await, seen)?;
    if let (304, Some(kept)) = (answer.status, &target.seen) {
        seen.card = Some(kept.clone());
        return Ok(kept.rpc.clone());
    }
    if let Some(verdict) = judge::of_status(answer.status) {
        return Err(verdict);
    }
    let card = Card::parse(&answer.body).map_err(|_| (Reachability::NotSpeaking, "no card"))?;
    let home = Origin::of_url(&answer.url).map_err(|_| (Reachability::Unknown, "no origin"))?;
    let call = judge::call_of(&card, &home, &target.owner);
    seen.card = answer.etag.map(|etag| SeenCard { etag, rpc: call.clone() });
    seen.card_bytes = Some(answer.body);
    Ok(call)
}

/// A peer without a card may still say where it is called.
async fn descriptor(
    fetcher: &Fetcher,
    origin: &Origin,
    seen: &mut Sighting,
) -> Result<Call, Verdict> {
    for path in DESCRIPTOR_PATHS {
        let answer = counted(fetcher.fetch(Request::get(format!("{origin}{path}"))).await, seen)?;
        if !answer.is_success() {
            continue;
        }
        let Ok(read) = Descriptor::parse(&answer.body) else { continue };
        let at = read.a2a.filter(|_| read.a2a_enabled && read.instance_origin == *origin);
        return Ok(match at {
            Some(at) if Origin::of_url(&at.json_rpc_url).as_ref() == Ok(origin) => {
                Call::JsonRpc { url: at.json_rpc_url, method: "tasks/get" }
            }
            Some(_) => Call::Not(Reachability::Unknown, "is called elsewhere"),
            None => Call::Not(Reachability::NotSpeaking, "A2A is off"),
        });
    }
    Err((Reachability::NotSpeaking, "no card, no descriptor"))
}

async fn ask(fetcher: &Fetcher, url: String, method: &str, seen: &mut Sighting) -> Verdict {
    let body = serde_json::json!({
        "jsonrpc": "2.0", "id": NO_TASK, "method": method, "params": { "id": NO_TASK },
    });
    let request = Request::post_json(url, body.to_string());
    match counted(fetcher.fetch(request).await, seen) {
        Ok(answer) => judge::of_call(&answer),
        Err(verdict) => verdict,
    }
}

async fn manifest(fetcher: &Fetcher, origin: &Origin, bytes: &mut u64) -> Option<Bytes> {
    let request = Request::get(format!("{origin}{MANIFEST_PATH}"));
    let answer = fetcher.fetch(request).await.ok()?;
    *bytes += answer.body.len() as u64;
    answer.is_success().then_some(answer.body)
}

fn counted(fetched: Result<Fetched, FetchError>, seen: &mut Sighting) -> Result<Fetched, Verdict> {
    let answer = fetched.map_err(|error| judge::of_error(&error))?;
    seen.bytes += answer.body.len() as u64;
    seen.retry_after_s = seen.retry_after_s.max(answer.retry_after_s);
    Ok(answer)
}
