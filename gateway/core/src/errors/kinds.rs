//! Failures of one kind, which differ in their reason alone.
//!
//! Decides which reasons there are; what each is told with is in `table`. Must never hold what a caller may not know.

/// Why a caller may not do what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Whoever stands in front of this gateway has not shown its secret.
    NotByFront,
    /// The caller may not make this call: the operator lists those that it may.
    MethodNotGranted,
    /// The operator's policies do not permit the call.
    PolicyDenied,
    /// The document speaks for another than the caller.
    ForeignSource,
}

/// What is wrong with a body, whatever it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFault {
    /// It is longer than the route allows.
    TooLarge {
        /// In bytes.
        limit: u64,
    },
    /// It ended early or could not be read.
    Unreadable,
    /// It is not of the type that the route takes.
    MediaType,
    /// A gRPC message is compressed, or says that it is encoded in another way.
    Compressed,
}
