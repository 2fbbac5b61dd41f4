//! The status codes of gRPC that we answer with, without the library that sends them.
//!
//! It decides their numbers and names, as the gRPC documentation ("Status codes and their use in gRPC") has them.

/// A gRPC status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcStatus {
    /// The request is wrong, whatever the state.
    InvalidArgument = 3,
    /// It took longer than the caller or we wait.
    DeadlineExceeded = 4,
    /// There is no such thing.
    NotFound = 5,
    /// There is such a thing already.
    AlreadyExists = 6,
    /// The caller may not.
    PermissionDenied = 7,
    /// Something is used up.
    ResourceExhausted = 8,
    /// The state is not one for this request.
    FailedPrecondition = 9,
    /// Something else came in between.
    Aborted = 10,
    /// Beyond what there is.
    OutOfRange = 11,
    /// There is no such method.
    Unimplemented = 12,
    /// Our fault.
    Internal = 13,
    /// Not just now.
    Unavailable = 14,
    /// It is not known who calls.
    Unauthenticated = 16,
}

crate::words!(GrpcStatus {
    InvalidArgument = "INVALID_ARGUMENT",
    DeadlineExceeded = "DEADLINE_EXCEEDED",
    NotFound = "NOT_FOUND",
    AlreadyExists = "ALREADY_EXISTS",
    PermissionDenied = "PERMISSION_DENIED",
    ResourceExhausted = "RESOURCE_EXHAUSTED",
    FailedPrecondition = "FAILED_PRECONDITION",
    Aborted = "ABORTED",
    OutOfRange = "OUT_OF_RANGE",
    Unimplemented = "UNIMPLEMENTED",
    Internal = "INTERNAL",
    Unavailable = "UNAVAILABLE",
    Unauthenticated = "UNAUTHENTICATED",
});

impl GrpcStatus {
    /// Its number.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }
}
