//! Parameters and headers as the contract describes them.
//!
//! It decides their words and schemas, once for all routes. It must never describe a header that
//! no answer carries.

use proto_types::metadata::{AGE_KEY, EPOCH_KEY, REVISION_KEY};

use crate::freshness;

/// Where a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Path,
    Query,
    Header,
}

/// A parameter of a request.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: Place,
    pub(super) about: &'static str,
    /// JSON Schema 2020-12.
    pub(super) schema: &'static str,
    pub(super) required: bool,
}

/// A header of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// JSON Schema 2020-12.
    pub(super) schema: &'static str,
    /// Whether every answer of this status carries it.
    pub(super) required: bool,
}

impl Parameter {
    pub(super) const fn path(
        name: &'static str,
        about: &'static str,
        schema: &'static str,
    ) -> Self {
        Self { name, place: Place::Path, about, schema, required: true }
    }

    pub(super) const fn query(
        name: &'static str,
        about: &'static str,
        schema: &'static str,
    ) -> Self {
        Self { name, place: Place::Query, about, schema, required: false }
    }

    pub(super) const fn header(
        name: &'static str,
        about: &'static str,
        schema: &'static str,
    ) -> Self {
        Self { name, place: Place::Header, about, schema, required: false }
    }

    pub(super) const fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

const fn header(name: &'static str, about: &'static str, schema: &'static str) -> Header {
    Header { name, about, schema, required: true }
}

/// The name of an entry.
pub(super) static HANDLE: Parameter = Parameter::path(
    "handle",
    "The handle, percent-encoded as one segment.",
    r##"{"$ref":"#/components/schemas/HandleInPath"}"##,
);

/// Which state is read.
pub(super) static CONSISTENCY: Parameter = Parameter::query(
    "consistency",
    "`stale` (the default) reads this member's own state; `strong` confirms with a majority that no \
     write acknowledged before is missing.",
    r#"{"type":"string","enum":["stale","strong"],"default":"stale"}"#,
);

/// How old the state may be. The front takes it, for every route that reads the state.
pub(super) static MAX_AGE: Parameter = Parameter::query(
    freshness::PARAMETER,
    "A member whose state may be older refuses; a strong read never is. A whole number and a unit. \
     The header `ecumene-max-age` says the same.",
    r#"{"type":"string","pattern":"^[0-9]{1,9}(ms|s|m|h)$","examples":["500ms"]}"#,
);

/// How many entries a page has.
pub(super) static LIMIT: Parameter = Parameter::query(
    "limit",
    "Entries of a page; 100 if it is absent.",
    r#"{"type":"integer","minimum":1,"maximum":1000,"default":100}"#,
);

/// Who may see an entry.
pub(super) static VISIBILITY: Parameter = Parameter::query(
    "visibility",
    "Who may see it; absent, what is stored stays, or the namespace's default holds. Only an owner \
     may say.",
    r#"{"type":"string","enum":["public","redacted","federated","private"]}"#,
);

/// What a writer may have to show.
pub(super) static CREDENTIAL: Parameter = Parameter::header(
    "X-VC-JWT",
    "A verifiable credential about the writer, where the operator demands one. `X-Pilox-VC-JWT` is the \
     same.",
    r#"{"type":"string"}"#,
);

/// Reads only what is new.
pub(super) static IF_NONE_MATCH: Parameter = Parameter::header(
    "If-None-Match",
    "Entity tags that the caller has; 304 if one of them is current (RFC 9110, 13.1.2).",
    r#"{"type":"string"}"#,
);

/// Reads or replaces only what was seen.
pub(super) static IF_MATCH: Parameter = Parameter::header(
    "If-Match",
    "Entity tags, one of which must be stored, or `*` for any (RFC 9110, 13.1.1).",
    r#"{"type":"string"}"#,
);

/// Writes only what is not there.
pub(super) static UNLESS_MATCH: Parameter = Parameter::header(
    "If-None-Match",
    "Entity tags, none of which may be stored, or `*` for any (RFC 9110, 13.1.2).",
    r#"{"type":"string"}"#,
);

/// The version of a document.
pub(super) const ETAG: Header = header(
    "ETag",
    "A strong entity tag: the SHA-256 digest of the document's bytes.",
    r#"{"type":"string","pattern":"^\"sha256:[0-9a-f]{64}\"$"}"#,
);

/// How long an answer may be kept.
pub(super) const CACHE_CONTROL: Header =
    header("Cache-Control", "How long the answer may be kept (RFC 9111).", r#"{"type":"string"}"#);

/// The state that an answer was read from.
pub(super) const REVISION: Header = header(
    REVISION_KEY,
    "The revision of the state that was read.",
    r#"{"type":"integer","minimum":0}"#,
);

/// How old that state may be.
pub(super) const AGE: Header = Header {
    required: false,
    ..header(
        AGE_KEY,
        "How old the state may be, in milliseconds; absent where a majority confirmed it, and \
         where this member does not know.",
        r#"{"type":"integer","minimum":0}"#,
    )
};

/// That a list is cut.
pub(super) const TRUNCATED: Header = Header {
    required: false,
    ..header(
        "ecumene-truncated",
        "There are more than its readers read of one list; `GET /v1/peers` has all.",
        r#"{"type":"string","const":"true"}"#,
    )
};

/// Answers with the roster.
pub(super) const ROSTER: &[Header] = &[REVISION, AGE, CACHE_CONTROL, TRUNCATED];

/// How often the cluster was restored.
pub(super) const EPOCH: Header = Header {
    required: false,
    ..header(
        EPOCH_KEY,
        "How often the cluster was restored from a backup. Revisions and cursors are of one epoch: when it \
         rises, what is kept of them is of no use, and the lists are to be read anew.",
        r#"{"type":"integer","minimum":0}"#,
    )
};

/// Answers of a read.
pub(super) const READ: &[Header] = &[REVISION, EPOCH, AGE, CACHE_CONTROL];

/// Answers of a write that gives a version.
pub(super) const WRITTEN: &[Header] = &[ETAG, CACHE_CONTROL];

/// Answers that nobody keeps.
pub(super) const UNKEPT: &[Header] = &[EPOCH, CACHE_CONTROL];

/// When to try again.
pub(super) const RETRY_AFTER: Header = Header {
    required: false,
    ..header(
        "Retry-After",
        "Seconds after which it may be tried again (RFC 9110, 10.2.3); absent where nobody knows when \
         there is room.",
        r#"{"type":"integer","minimum":1}"#,
    )
};

/// What is left of a source's share.
pub(super) const RATE_LIMIT: Header = Header {
    required: false,
    ..header(
        "RateLimit",
        "What is left of the source's share (draft-ietf-httpapi-ratelimit-headers).",
        r#"{"type":"string"}"#,
    )
};

/// What a source's share is.
pub(super) const RATE_LIMIT_POLICY: Header = Header {
    required: false,
    ..header("RateLimit-Policy", "What a source's share is.", r#"{"type":"string"}"#)
};

/// Which credential is asked for.
pub(super) const WWW_AUTHENTICATE: Header =
    header("WWW-Authenticate", "The scheme that is asked for.", r#"{"type":"string"}"#);
