//! The transparency log over HTTP: checkpoint, tiles, and cosigning (C2SP tlog-tiles, tlog-witness).
//!
//! It decides media types and how long an answer may be kept. A full tile never changes within a
//! cluster epoch; it must never be served before it is full.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::header::{CACHE_CONTROL as KEEP, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use proto_types::base64url;
use proto_types::metadata::LOG_PROOF_KEY;
use proto_types::tlog::{Rows as _, SIZE_MEDIA_TYPE, TilePath, entry_bundle};
use registry_api::{Code, Problem, field};
use registry_core::query::{self, LogRows};
use registry_core::view::View;
use serde_json::json;

use super::parameter::{CACHE_CONTROL, Header, Parameter, UNKEPT};
use super::route::{Content, Route};
use super::{Answered, Shared, schemas};
use crate::log::witness::{Verdict, cosign};
use crate::log::{Proof, unopened};

/// A checkpoint of 16 KiB, 63 hashes of 45 bytes, and a line.
const SUBMISSION_BYTES_MAX: usize = 20 << 10;

const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NOT_AT_ALL: HeaderValue = HeaderValue::from_static("no-store");

const NOTE: &str = "text/plain";
const TILE: &str = "application/octet-stream";

static TILE_PATH: Parameter = Parameter::path(
    "tile",
    "`<level>/<index>` or `entries/<index>`, with `.p/<width>` for a tile that is not full; the \
     index in groups of three digits (C2SP tlog-tiles). The slashes stand as they are.",
    r#"{"type":"string","minLength":1}"#,
);

/// Whether a read brings its proof along.
pub(super) static WITH_PROOF: Parameter = Parameter::query(
    "proof",
    "`true` adds the header `ecumene-log-proof`: JSON in base64url with the `inclusion` of the \
     document in the transparency log and the signed `checkpoint` that it leads to.",
    r#"{"type":"boolean","default":false}"#,
);

/// The proof that a read brings along.
pub(super) const PROOF_HEADER: Header = Header {
    name: LOG_PROOF_KEY,
    about: "Inclusion and checkpoint, if `proof=true` asked for them.",
    schema: r#"{"type":"string","pattern":"^[A-Za-z0-9_-]+$"}"#,
    required: false,
};

pub(super) fn routes() -> Vec<Route> {
    [reads(), vec![cosigning()]].into_iter().flatten().collect()
}

const fn text(media: &'static str) -> Content {
    Content { media, schema: &schemas::TEXT }
}

fn reads() -> Vec<Route> {
    vec![
        Route::get("/checkpoint", checkpoint)
            .is("getCheckpoint", "log", "The head of the transparency log, a signed note.")
            .answers(200, "Origin, size, root, epoch, audit and signatures.", &[text(NOTE)], UNKEPT)
            .refuses(&[Code::NotFound]),
        Route::get("/tile/{*tile}", tile)
            .is("getTile", "log", "A tile of 256 hashes of the log, or a bundle of its entries.")
            .takes(&[&TILE_PATH])
            .answers(200, "The hashes, or the entries.", &[text(TILE)], &[CACHE_CONTROL])
            .refuses(&[Code::NotFound]),
    ]
}

fn cosigning() -> Route {
    Route::post("/add-checkpoint", add_checkpoint)
        .is(
            "addCheckpoint",
            "log",
            "Has this registry cosign the checkpoint of a log that it follows as a witness.",
        )
        .reads(text(NOTE))
        .answers(200, "The cosignature, a line.", &[text(NOTE)], UNKEPT)
        .answers(
            409,
            "The witness is at another size, which this is.",
            &[text(SIZE_MEDIA_TYPE)],
            UNKEPT,
        )
        .refuses(&[
            Code::InvalidArgument,
            Code::NotFound,
            Code::PermissionDenied,
            Code::LogInconsistent,
        ])
}

pub(super) async fn checkpoint(State(member): Shared) -> Answered {
    let (view, _) = member.registry.view();
    let note = member.log.published(&view)?;
    Ok(plain(StatusCode::OK, "text/plain; charset=utf-8", note.to_string().into_bytes()))
}

pub(super) async fn tile(
    State(member): Shared,
    path: Result<Path<String>, PathRejection>,
) -> Answered {
    let (view, _) = member.registry.view();
    let absent = || Problem::new(Code::NotFound, "the log has no such tile");
    let path = path.ok().and_then(|Path(path)| TilePath::parse(&path)).ok_or_else(absent)?;
    let bytes = hashes_or_entries(&view, &path)?.ok_or_else(absent)?;
    let mut response = plain(StatusCode::OK, TILE, bytes);
    response.headers_mut().insert(KEEP, FOR_EVER);
    Ok(response)
}

/// `None` if the log does not reach that far.
fn hashes_or_entries(view: &dyn View, path: &TilePath) -> Result<Option<Vec<u8>>, Problem> {
    let (size, _) = query::log_head(view)?.ok_or_else(unopened)?;
    let level = path.level.unwrap_or(0);
    let row = size >> (8 * u32::from(level));
    let end = path.first().and_then(|first| first.checked_add(path.width.into()));
    let (Some(first), Some(_)) = (path.first(), end.filter(|end| *end <= row)) else {
        return Ok(None);
    };
    let width = usize::from(path.width);
    Ok(Some(match path.level {
        None => {
            let entries = query::log_entries(view, first, width)?;
            entry_bundle(entries.iter().map(Vec::as_slice))
        }
        Some(level) => {
            let hashes = LogRows(view).row(level, first, width)?;
            hashes.iter().flat_map(|hash| hash.0).collect()
        }
    }))
}

pub(super) async fn add_checkpoint(State(member): Shared, request: Request) -> Answered {
    let stated = request.headers().get(CONTENT_LENGTH);
    let stated = stated.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = stated.filter(|length| *length > SUBMISSION_BYTES_MAX) {
        return Err(field::too_large(length, SUBMISSION_BYTES_MAX).into());
    }
    let body = axum::body::to_bytes(request.into_body(), SUBMISSION_BYTES_MAX).await;
    let body =
        body.map_err(|_| field::too_large(SUBMISSION_BYTES_MAX + 1, SUBMISSION_BYTES_MAX))?;
    Ok(match cosign(&member, &body).await? {
        Verdict::Cosigned(line) => {
            plain(StatusCode::OK, "text/plain; charset=utf-8", line.into_bytes())
        }
        Verdict::Moved(size) => {
            plain(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, format!("{size}\n").into_bytes())
        }
    })
}

/// Adds the proof to a read.
pub(super) fn proven(mut response: Response, proof: &Proof) -> Result<Response, Problem> {
    let body = json!({
        "inclusion": proof.inclusion,
        "checkpoint": proof.checkpoint.to_string(),
    });
    let value = HeaderValue::from_str(&base64url::encode(body.to_string().as_bytes()));
    let value = value.map_err(Problem::internal)?;
    response.headers_mut().insert(LOG_PROOF_KEY, value);
    Ok(response)
}

fn plain(status: StatusCode, media: &'static str, body: Vec<u8>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(KEEP, NOT_AT_ALL);
    response
}
