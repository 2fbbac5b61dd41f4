//! One spelling of every path, and what stands behind it.
//!
//! Decides which request targets have exactly one reading (attack case 32) and which route each of
//! them names. Must never repair a path: a proxy before us or a log reader behind us may repair it
//! differently, so whatever has two readings is refused, with the reason.

use proto_types::Handle;

/// The longest path: a handle of 512 bytes, all of them escaped, with room to spare.
pub const LEN_MAX: usize = 2048;

/// No route of ours has more segments than 4; more are refused before they are looked at.
const SEGMENTS_MAX: usize = 8;

/// Why a path has no single reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Longer than [`LEN_MAX`] or of too many segments.
    #[error("longer than any path here")]
    TooLong,
    /// Not a path at all: an authority, an absolute URL or `*`.
    #[error("the target does not begin with a slash")]
    NotAbsolute,
    /// A blank, a control character, a backslash or a byte beyond ASCII.
    #[error("a byte that must not stand in a path")]
    Byte,
    /// `//`: some servers read it as one slash.
    #[error("an empty segment")]
    EmptySegment,
    /// `.` or `..`: clients resolve them before they ask, attackers do not.
    #[error("a dot segment")]
    DotSegment,
    /// `;`: some servers cut the segment there.
    #[error("a path parameter")]
    Parameter,
    /// `%` that is not followed by two hexadecimal digits.
    #[error("an incomplete escape")]
    Escape,
    /// An escape for a byte that would change how the path is read, such as `%2f`, `%2e` or `%25`.
    #[error("an escape that hides a delimiter")]
    HiddenDelimiter,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// A2A calls to this instance; the agent is named inside or by configuration.
    InstanceRpc,
    /// A2A calls to one agent.
    AgentRpc(Handle),
    /// The card of this instance.
    InstanceCard,
    /// The card of one agent.
    AgentCard(Handle),
    /// The descriptor, under the older name or the newer one.
    Descriptor(Brand),
    /// Takes WAN envelopes in.
    Publish,
    /// Leases envelopes to a local subscriber. Without a target, the query names it: an origin has
    /// slashes, which no segment holds. (Handles of the WAN have 8 characters or more, so that none
    /// of them is called `ack`.)
    Pull(Option<Handle>),
    /// Acknowledges one; the target is found as for [`Route::Pull`].
    Acknowledge(Option<Handle>),
    /// Whether the process lives.
    Health,
    /// Whether it should be sent work.
    Ready,
    /// Its counters.
    Metrics,
}

/// Which of the two names a Pilox document carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Brand {
    /// Older instances.
    Hive,
    /// Newer ones.
    Pilox,
}

/// The method that a route answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `GET` and, without a body, `HEAD`.
    Get,
    /// `POST`.
    Post,
}

impl Method {
    /// What the `Allow` header says.
    #[must_use]
    pub const fn allow(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

impl Route {
    /// The route that a path names, if any. The path comes without its query, as it was sent.
    ///
    /// # Errors
    /// The path has more than one reading; see [`enum@Error`].
    pub fn find(path: &str) -> Result<Option<Self>, Error> {
        let segments = segments(path)?;
        let mut segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let slash_at_end = segments.last() == Some(&"") && segments.len() > 1;
        if slash_at_end {
            segments.pop();
        }
        // The A2A conformance kit, and not only it, posts to the URL with a slash at its end.
        let route = Self::of(&segments);
        Ok(route.filter(|route| !slash_at_end || route.speaks_json_rpc()))
    }

    fn of(segments: &[&str]) -> Option<Self> {
        let handle = |text: &str| Handle::parse(text).ok();
        Some(match segments {
            ["v1" | "api", "a2a", "jsonrpc"]
            | ["api", "a2a", "federated", "jsonrpc"]
            | ["api", "a2a", "jsonrpc", "public"] => Self::InstanceRpc,
            ["agents", name] => Self::AgentRpc(handle(name)?),
            ["agents", name, ".well-known", "agent-card.json"] => Self::AgentCard(handle(name)?),
            [".well-known", "agent-card.json"] => Self::InstanceCard,
            [".well-known", "pilox-mesh.json"] => Self::Descriptor(Brand::Pilox),
            [".well-known", "hive-mesh.json"] => Self::Descriptor(Brand::Hive),
            ["v1", "publish"] | ["api", "mesh", "wan", "ingress"] => Self::Publish,
            ["v1", "envelopes"] => Self::Pull(None),
            ["v1", "envelopes", "ack"] => Self::Acknowledge(None),
            ["v1", "envelopes", target] => Self::Pull(Some(handle(target)?)),
            ["v1", "envelopes", target, "ack"] => Self::Acknowledge(Some(handle(target)?)),
            ["healthz" | "livez"] => Self::Health,
            ["readyz"] => Self::Ready,
            ["metrics"] => Self::Metrics,
            _ => return None,
        })
    }

    /// The method it answers.
    #[must_use]
    pub const fn method(&self) -> Method {
        match self {
            Self::InstanceRpc | Self::AgentRpc(_) | Self::Publish | Self::Acknowledge(_) => {
                Method::Post
            }
            Self::InstanceCard
            | Self::AgentCard(_)
            | Self::Descriptor(_)
            | Self::Pull(_)
            | Self::Health
            | Self::Ready
            | Self::Metrics => Method::Get,
        }
    }

    /// Whether refusals are told in JSON-RPC, because the caller reads nothing else.
    #[must_use]
    pub const fn speaks_json_rpc(&self) -> bool {
        matches!(self, Self::InstanceRpc | Self::AgentRpc(_))
    }
}

/// The segments of a path, unescaped; the last is empty if the path ends with a slash.
fn segments(path: &str) -> Result<Vec<String>, Error> {
    if path.len() > LEN_MAX {
        return Err(Error::TooLong);
    }
    let rest = path.strip_prefix('/').ok_or(Error::NotAbsolute)?;
    let count = rest.split('/').count();
    if count > SEGMENTS_MAX {
        return Err(Error::TooLong);
    }
    let at_end = |at: usize| at + 1 == count;
    let each = rest.split('/').enumerate();
    each.map(|(at, text)| segment(text, at_end(at))).collect()
}

fn segment(text: &str, last: bool) -> Result<String, Error> {
    match text {
        "" if !last => return Err(Error::EmptySegment),
        "." | ".." => return Err(Error::DotSegment),
        _ => {}
    }
    let mut plain = String::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b';' => return Err(Error::Parameter),
            b'%' => unescaped(bytes.next(), bytes.next())?,
            b'\\' => return Err(Error::Byte),
            _ if byte.is_ascii_graphic() => char::from(byte),
            _ => return Err(Error::Byte),
        });
    }
    Ok(plain)
}

/// What `%` and two digits stand for. Clients escape `:` and `@` without need, which is harmless;
/// an escaped delimiter is not, because whoever unescapes twice reads another path.
fn unescaped(high: Option<u8>, low: Option<u8>) -> Result<char, Error> {
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    let (Some(high), Some(low)) = (digit(high), digit(low)) else { return Err(Error::Escape) };
    match char::from_u32(high * 16 + low) {
        Some('/' | '\\' | '.' | ';' | '%' | '?' | '#') => Err(Error::HiddenDelimiter),
        Some(plain) if plain.is_ascii_graphic() => Ok(plain),
        _ => Err(Error::Byte),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn handle(text: &str) -> Handle {
        Handle::parse(text).unwrap()
    }

    #[test]
    fn each_route_has_its_paths() {
        for (path, route) in [
            ("/v1/a2a/jsonrpc", Route::InstanceRpc),
            ("/v1/a2a/jsonrpc/", Route::InstanceRpc),
            ("/api/a2a/jsonrpc", Route::InstanceRpc),
            ("/api/a2a/federated/jsonrpc", Route::InstanceRpc),
            ("/api/a2a/jsonrpc/public", Route::InstanceRpc),
            ("/agents/echo", Route::AgentRpc(handle("echo"))),
            ("/agents/echo/", Route::AgentRpc(handle("echo"))),
            ("/agents/urn%3Ahive%3aagent", Route::AgentRpc(handle("urn:hive:agent"))),
            ("/agents/echo/.well-known/agent-card.json", Route::AgentCard(handle("echo"))),
            ("/.well-known/agent-card.json", Route::InstanceCard),
            ("/.well-known/hive-mesh.json", Route::Descriptor(Brand::Hive)),
            ("/.well-known/pilox-mesh.json", Route::Descriptor(Brand::Pilox)),
            ("/v1/publish", Route::Publish),
            ("/api/mesh/wan/ingress", Route::Publish),
            ("/v1/envelopes", Route::Pull(None)),
            ("/v1/envelopes/urn:a:b", Route::Pull(Some(handle("urn:a:b")))),
            ("/v1/envelopes/urn:a:b/ack", Route::Acknowledge(Some(handle("urn:a:b")))),
            ("/v1/envelopes/ack", Route::Acknowledge(None)),
            ("/healthz", Route::Health),
            ("/livez", Route::Health),
            ("/readyz", Route::Ready),
            ("/metrics", Route::Metrics),
        ] {
            assert_eq!(Route::find(path), Ok(Some(route)), "{path}");
        }
    }

    #[test]
    fn what_names_nothing_is_no_route() {
        for path in [
            "/",
            "/v1",
            "/v1/publish/",
            "/healthz/",
            "/V1/publish",
            "/agents",
            "/agents/",
            "/agents/a/b",
            "/api/a2a/federated",
            "/.well-known/agent-card.json/",
            "/agents/a\"b",
        ] {
            assert_eq!(Route::find(path), Ok(None), "{path}");
        }
    }

    #[test]
    fn a_path_with_two_readings_is_refused_with_the_reason() {
        for (path, reason) in [
            ("", Error::NotAbsolute),
            ("*", Error::NotAbsolute),
            ("v1/publish", Error::NotAbsolute),
            ("//v1/publish", Error::EmptySegment),
            ("/v1//publish", Error::EmptySegment),
            ("/agents/echo//", Error::EmptySegment),
            ("/./v1/publish", Error::DotSegment),
            ("/agents/../metrics", Error::DotSegment),
            ("/agents/..", Error::DotSegment),
            ("/agents/..%2fmetrics", Error::HiddenDelimiter),
            ("/agents/%2e%2e/metrics", Error::HiddenDelimiter),
            ("/agents/a%2Fb", Error::HiddenDelimiter),
            ("/agents/a%5Cb", Error::HiddenDelimiter),
            ("/agents/a%252fb", Error::HiddenDelimiter),
            ("/agents/a%3fb", Error::HiddenDelimiter),
            ("/agents/a%3bb", Error::HiddenDelimiter),
            ("/agents/echo;v=1", Error::Parameter),
            ("/agents;/echo", Error::Parameter),
            ("/agents/a\\b", Error::Byte),
            ("/agents/a%00", Error::Byte),
            ("/agents/a%0d%0a", Error::Byte),
            ("/agents/caf%c3%a9", Error::Byte),
            ("/agents/café", Error::Byte),
            ("/agents/a b", Error::Byte),
            ("/agents/a%", Error::Escape),
            ("/agents/a%4", Error::Escape),
            ("/agents/a%+f", Error::Escape),
            ("/a/b/c/d/e/f/g/h/i", Error::TooLong),
        ] {
            assert_eq!(Route::find(path), Err(reason), "{path}");
        }
        let long = format!("/agents/{}", "a".repeat(LEN_MAX));
        assert_eq!(Route::find(&long), Err(Error::TooLong));
    }

    proptest! {
        #[test]
        fn a_path_that_has_one_reading_survives_being_read_again(path in "(/[a-z.%0-9;:\\-]{0,6}){1,5}") {
            if let Ok(read) = segments(&path) {
                let again = format!("/{}", read.join("/"));
                prop_assert_eq!(segments(&again), Ok(read));
            }
        }
    }
}
