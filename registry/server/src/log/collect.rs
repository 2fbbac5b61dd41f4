//! Collecting cosignatures: our checkpoints go to the witnesses of the configuration.
//!
//! It decides when a checkpoint has enough of them to be published. It must never wait for a witness
//! longer than its time-out, nor take an answer larger than a few signatures.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use proto_types::tlog::{Note, NoteSignature, SIZE_MEDIA_TYPE, Submission};
use registry_raft::StoreView;
use tokio::time::{interval, timeout};

use super::{consistency, size};
use crate::config::Witness;
use crate::member::Member;

/// A witness that takes longer is asked again with the next checkpoint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Room for a few dozen signature lines.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// How a witness answered.
enum Answer {
    Cosigned(Vec<NoteSignature>),
    /// It has followed us up to this size.
    At(u64),
    No(String),
}

type Http = Client<HttpConnector, Body>;

/// Has every new checkpoint cosigned, until the process is told to stop.
pub(crate) async fn run(member: Arc<Member>, every: Duration) {
    if member.log.witnesses.is_empty() {
        return;
    }
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut followed: BTreeMap<String, u64> = BTreeMap::new();
    let mut tick = interval(every);
    loop {
        tokio::select! {
            () = member.shutdown.triggered() => return,
            _ = tick.tick() => round(&member, &http, &mut followed).await,
        }
    }
}

async fn round(member: &Member, http: &Http, followed: &mut BTreeMap<String, u64>) {
    let view = member.registry.view().0;
    let Ok(mut note) = member.log.sign(&view) else { return };
    if member.log.cosigned().is_some_and(|kept| kept.text() == note.text()) {
        return;
    }
    let mut found = 0;
    for witness in &member.log.witnesses {
        let old = followed.entry(witness.key.name().to_owned()).or_default();
        match cosign(http, &view, &note, witness, old).await {
            Ok(signature) => {
                note.add(signature);
                found += 1;
            }
            Err(why) => {
                let name = witness.key.name();
                tracing::warn!(witness = name, why, "a witness did not cosign the checkpoint");
            }
        }
    }
    if found > 0 {
        member.log.publish(note);
    }
}

/// Asks a witness, and once more from the size that it says it has.
async fn cosign(
    http: &Http,
    view: &StoreView,
    note: &Note,
    witness: &Witness,
    old: &mut u64,
) -> Result<NoteSignature, String> {
    for _ in 0..2 {
        let proof = consistency(view, *old, size(note)).map_err(|why| why.detail().to_owned())?;
        let submission = Submission { old: *old, proof, note: note.clone() };
        let answer = timeout(ANSWER_TIMEOUT, ask(http, &witness.url, &submission)).await;
        match answer.map_err(|_| "no answer in time".to_owned())? {
            Answer::At(size) => *old = size,
            Answer::No(why) => return Err(why),
            Answer::Cosigned(lines) => {
                *old = size(note);
                let verified = |line: NoteSignature| {
                    let mut signed = note.clone();
                    signed.add(line.clone());
                    witness.key.verified(&signed).map(|_| line)
                };
                let found = lines.into_iter().find_map(verified);
                return found.ok_or_else(|| "its signature does not verify".to_owned());
            }
        }
    }
    Err("it contradicts itself about how far it has followed".to_owned())
}

async fn ask(http: &Http, url: &str, submission: &Submission) -> Answer {
    let request = Request::post(format!("{}/add-checkpoint", url.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::from(submission.to_string()));
    let Ok(request) = request else { return Answer::No("its URL is none".to_owned()) };
    let response = match http.request(request).await {
        Ok(response) => response,
        Err(why) => return Answer::No(why.to_string()),
    };
    let (parts, body) = response.into_parts();
    let body = match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(why) => return Answer::No(why.to_string()),
    };
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let says_size = kind.is_some_and(|kind| kind == SIZE_MEDIA_TYPE);
    read(parts.status, says_size, &body)
}

fn read(status: StatusCode, says_size: bool, body: &Bytes) -> Answer {
    let text = String::from_utf8_lossy(body);
    match status {
        StatusCode::OK => {
            let lines = text.lines().map(NoteSignature::parse).collect::<Option<Vec<_>>>();
            lines.map_or_else(|| Answer::No("no signature lines".to_owned()), Answer::Cosigned)
        }
        StatusCode::CONFLICT if says_size => match text.trim_end_matches('\n').parse() {
            Ok(size) => Answer::At(size),
            Err(_) => Answer::No("its size is no number".to_owned()),
        },
        other => Answer::No(format!("it answers {other}")),
    }
}
