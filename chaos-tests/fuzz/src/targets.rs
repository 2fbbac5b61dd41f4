//! The targets, one a file. Each says what holds of its reader; none must know how the bytes were found.

pub(crate) mod card;
pub(crate) mod credential;
pub(crate) mod envelope;
pub(crate) mod grpc;
pub(crate) mod http_json;
pub(crate) mod json;
pub(crate) mod json_rpc;
pub(crate) mod proxy;
pub(crate) mod record;
pub(crate) mod sealed;
pub(crate) mod signed;
pub(crate) mod sse;
pub(crate) mod token;
pub(crate) mod upstream;
