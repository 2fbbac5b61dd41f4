//! The codes of what goes wrong, of every role: one line each, with what is told beside it. Pages: docs/errors/.
//!
//! It decides which HTTP and gRPC status a code has. A code must never change its meaning, never have another status or title
//! at another role (but where it says what is wrong with an A2A call: with 200 over JSON-RPC; over HTTP+JSON by the gRPC
//! status, `gateway/core/src/errors/http_json.rs`), and never be taken away without a line in docs/errors/README.md.

use crate::grpc::GrpcStatus;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:literal, $($grpc:ident,)?
        $title:literal $(, pilox $pilox:literal)?;)*) => {
        /// The stable name of what went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        crate::words!(Code { $($name = $word,)* });

        impl Code {
            /// The HTTP status. What is wrong with an A2A call itself is told with 200 over JSON-RPC; over HTTP+JSON by the
            /// gRPC status (`gateway/core/src/errors/http_json.rs`).
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// The gRPC status, if any role says the code over gRPC.
            #[must_use]
            pub const fn grpc(self) -> Option<GrpcStatus> {
                match self { $(Self::$name => codes!(@grpc $($grpc)?),)* }
            }

            /// The same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// The `error` token that a Pilox client reads from a registry.
            #[must_use]
            pub const fn pilox_error(self) -> Option<&'static str> {
                match self { $(Self::$name => codes!(@token $($pilox)?),)* }
            }
        }
    };
    (@grpc $grpc:ident) => { Some(GrpcStatus::$grpc) };
    (@grpc) => { None };
    (@token $pilox:literal) => { Some($pilox) };
    (@token) => { None };
}

codes! {
    /// Not strict JSON: see `json::Error`.
    MalformedJson = "malformed-json", 400, InvalidArgument, "Invalid JSON payload", pilox "invalid_json";
    /// Strict JSON, but not the document that belongs here.
    InvalidDocument = "invalid-document", 400, InvalidArgument, "Not a valid document",
        pilox "invalid_record";
    /// A member, parameter or header with a value that is not allowed.
    InvalidArgument = "invalid-argument", 400, InvalidArgument, "An argument is not valid",
        pilox "invalid_request";
    /// A signature or proof of possession does not verify.
    BadSignature = "bad-signature", 400, InvalidArgument, "A signature does not verify";
    /// The proof in a Pilox record does not verify; 409 is what the Pilox registry answers.
    BadProof = "bad-proof", 409, FailedPrecondition, "The record's proof does not verify",
        pilox "proof_verification_failed";
    /// The document is past its expiry.
    DocumentExpired = "document-expired", 400, FailedPrecondition, "The document has expired";
    /// A report of conduct comes too late.
    WindowTooOld = "window-too-old", 400, FailedPrecondition, "The window ended too long ago";
    /// A time lies too far ahead.
    TooFarAhead = "too-far-ahead", 400, InvalidArgument, "A time lies too far ahead";
    /// No credential, or one that is not known.
    Unauthenticated = "unauthenticated", 401, Unauthenticated, "A valid credential is needed",
        pilox "unauthorized";
    /// The join token is unknown, spent, expired or for another role.
    JoinTokenInvalid = "join-token-invalid", 401, Unauthenticated, "The join token is not valid";
    /// The token that a gateway brings with a task or an envelope was used before, or is past its time.
    TokenSpent = "token-spent", 401, Unauthenticated, "The token was spent";
    /// The credential is known and does not suffice.
    PermissionDenied = "permission-denied", 403, PermissionDenied, "Not allowed to this caller",
        pilox "policy_denied";
    /// The key is not, or no longer, enrolled.
    KeyNotEnrolled = "key-not-enrolled", 403, PermissionDenied, "The key is not enrolled",
        pilox "policy_denied";
    /// The peer is suspended, revoked or gone.
    PeerNotActive = "peer-not-active", 403, PermissionDenied, "The peer may not act",
        pilox "policy_denied";
    /// The entry belongs to another peer.
    NotOwner = "not-owner", 403, PermissionDenied, "It belongs to another peer",
        pilox "policy_denied";
    /// The operator has switched writes off.
    WriteDisabled = "write-disabled", 403, PermissionDenied, "Writes are switched off",
        pilox "write_disabled";
    /// The policy decision point says no, or nothing.
    PdpDenied = "pdp-denied", 403, PermissionDenied, "The policy engine does not allow it",
        pilox "pdp_denied";
    /// The verifiable credential is missing, or does not hold.
    CredentialNotAccepted = "credential-not-accepted", 403, PermissionDenied,
        "The verifiable credential is not accepted", pilox "vc_jwt_rejected";
    /// The namespace asks for a better signature.
    TrustTooLow = "trust-too-low", 403, PermissionDenied, "A better signature is asked for",
        pilox "policy_denied";
    /// It does not exist, or the caller may not see it.
    NotFound = "not-found", 404, NotFound, "It does not exist", pilox "not_found";
    /// The path has more than one reading.
    PathAmbiguous = "path-ambiguous", 400, InvalidArgument, "The path is ambiguous";
    /// No such path.
    RouteNotFound = "route-not-found", 404, Unimplemented, "No such path", pilox "not_found";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, Unimplemented, "No such method here";
    /// It exists already with other content.
    Conflict = "conflict", 409, AlreadyExists, "It exists already with other content",
        pilox "conflict";
    /// Another registry is the entry's authority.
    HomeElsewhere = "home-elsewhere", 409, FailedPrecondition,
        "Another registry is its home", pilox "policy_denied";
    /// `updatedAt` does not rise.
    StaleUpdatedAt = "stale-updated-at", 409, FailedPrecondition, "updatedAt is not newer",
        pilox "stale_updatedAt";
    /// A manifest's sequence does not rise.
    SequenceNotHigher = "sequence-not-higher", 409, FailedPrecondition, "The sequence must rise";
    /// A manifest's sequence rises further than a publisher counts.
    SequenceTooFar = "sequence-too-far", 409, FailedPrecondition, "The sequence rises too far";
    /// An operation does not follow the newest one that stands.
    OperationOutOfOrder = "operation-out-of-order", 409, FailedPrecondition,
        "The operation does not follow the last one";
    /// What a recovery would void has stood for longer than 72 hours.
    RecoveryTooLate = "recovery-too-late", 409, FailedPrecondition, "The 72 hours are over";
    /// Somebody holds a newer epoch.
    StaleEpoch = "stale-epoch", 409, FailedPrecondition, "A newer epoch is in force";
    /// The task has ended; its outcome stands.
    TaskEnded = "task-ended", 409, FailedPrecondition, "The task has ended";
    /// The envelope is not leased under this epoch.
    NotLeased = "not-leased", 409, FailedPrecondition, "The envelope is not leased";
    /// The node has no session, or a newer one.
    SessionReplaced = "session-replaced", 409, Aborted, "A newer session of this node exists";
    /// The task's node has no session at the leader, as far as that knows.
    NodeNotConnected = "node-not-connected", 409, FailedPrecondition,
        "The task's node is not connected";
    /// Another change of the cluster is under way.
    ChangeInProgress = "change-in-progress", 409, Aborted, "The cluster is being changed";
    /// Too few voters would answer after the change.
    QuorumAtRisk = "quorum-at-risk", 409, FailedPrecondition, "The quorum would be at risk";
    /// The watcher was slower than the changes.
    WatchLagged = "watch-lagged", 409, Aborted, "The watcher is too slow";
    /// Changes after the cursor are forgotten.
    Compacted = "compacted", 410, OutOfRange, "The cursor is too old";
    /// Nobody has reached the cursor: it is of a cluster that was restored since.
    FutureRevision = "future-revision", 410, OutOfRange, "The cursor is not of this cluster";
    /// The record's `validUntil` is past.
    RecordExpired = "record-expired", 410, FailedPrecondition, "The record has expired",
        pilox "record_expired";
    /// `If-Match` names another version.
    PreconditionFailed = "precondition-failed", 412, FailedPrecondition,
        "Another version is stored", pilox "precondition_failed";
    /// The body is larger than this call takes.
    BodyTooLarge = "body-too-large", 413, ResourceExhausted, "The body is too large",
        pilox "payload_too_large";
    /// The body's media type is not the one of this call.
    UnsupportedMediaType = "unsupported-media-type", 415, InvalidArgument,
        "The media type is not supported", pilox "unsupported_media_type";
    /// The record does not tell deployers what they need, or is not attested.
    NotReady = "not-ready", 422, FailedPrecondition, "The record is not ready to be published",
        pilox "publish_readiness_failed";
    /// A named bound of the state is reached.
    BoundReached = "bound-reached", 429, ResourceExhausted, "A bound is reached";
    /// The source of the request has used up its share.
    RateLimited = "rate-limited", 429, ResourceExhausted, "Too many requests",
        pilox "rate_limited";
    /// Too many streams or waits of this kind are open.
    TooManyStreams = "too-many-streams", 429, ResourceExhausted, "Too many streams are open";
    /// The caller's other requests hold all that one caller may.
    ShareReached = "share-reached", 429, ResourceExhausted, "The caller's other requests hold its share";
    /// A failure of ours.
    Internal = "internal", 500, Internal, "The server failed";
    /// The queue of proposals is full; nothing was proposed.
    Overloaded = "overloaded", 503, ResourceExhausted, "Too much at once";
    /// No leader is known; nothing was proposed.
    NoLeader = "no-leader", 503, Unavailable, "No leader is known";
    /// Only the leader can do this.
    NotLeader = "not-leader", 503, FailedPrecondition, "This member does not lead";
    /// It was proposed, and nobody knows whether it was committed.
    InDoubt = "in-doubt", 503, Unavailable, "The outcome is not known";
    /// This member's state is, or may be, older than the caller takes.
    StateTooOld = "state-too-old", 503, Unavailable, "This member's state is too old";
    /// A strong read could not be confirmed in time.
    ReadUnconfirmed = "read-unconfirmed", 503, Unavailable, "The read could not be confirmed";
    /// A checkpoint that does not continue the one that was cosigned before.
    LogInconsistent = "log-inconsistent", 422, FailedPrecondition, "The log's histories differ";
    /// This member's state is not the leader's.
    StateDiverged = "state-diverged", 503, Unavailable, "This member's state differs";
    /// This member's disk failed.
    DiskFailed = "disk-failed", 503, Unavailable, "This member's disk failed";
    /// The process is stopping.
    Stopping = "stopping", 503, Unavailable, "This process is stopping";

    // What a listener refuses before any route.
    /// The message can be read in two ways.
    FramingAmbiguous = "framing-ambiguous", 400, "The message has two readings";
    /// There is not exactly one host.
    HostInvalid = "host-invalid", 400, "The request does not name one host";
    /// The request's target is longer than is taken.
    UriTooLong = "uri-too-long", 414, "The target is too long";
    /// The headers are larger than is taken.
    HeaderTooLarge = "header-too-large", 431, "The header section is too large";

    // What a gateway alone says.
    /// More than one credential came with the request.
    CredentialAmbiguous = "credential-ambiguous", 400, InvalidArgument,
        "Send exactly one credential";
    /// The body ended early or was broken.
    BodyUnreadable = "body-unreadable", 400, InvalidArgument, "The body could not be read";
    /// A message of gRPC is compressed.
    MessageCompressed = "message-compressed", 415, Unimplemented,
        "Compressed messages are not supported";
    /// The operator's policies do not permit the call.
    PolicyDenied = "policy-denied", 403, PermissionDenied, "The operator's policies do not permit this call";
    /// The envelope's source is not the caller.
    SourceMismatch = "source-mismatch", 403, "The source is not the caller";
    /// No gateway can spend the token: it is not bound to a nonce of one that runs.
    UseNonce = "use-nonce", 401, Unauthenticated, "Bind a new token to the nonce of this answer";
    /// The token is bound to another gateway, which does not answer.
    GatewayUnavailable = "gateway-unavailable", 503, Unavailable,
        "The gateway that this token is bound to does not answer";
    /// The gateway or proxy in front has not shown its secret.
    GatewayAuthRequired = "gateway-auth-required", 403, PermissionDenied,
        "Calls come through the gateway in front alone";
    /// The operator does not list the method for this caller.
    MethodNotGranted = "method-not-granted", 403, PermissionDenied,
        "The method is not among those that this caller may call";
    /// There is nothing to sign tokens for peers with.
    FederationKeyMissing = "federation-key-missing", 503, "No peer can be called: there is no key to sign tokens with";
    /// The registry cannot be asked, or does not know whether a token was spent.
    RegistryUnavailable = "registry-unavailable", 503, Unavailable,
        "Not possible just now; try again";
    /// The deadline of the request passed.
    DeadlineExceeded = "deadline-exceeded", 504, DeadlineExceeded, "The deadline passed";
    /// No replica of an attached agent can be called.
    UpstreamUnreachable = "upstream-unreachable", 502, Unavailable, "The agent cannot be reached";
    /// As many calls of an attached agent are open as may be, or it says itself that it takes no more.
    UpstreamOverloaded = "upstream-overloaded", 503, ResourceExhausted,
        "The agent takes no more calls now";
    /// An attached agent has not answered in time.
    UpstreamTimeout = "upstream-timeout", 504, DeadlineExceeded, "The agent did not answer in time";
    /// A call that is handed on has passed this gateway before, or as many gateways as it may.
    LoopDetected = "loop-detected", 508, FailedPrecondition, "The call goes round in a loop, or through too many gateways";

    // What is said of A2A calls alone, and so with 200 over JSON-RPC; over HTTP+JSON by the gRPC status
    // (`gateway/core/src/errors/http_json.rs`).
    /// The body is not one JSON-RPC request.
    RequestInvalid = "request-invalid", 200, InvalidArgument, "Not one JSON-RPC 2.0 request";
    /// The parameters do not fit the method.
    ParamsInvalid = "params-invalid", 200, InvalidArgument, "Invalid parameters";
    /// There is no such task for this caller.
    TaskNotFound = "task-not-found", 200, NotFound, "Task not found";
    /// The task is past canceling.
    TaskNotCancelable = "task-not-cancelable", 200, FailedPrecondition,
        "Task cannot be canceled: it is over";
    /// The task takes no more messages.
    TaskOver = "task-over", 200, FailedPrecondition,
        "The task takes no more messages: open a new one in its context";
    /// The agent's outcome is not of A2A's shapes.
    AgentResponseInvalid = "agent-response-invalid", 200, Internal,
        "The agent's answer cannot be shown";
    /// The version of A2A is not served.
    VersionNotSupported = "version-not-supported", 200, FailedPrecondition,
        "This A2A version is not supported, or not under this name (a missing A2A-Version means 0.3); supported: 1.0, 0.3";
    /// Versions are stated that differ.
    VersionConflicting = "version-conflicting", 200, FailedPrecondition,
        "More than one A2A version is stated, and they differ; supported: 1.0, 0.3";
    /// The agent does not take parts of this media type.
    ContentTypeNotSupported = "content-type-not-supported", 200, InvalidArgument,
        "The agent does not take parts of this media type";
    /// The method is one of A2A 0.3, and the call of 1.0.
    MethodLegacy = "method-legacy", 200, Unimplemented,
        "This is a method of A2A 0.3, and the call states version 1.0";
    /// The operation is not served in this version.
    OperationUnsupported = "operation-unsupported", 200, FailedPrecondition,
        "This operation is not supported in this version of A2A";
    /// The changes of the agent's tasks are not pushed.
    PushUnsupported = "push-unsupported", 200, FailedPrecondition,
        "This agent does not support push notifications";
    /// There is no such method.
    MethodUnknown = "method-unknown", 200, Unimplemented, "Method not found";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_codes_share_a_title() {
        let mut titles = BTreeSet::new();
        for code in Code::ALL {
            assert!(titles.insert(code.title()), "{code}");
        }
    }
}
