//! The collection of cosignatures: our checkpoints go to the configured witnesses, and are published when enough have
//! signed. A witness has a time-out and a bound on its answer, and its signature counts by its key, whatever connection
//! it came by.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use deploy_service::{telemetry, tls};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use proto_types::tlog::{Note, NoteSignature, SIZE_MEDIA_TYPE, Submission};
use registry_raft::StoreView;
use tokio::time::interval;

use super::{consistency, size};
use crate::config::{Log, Witness};
use crate::member::Member;
use crate::outward::Outward;

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

/// Who is asked, how, and how often.
pub(crate) struct Witnesses {
    listed: Vec<Witness>,
    outward: Outward,
    every: Duration,
}

impl Witnesses {
    /// Those of the configuration.
    ///
    /// # Errors
    /// The file of certificates cannot be used.
    pub(crate) fn open(config: &Log) -> Result<Self, tls::Error> {
        let outward =
            Outward::open(config.extra_ca_file.clone(), ANSWER_TIMEOUT, ANSWER_BYTES_MAX)?;
        let (listed, every) = (config.witnesses.clone(), config.witness_every.std());
        Ok(Self { listed, outward, every })
    }
}

/// Has every new checkpoint cosigned, until the process is told to stop.
pub(crate) async fn run(member: Arc<Member>, witnesses: Witnesses) {
    if witnesses.listed.is_empty() {
        return;
    }
    let mut followed: BTreeMap<String, u64> = BTreeMap::new();
    let mut tick = interval(witnesses.every);
    loop {
        tokio::select! {
            () = member.shutdown.triggered() => return,
            _ = tick.tick() => round(&member, &witnesses, &mut followed).await,
        }
    }
}

async fn round(member: &Member, witnesses: &Witnesses, followed: &mut BTreeMap<String, u64>) {
    let view = member.registry.view().0;
    let Ok(mut note) = member.log.sign(&view) else { return };
    if member.log.cosigned().is_some_and(|kept| kept.text() == note.text()) {
        return;
    }
    let mut found = 0;
    for witness in &witnesses.listed {
        let old = followed.entry(witness.key.name().to_owned()).or_default();
        match cosign(&witnesses.outward, &view, &note, witness, old).await {
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
    outward: &Outward,
    view: &StoreView,
    note: &Note,
    witness: &Witness,
    old: &mut u64,
) -> Result<NoteSignature, String> {
    for _ in 0..2 {
        let proof = consistency(view, *old, size(note)).map_err(|why| why.detail().to_owned())?;
        let submission = Submission { old: *old, proof, note: note.clone() };
        match ask(outward, &witness.url, &submission).await {
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

async fn ask(outward: &Outward, url: &str, submission: &Submission) -> Answer {
    let request = Request::post(format!("{}/add-checkpoint", url.trim_end_matches('/')))
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Full::from(submission.to_string()));
    let Ok(request) = request else { return Answer::No("its URL is none".to_owned()) };
    match outward.ask(request).await {
        Ok(response) => read(&response),
        Err(silence) => Answer::No(telemetry::chain(&silence)),
    }
}

fn read(response: &Response<Bytes>) -> Answer {
    let text = String::from_utf8_lossy(response.body());
    let kind = response.headers().get(header::CONTENT_TYPE);
    let says_size = kind.is_some_and(|kind| kind == SIZE_MEDIA_TYPE);
    match response.status() {
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
