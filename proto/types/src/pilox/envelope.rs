//! The WAN envelope, version 1: one unsigned message between instances.
//!
//! Decides whether bytes are such an envelope, and if not, all the reasons. Must never look into
//! the payload, nor believe `sourceOrigin`: whoever brings the envelope is authenticated elsewhere.

use serde::Serialize;
use serde_json::{Map, Value};

pub use crate::schema::Invalid;

use crate::id::{CorrelationId, Handle};
use crate::json;
use crate::origin::Origin;
use crate::schema::{self, Object, Problem, Spot, closed_document};

/// The longest envelope, payload included: 1 MiB.
pub const LEN_MAX: usize = 1_024 * 1_024;

/// The value of `schema`, where it is given.
pub const SCHEMA: &str = "wan-envelope-v1";

const MEMBERS: [&str; 7] =
    ["v", "schema", "correlationId", "sourceOrigin", "targetOrigin", "targetHandle", "payload"];

/// What an envelope says. Serialises to the wire form, `schema` included.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// What it answers or belongs to.
    pub correlation_id: CorrelationId,
    /// Who is said to have sent it, in the normal form.
    pub source_origin: Origin,
    /// The instance that it is for. Where the handle is given too, this is where it lives.
    pub target_origin: Option<Origin>,
    /// The directory entry that it is for.
    pub target_handle: Option<Handle>,
    /// The message.
    pub payload: Option<Map<String, Value>>,
}

impl Envelope {
    /// Reads an envelope. Nobody signs it, so the numbers of its payload may be of any size.
    ///
    /// # Errors
    /// Too long, not strict JSON, or not after the schema: then with all faults.
    pub fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        schema::bounded(bytes, LEN_MAX)?;
        let raw = json::parse_lossless(bytes)?;
        closed_document(&raw, &MEMBERS, read_envelope).map_err(Invalid::Schema)
    }
}

fn read_envelope(object: &Object<'_, '_>) -> Option<Envelope> {
    let version = object.required("v", |spot| match spot.integer(0, i64::MAX)? {
        1 => Some(()),
        _ => spot.fault(Problem::Value("1")),
    });
    let schema = object
        .optional("schema", |spot| spot.parsed(SCHEMA, |text| (text == SCHEMA).then_some(())));
    let correlation_id = object.required("correlationId", |spot| {
        spot.text_of(8, CorrelationId::LEN_MAX)?;
        spot.parsed("visible ASCII", |text| CorrelationId::parse(text).ok())
    });
    let source_origin = object.required("sourceOrigin", read_origin);
    let target_origin = object.optional("targetOrigin", read_origin);
    let target_handle = object.optional("targetHandle", |spot| {
        spot.parsed("a handle of 1 to 512 visible ASCII characters", |text| {
            Handle::parse(text).ok()
        })
    });
    let payload = object.optional("payload", Spot::free);
    version?;
    schema?;
    Some(Envelope {
        correlation_id: correlation_id?,
        source_origin: source_origin?,
        target_origin: target_origin?,
        target_handle: target_handle?,
        payload: payload?,
    })
}

fn read_origin(spot: Spot<'_, '_>) -> Option<Origin> {
    spot.parsed("a web origin", |text| Origin::normalise(text).ok())
}

impl Serialize for Envelope {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            v: u8,
            schema: &'a str,
            correlation_id: &'a CorrelationId,
            source_origin: &'a Origin,
            #[serde(skip_serializing_if = "Option::is_none")]
            target_origin: &'a Option<Origin>,
            #[serde(skip_serializing_if = "Option::is_none")]
            target_handle: &'a Option<Handle>,
            #[serde(skip_serializing_if = "Option::is_none")]
            payload: &'a Option<Map<String, Value>>,
        }
        Wire {
            v: 1,
            schema: SCHEMA,
            correlation_id: &self.correlation_id,
            source_origin: &self.source_origin,
            target_origin: &self.target_origin,
            target_handle: &self.target_handle,
            payload: &self.payload,
        }
        .serialize(to)
    }
}
