//! Peers: who may act, with which keys, and how each came in. The files cover enrolment, the operator's decisions,
//! operations that owners sign, proofs by their hosts, and the log of all of it.

pub(crate) mod apply;
pub(crate) mod command;
pub(crate) mod domain;
pub(crate) mod enrol;
pub(crate) mod entry;
pub(crate) mod fact;
pub(crate) mod key_owner;
pub(crate) mod log;
pub(crate) mod manifest;
pub(crate) mod operate;
pub(crate) mod owner;
pub(crate) mod query;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod table;
pub(crate) mod verify;
pub(crate) mod waiting;
