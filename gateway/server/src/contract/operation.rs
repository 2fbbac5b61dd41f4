//! One operation of the contract, and who may ask for it.
//!
//! Decides how an operation is said in OpenAPI. Must never say that a credential is needed where none is, nor the reverse.

use serde_json::{Map, Value, json};

use super::refusals::Refusals;
use super::{SSE, headers, reference};

/// A method of a path.
pub(super) struct Operation {
    id: String,
    tag: &'static str,
    about: String,
    access: Access,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
    refusals: &'static Refusals,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Anybody, and nobody shows a credential.
    Anybody,
    /// Anybody; a caller that shows a credential may see more.
    Viewer,
    /// A caller.
    Caller,
    /// A caller, or who runs this instance.
    CallerOrLocal,
    /// A peer.
    Peer,
    /// A local subscriber, or an operator.
    Local,
    /// An operator.
    Operator,
}

/// What a peer shows: one token for one request, in one of three headers.
const PEER: &[&str] = &["federationToken", "hiveFederationToken", "piloxFederationToken"];
/// What other callers show.
const CLIENT: &[&str] = &["apiKey", "userToken"];

/// What those show who run this instance.
const LOCAL: &[&str] = &["subscriber", "operator"];
const OPERATOR: &[&str] = &["operator"];

/// What every call may be answered with.
pub(super) const LIMITS: &[&str] = &["RateLimit", "RateLimit-Policy"];
/// The same of a call in A2A 1.0.
pub(super) const ANSWERED: &[&str] = &["RateLimit", "RateLimit-Policy", "A2A-Extensions"];

impl Operation {
    /// Its name in generated clients, its group, and what it does; the first sentence is the summary.
    pub(super) fn new(
        id: String,
        tag: &'static str,
        about: impl Into<String>,
        refusals: &'static Refusals,
    ) -> Self {
        let (access, about) = (Access::Anybody, about.into());
        let (parameters, body, answers) = (Vec::new(), None, Map::new());
        Self { id, tag, about, access, parameters, body, answers, refusals }
    }

    pub(super) fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    pub(super) fn takes(mut self, parameters: impl IntoIterator<Item = Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// A body of one of these media types.
    pub(super) fn body(self, media: &[&str], schema: &Value, required: bool) -> Self {
        let contents = media.iter().map(|media| (*media, schema.clone()));
        let body = json!({ "required": required, "content": content(contents) });
        Self { body: Some(body), ..self }
    }

    /// A way to succeed; without contents, an answer without a body.
    pub(super) fn gives(
        mut self,
        status: &str,
        about: &str,
        contents: &[(&str, Value)],
        carries: &[&str],
    ) -> Self {
        let mut answer = json!({ "description": about });
        if !contents.is_empty() {
            let contents = contents.iter().map(|(media, schema)| (*media, schema.clone()));
            answer["content"] = content(contents);
        }
        if !carries.is_empty() {
            answer["headers"] = headers(carries);
        }
        self.answers.insert(status.to_owned(), answer);
        self
    }

    /// As OpenAPI says it.
    pub(super) fn value(&self) -> Value {
        let (summary, _) = self.about.split_once(". ").unwrap_or((self.about.as_str(), ""));
        let mut responses = self.refusals.references();
        // A status that is also an answer of its own (readiness says 503 in its own form) keeps that form.
        responses.extend(self.answers.clone());
        let mut operation = json!({
            "operationId": self.id,
            "tags": [self.tag],
            "summary": summary.trim_end_matches('.'),
            "description": self.about,
            "security": self.access.security(),
            "responses": responses,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.clone().into();
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = body.clone();
        }
        operation
    }
}

fn content<'c>(contents: impl Iterator<Item = (&'c str, Value)>) -> Value {
    let each = contents.map(|(media, schema)| (media.to_owned(), json!({ "schema": schema })));
    Value::Object(each.collect())
}

/// A stream: one event, whose data is of this schema, or a refusal that ends the stream.
pub(super) fn events(data: &[&str]) -> (&'static str, Value) {
    let data: Vec<Value> = data.iter().map(|name| reference("schemas", name)).collect();
    let event = json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "event": { "type": "string", "description": "Over HTTP+JSON `error`, of a refusal; else absent." },
            "id": { "type": "string", "description": "Where events are numbered: what `Last-Event-ID` names." },
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": { "anyOf": data } },
        },
    });
    (SSE, event)
}

impl Access {
    fn security(self) -> Value {
        let schemes: &[&[&str]] = match self {
            Self::Anybody => &[],
            Self::Viewer | Self::Caller => &[PEER, CLIENT],
            Self::CallerOrLocal => &[PEER, CLIENT, LOCAL],
            Self::Peer => &[PEER],
            Self::Local => &[LOCAL],
            Self::Operator => &[OPERATOR],
        };
        let named = schemes.iter().copied().flatten().map(|&scheme| json!({ scheme: [] }));
        let open = (self == Self::Viewer).then(|| json!({}));
        open.into_iter().chain(named).collect()
    }
}

pub(super) fn security_schemes() -> Value {
    let bearer = |about: &str| json!({ "type": "http", "scheme": "bearer", "description": about });
    let header = |name: &str, about: &str| json!({ "type": "apiKey", "in": "header", "name": name, "description": about });
    let token = "A token that an enrolled peer has signed with Ed25519 (a JWT), for this gateway and one request: it is spent.";
    json!({
        "federationToken": bearer(token),
        "hiveFederationToken": header("X-Hive-Federation-JWT", token),
        "piloxFederationToken": header("X-Pilox-Federation-JWT", token),
        "apiKey": header("X-API-Key", "A key of this gateway, where the operator has made one. It may also be the bearer credential."),
        "userToken": bearer("An access token (a JWT) of an identity provider that the operator trusts."),
        "subscriber": bearer("The token of a local subscriber, as the operator's configuration has it."),
        "operator": bearer("The operator's token."),
    })
}
