//! The documents, ids and signatures that every other crate speaks: parsed once, into types that
//! cannot be wrong.
//!
//! Decides what is well formed, canonical and truly signed. Must never read a clock, a random
//! source, the environment, a file or a socket: time, randomness and keys are arguments.

pub mod a2a;
pub mod agent;
pub mod audit;
pub mod base64url;
pub mod capacity;
pub mod card;
pub mod change;
pub mod code;
pub mod digest;
pub mod endpoint;
pub mod grpc;
pub mod id;
pub mod jose;
pub mod json;
pub mod key;
pub mod lease;
pub mod life;
pub mod manifest;
pub mod metadata;
pub mod origin;
pub mod outcome;
pub mod path;
pub mod peer;
pub mod pilox;
pub mod policy;
pub mod push;
pub mod revision;
pub mod schema;
pub mod share;
pub mod signed;
pub mod task;
pub mod text;
pub mod time;
pub mod tlog;
pub mod token;
pub mod upstream;
pub mod visibility;
pub mod words;

pub use crate::agent::AgentKind;
pub use crate::capacity::{IsolationClass, IsolationSet, Slots};
pub use crate::change::ChangeKind;
pub use crate::code::Code;
pub use crate::digest::Digest;
pub use crate::endpoint::Endpoint;
pub use crate::id::{
    ContextId, CorrelationId, EnvelopeId, GatewayId, Handle, Jti, Kid, Namespace, NodeId, Nonce,
    OrderingKey, PolicyName, TaskId, TenantKey,
};
pub use crate::key::{AnyKey, PublicKey, SecretKey};
pub use crate::lease::{LeaseLimit, LeaseTtl};
pub use crate::life::LifeError;
pub use crate::origin::Origin;
pub use crate::outcome::Reason;
pub use crate::push::{
    Notification, PushAuthentication, PushConfig, PushConfigId, PushCredentials, PushScheme,
    PushToken, PushUrl,
};
pub use crate::revision::{LeaseEpoch, Revision};
pub use crate::share::{Class, Full, Shares};
pub use crate::signed::{Document, Signed, Verified};
pub use crate::task::TaskEnd;
pub use crate::text::{QueueName, ReplySecret, TaskOwner, TraceParent};
pub use crate::time::{MonoUs, Stamp, WallMs};
pub use crate::upstream::{Upstream, UpstreamBinding, UpstreamUrl, UpstreamUrls};
