//! How a gateway reaches an attached agent: the URLs of its upstream, and what is spoken there.
//!
//! Decides which URLs may be an upstream's, and their one form. Must never resolve a name: which addresses may be called,
//! the gateway decides when it calls.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::a2a::ProtocolVersion;
use crate::words::UnknownWord;
use crate::{Origin, origin, text};

/// How an attached agent is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Where; each is a replica of the same agent.
    pub urls: UpstreamUrls,
    /// What carries a call.
    pub binding: UpstreamBinding,
    /// Of A2A.
    pub version: ProtocolVersion,
    /// What must be said again in each request; 0.3 has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
}

/// What carries a call to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UpstreamBinding {
    /// JSON-RPC: a URL is that of the endpoint.
    #[serde(rename = "JSONRPC")]
    JsonRpc,
    /// HTTP+JSON: paths are appended to a URL.
    #[serde(rename = "HTTP+JSON")]
    HttpJson,
    /// gRPC, of A2A 1.0 alone: a URL has no path, for the methods have theirs.
    #[serde(rename = "GRPC")]
    Grpc,
}

// The words of `protocolBinding` in a card.
crate::words!(UpstreamBinding { JsonRpc = "JSONRPC", HttpJson = "HTTP+JSON", Grpc = "GRPC" });

/// The URLs of an upstream: 1 to 8 different ones, in order. In a log or a state they are read as they are: what an earlier
/// version has let in stays readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamUrls(Vec<UpstreamUrl>);

/// A URL of an upstream: `http` or `https`, a host, and a path. Its host is written as an [`Origin`] is, and its path is
/// absent where it is only a slash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamUrl(String);

/// Why something is no upstream. It does not quote the text, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No URL, or too many.
    #[error("an upstream has 1 to {} URLs", UpstreamUrls::LEN_MAX)]
    Count,
    /// The same URL twice, in whatever form.
    #[error("a URL of the upstream stands twice")]
    Repeated,
    /// A URL is too long.
    #[error("a URL of an upstream has at most {} bytes", UpstreamUrl::LEN_MAX)]
    TooLong,
    /// A URL with a query.
    #[error("a URL of an upstream has no query")]
    Query,
    /// A URL with a fragment.
    #[error("a URL of an upstream has no fragment")]
    Fragment,
    /// A URL with a user name or a password.
    #[error(
        "a URL of an upstream has no user or password: a gateway is told credentials by its configuration"
    )]
    UserInfo,
    /// What stands before the path.
    #[error("a URL of the upstream: {0}")]
    Origin(origin::Error),
    /// A byte that no path has.
    #[error("a path of the upstream has the byte 0x{0:02x}, which must be percent-encoded")]
    Byte(u8),
    /// `%` that is not followed by two hexadecimal digits.
    #[error("a path of the upstream has an incomplete escape")]
    Escape,
    /// `.` or `..`, escaped or not.
    #[error("a path of the upstream has a dot segment")]
    DotSegment,
    /// gRPC of another version.
    #[error("GRPC is supported for upstreams of A2A 1.0 alone: 0.3 has another service")]
    GrpcOfV03,
    /// A path at an upstream of gRPC.
    #[error("a URL of an upstream of GRPC has no path")]
    PathOfGrpc,
    /// No binding of an upstream.
    #[error("the binding of the upstream: {0}")]
    Binding(UnknownWord),
    /// No version of A2A that is spoken here.
    #[error("the A2A version of the upstream: {0}")]
    Version(UnknownWord),
    /// No text that a tenant can be.
    #[error("the tenant of the upstream: {0}")]
    Tenant(text::Error),
    /// A tenant, where there are none.
    #[error("an upstream of A2A 0.3 has no tenant")]
    TenantOfV03,
}

impl Upstream {
    /// The longest tenant, in bytes. Arbitrary: it is an opaque word, and stands in each request.
    pub const TENANT_LEN_MAX: usize = 512;

    /// Reads an upstream from the texts of a message; an empty tenant is none.
    ///
    /// # Errors
    /// One of them is not what it should be.
    pub fn parse<T: AsRef<str>>(
        urls: &[T],
        binding: &str,
        version: &str,
        tenant: &str,
    ) -> Result<Self, Error> {
        let binding: UpstreamBinding = binding.parse().map_err(Error::Binding)?;
        let version: ProtocolVersion = version.parse().map_err(Error::Version)?;
        let bases: Vec<&str> = urls.iter().map(|url| base(binding, url.as_ref())).collect();
        let urls = UpstreamUrls::parse(&bases)?;
        if binding == UpstreamBinding::Grpc {
            check_grpc(&urls, version)?;
        }
        Ok(Self { urls, binding, version, tenant: read_tenant(version, tenant)? })
    }
}

/// Paths are appended to a URL of HTTP+JSON or gRPC, each with a slash of its own; to one of JSON-RPC nothing is, and its last
/// slash may matter.
fn base(binding: UpstreamBinding, url: &str) -> &str {
    match binding {
        UpstreamBinding::HttpJson | UpstreamBinding::Grpc => url.trim_end_matches('/'),
        UpstreamBinding::JsonRpc => url,
    }
}

/// What holds of gRPC besides.
fn check_grpc(urls: &UpstreamUrls, version: ProtocolVersion) -> Result<(), Error> {
    if version != ProtocolVersion::V10 {
        return Err(Error::GrpcOfV03);
    }
    // In its one form each is an origin, which has two slashes, and its path.
    match urls.iter().any(|url| url.as_str().matches('/').count() > 2) {
        true => Err(Error::PathOfGrpc),
        false => Ok(()),
    }
}

fn read_tenant(version: ProtocolVersion, tenant: &str) -> Result<Option<String>, Error> {
    match (tenant, version) {
        ("", _) => Ok(None),
        (_, ProtocolVersion::V03) => Err(Error::TenantOfV03),
        (tenant, ProtocolVersion::V10) => {
            text::check(tenant, Upstream::TENANT_LEN_MAX).map_err(Error::Tenant)?;
            Ok(Some(tenant.to_owned()))
        }
    }
}

impl UpstreamUrls {
    /// How many there are at most. Arbitrary: more replicas stand behind a load balancer of their own.
    pub const LEN_MAX: usize = 8;

    /// Reads them, in whatever order.
    ///
    /// # Errors
    /// There are none, too many, or two that are the same; or as [`UpstreamUrl::parse`].
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, Error> {
        if texts.is_empty() || texts.len() > Self::LEN_MAX {
            return Err(Error::Count);
        }
        let urls = texts.iter().map(|text| UpstreamUrl::parse(text.as_ref()));
        let mut urls = urls.collect::<Result<Vec<_>, _>>()?;
        urls.sort_unstable();
        match urls.windows(2).any(|two| two[0] == two[1]) {
            true => Err(Error::Repeated),
            false => Ok(Self(urls)),
        }
    }
}

impl Deref for UpstreamUrls {
    type Target = [UpstreamUrl];

    fn deref(&self) -> &[UpstreamUrl] {
        &self.0
    }
}

impl UpstreamUrl {
    /// Long enough for any endpoint of a host, as [`crate::Endpoint`].
    pub const LEN_MAX: usize = 512;

    /// Reads a URL into its one form.
    ///
    /// # Errors
    /// It is too long, does not begin with an origin, or has anything but a plain path behind it.
    pub fn parse(url: &str) -> Result<Self, Error> {
        if url.len() > Self::LEN_MAX {
            return Err(Error::TooLong);
        }
        if url.contains('#') {
            return Err(Error::Fragment);
        }
        if url.contains('?') {
            return Err(Error::Query);
        }
        let host_at = url.find("://").ok_or(Error::Origin(origin::Error::Scheme))? + "://".len();
        let path_at = url[host_at..].find('/').map_or(url.len(), |at| host_at + at);
        let (before, path) = url.split_at(path_at);
        if before.contains('@') {
            return Err(Error::UserInfo);
        }
        let origin = Origin::normalise(before).map_err(Error::Origin)?;
        check_path(path)?;
        let path = if path == "/" { "" } else { path };
        Ok(Self(format!("{origin}{path}")))
    }

    /// The URL in its one form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for UpstreamUrl {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for UpstreamUrl {
    type Err = Error;

    fn from_str(url: &str) -> Result<Self, Error> {
        Self::parse(url)
    }
}

/// Holds if the path has one reading (RFC 3986, section 3.3), with or without a slash at its end.
fn check_path(path: &str) -> Result<(), Error> {
    let is_plain =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(byte);
    if let Some(byte) = path.bytes().find(|byte| !is_plain(byte)) {
        return Err(Error::Byte(byte));
    }
    let is_escape = |rest: &str| {
        let digits = rest.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !path.split('%').skip(1).all(is_escape) {
        return Err(Error::Escape);
    }
    let plain = path.to_ascii_lowercase().replace("%2e", ".");
    match plain.split('/').any(|segment| matches!(segment, "." | "..")) {
        true => Err(Error::DotSegment),
        false => Ok(()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn form(url: &str) -> Result<String, Error> {
        UpstreamUrl::parse(url).map(|url| url.to_string())
    }

    #[test]
    fn a_url_has_one_form_and_keeps_the_slash_that_may_matter() {
        for (written, form_of_it) in [
            ("HTTP://Agent.Example:80/", "http://agent.example"),
            ("https://agent.example:443/A2A/", "https://agent.example/A2A/"),
            ("http://127.0.0.1:9000/rpc", "http://127.0.0.1:9000/rpc"),
            ("http://[0:0::1]:9000/a%20b;v=1", "http://[::1]:9000/a%20b;v=1"),
        ] {
            assert_eq!(form(written).as_deref(), Ok(form_of_it), "{written}");
            assert_eq!(form(form_of_it).as_deref(), Ok(form_of_it), "{written}");
        }
    }

    #[test]
    fn what_is_no_url_of_an_upstream_is_refused_by_the_rule_that_it_breaks() {
        let longest = format!("http://a.example/{}", "x".repeat(UpstreamUrl::LEN_MAX - 17));
        assert!(form(&longest).is_ok());
        for (url, rule) in [
            (&*format!("{longest}x"), Error::TooLong),
            ("http://a.example/?a=b", Error::Query),
            ("http://a.example?", Error::Query),
            ("http://a.example/#x", Error::Fragment),
            ("http://user:pass@a.example/", Error::UserInfo),
            ("ftp://a.example/", Error::Origin(origin::Error::Scheme)),
            ("a.example", Error::Origin(origin::Error::Scheme)),
            ("", Error::Origin(origin::Error::Scheme)),
            ("http:///path", Error::Origin(origin::Error::Host)),
            ("http://0x7f.1/", Error::Origin(origin::Error::Host)),
            ("http://a.example:0/", Error::Origin(origin::Error::Port)),
            ("http://a.example\\b/", Error::Origin(origin::Error::NotOnlyOrigin)),
            ("http://a.example/a b", Error::Byte(b' ')),
            ("http://a.example/\u{e9}", Error::Byte(0xc3)),
            ("http://a.example/a\r\nb", Error::Byte(b'\r')),
            ("http://a.example/%4", Error::Escape),
            ("http://a.example/%zz", Error::Escape),
            ("http://a.example/a/../b", Error::DotSegment),
            ("http://a.example/%2E", Error::DotSegment),
        ] {
            assert_eq!(form(url), Err(rule), "{url:?}");
        }
    }

    #[test]
    fn the_urls_of_an_upstream_are_different_and_in_order() {
        let urls = UpstreamUrls::parse(&["http://b.example", "http://a.example/"]).unwrap();
        assert_eq!(
            urls.iter().map(UpstreamUrl::as_str).collect::<Vec<_>>(),
            ["http://a.example", "http://b.example"]
        );
        let many = |count: usize| (0..count).map(|at| format!("http://a{at}.example"));
        assert!(UpstreamUrls::parse(&many(8).collect::<Vec<_>>()).is_ok());
        assert_eq!(UpstreamUrls::parse(&many(9).collect::<Vec<_>>()), Err(Error::Count));
        assert_eq!(UpstreamUrls::parse(&[""; 0]), Err(Error::Count));
        let twice = ["http://a.example", "HTTP://A.example:80/"];
        assert_eq!(UpstreamUrls::parse(&twice), Err(Error::Repeated));
    }

    #[test]
    fn an_upstream_is_read_from_its_words_and_no_others() {
        let read = |binding, version, tenant| {
            Upstream::parse(&["http://a.example/a2a/"], binding, version, tenant)
        };
        let rpc = read("JSONRPC", "1.0", "acme").unwrap();
        assert_eq!(
            (rpc.urls[0].as_str(), rpc.tenant.as_deref()),
            ("http://a.example/a2a/", Some("acme"))
        );
        let rest = read("HTTP+JSON", "0.3", "").unwrap();
        assert_eq!((rest.urls[0].as_str(), rest.tenant.as_deref()), ("http://a.example/a2a", None));
        assert_eq!(read("GRPC", "1.0", ""), Err(Error::PathOfGrpc));
        assert!(matches!(read("jsonrpc", "1.0", ""), Err(Error::Binding(_))));
        assert!(matches!(read("JSONRPC", "0.2", ""), Err(Error::Version(_))));
        assert!(matches!(read("JSONRPC", "1.0", "a\n"), Err(Error::Tenant(_))));
        assert_eq!(read("JSONRPC", "0.3", "acme"), Err(Error::TenantOfV03));
    }

    #[test]
    fn an_upstream_of_grpc_is_an_origin_of_a2a_1_0() {
        let read = |url, version, tenant| Upstream::parse(&[url], "GRPC", version, tenant);
        for (url, form_of_it) in [
            ("https://A.example:443/", "https://a.example"),
            ("http://127.0.0.1:50051", "http://127.0.0.1:50051"),
            ("http://[::1]:50051", "http://[::1]:50051"),
        ] {
            let upstream = read(url, "1.0", "acme").unwrap();
            assert_eq!(upstream.binding, UpstreamBinding::Grpc);
            assert_eq!(
                (upstream.urls[0].as_str(), upstream.tenant.as_deref()),
                (form_of_it, Some("acme"))
            );
            assert_eq!(read(url, "0.3", ""), Err(Error::GrpcOfV03));
        }
        assert_eq!(read("https://a.example/grpc", "1.0", ""), Err(Error::PathOfGrpc));
        assert!(Error::GrpcOfV03.to_string().contains("GRPC is supported"));
    }

    #[test]
    fn what_is_stored_is_read_back_and_says_its_words() {
        let upstream = Upstream::parse(&["http://a.example/rpc"], "JSONRPC", "0.3", "").unwrap();
        let stored = rmp_serde::to_vec_named(&upstream).unwrap();
        assert_eq!(rmp_serde::from_slice::<Upstream>(&stored).unwrap(), upstream);
        let said = serde_json::to_string(&upstream).unwrap();
        assert_eq!(
            said,
            r#"{"urls":["http://a.example/rpc"],"binding":"JSONRPC","version":"0.3"}"#
        );
        for binding in UpstreamBinding::ALL {
            assert_eq!(serde_json::to_value(binding).unwrap(), binding.as_str());
        }
    }
}
