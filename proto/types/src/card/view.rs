//! What we read of a card, and what A2A 1.0 requires of it.
//!
//! Decides which members a card must have (specification, 5.7: required lists are not empty). Must
//! never follow a URL in it.

use serde::{Deserialize, Serialize};

use super::CardVersion;
use super::fields::{ANY, text, texts};
pub use super::security::SecurityRequirement;
use super::security::{Declared, read_requirements, read_schemes};
use crate::schema::Spot;

/// What a card says, in the terms of 1.0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The generation that it is written for.
    pub card_version: CardVersion,
    /// For people.
    pub name: String,
    /// For people, and for search.
    pub description: String,
    /// The agent's own version.
    pub version: String,
    /// Where it is reached; the first is preferred. At least one.
    pub interfaces: Vec<Interface>,
    /// Who provides it.
    pub provider: Option<Provider>,
    /// For people.
    pub documentation_url: Option<String>,
    /// A picture.
    pub icon_url: Option<String>,
    /// What of the protocol it does.
    pub capabilities: Capabilities,
    /// Media types that it takes.
    pub default_input_modes: Vec<String>,
    /// Media types that it gives.
    pub default_output_modes: Vec<String>,
    /// What it can do.
    pub skills: Vec<Skill>,
    /// The names of its security schemes.
    pub security_schemes: Vec<String>,
    /// One of these must be satisfied; none means that no credential is asked for.
    pub security_requirements: Vec<SecurityRequirement>,
}

/// One way to reach an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// For gRPC `host:port`, else a URL.
    pub url: String,
    /// `JSONRPC`, `GRPC`, `HTTP+JSON`, or a URI.
    pub protocol_binding: String,
    /// What clients must echo in each request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// `Major.Minor`.
    pub protocol_version: String,
}

/// Who provides an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its site.
    pub url: String,
    /// Its name.
    pub organization: String,
}

/// What of the protocol an agent does. Absent means no.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// It streams.
    pub streaming: bool,
    /// It calls back.
    pub push_notifications: bool,
    /// It has another card for those who authenticate.
    pub extended_agent_card: bool,
    /// Extensions of the protocol.
    pub extensions: Vec<Extension>,
}

/// An extension of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub uri: String,
    /// Clients that do not know it must not call.
    pub required: bool,
}

/// One thing that an agent can do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Skill {
    /// Its name within the card.
    pub id: String,
    /// For people.
    pub name: String,
    /// For people, and for search.
    pub description: String,
    /// For search.
    pub tags: Vec<String>,
    /// Prompts that it can handle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<String>,
    /// Media types in place of the card's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_modes: Vec<String>,
    /// Media types in place of the card's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output_modes: Vec<String>,
}

impl Interface {
    /// A JSON-RPC interface of A2A 1.0.
    #[must_use]
    pub fn json_rpc(url: &str) -> Self {
        Self::v10(url, "JSONRPC")
    }

    /// An HTTP+JSON interface of A2A 1.0.
    #[must_use]
    pub fn http_json(url: &str) -> Self {
        Self::v10(url, "HTTP+JSON")
    }

    /// A gRPC interface of A2A 1.0, at `host:port`.
    #[must_use]
    pub fn grpc(authority: &str) -> Self {
        Self::v10(authority, "GRPC")
    }

    /// The same of A2A 0.3, which has no tenants.
    #[must_use]
    pub fn of_v03(self) -> Self {
        Self { tenant: None, protocol_version: "0.3".to_owned(), ..self }
    }

    fn v10(url: &str, protocol_binding: &str) -> Self {
        Self {
            url: url.to_owned(),
            protocol_binding: protocol_binding.to_owned(),
            tenant: None,
            protocol_version: "1.0".to_owned(),
        }
    }
}

pub(super) fn read_card(spot: Spot<'_, '_>) -> Option<View> {
    let card = spot.object()?;
    let name = card.required("name", text);
    let description = card.required("description", text);
    let version = card.required("version", text);
    let interfaces =
        card.required("supportedInterfaces", |spot| spot.list((1, ANY), read_interface));
    let provider = card.optional("provider", read_provider);
    let documentation_url = card.optional("documentationUrl", text);
    let icon_url = card.optional("iconUrl", text);
    let capabilities = card.required("capabilities", read_capabilities);
    let input_modes = card.required("defaultInputModes", |spot| spot.list((1, ANY), text));
    let output_modes = card.required("defaultOutputModes", |spot| spot.list((1, ANY), text));
    let security_schemes = card.or_default("securitySchemes", read_schemes);
    let declared = security_schemes.as_deref();
    let skills =
        card.required("skills", |spot| spot.list((1, ANY), |spot| read_own_skill(spot, declared)));
    let requirements = read_requirements(&card, declared);
    let signatures = card.optional("signatures", |spot| spot.list((0, ANY), read_signature));
    signatures?;
    Some(View {
        card_version: CardVersion::V10,
        name: name?,
        description: description?,
        version: version?,
        interfaces: interfaces?,
        provider: provider?,
        documentation_url: documentation_url?,
        icon_url: icon_url?,
        capabilities: capabilities?,
        default_input_modes: input_modes?,
        default_output_modes: output_modes?,
        skills: skills?,
        security_schemes: security_schemes?,
        security_requirements: requirements?,
    })
}

fn read_interface(spot: Spot<'_, '_>) -> Option<Interface> {
    let interface = spot.object()?;
    let url = interface.required("url", |spot| spot.text_of(1, ANY));
    let binding = interface.required("protocolBinding", |spot| spot.text_of(1, ANY));
    let version = interface.required("protocolVersion", |spot| spot.text_of(1, ANY));
    let tenant = interface.optional("tenant", text);
    Some(Interface {
        url: url?.to_owned(),
        protocol_binding: binding?.to_owned(),
        // ProtoJSON does not tell an empty tenant from none.
        tenant: tenant?.filter(|tenant| !tenant.is_empty()),
        protocol_version: version?.to_owned(),
    })
}

pub(super) fn read_provider(spot: Spot<'_, '_>) -> Option<Provider> {
    let provider = spot.object()?;
    let url = provider.required("url", text);
    let organization = provider.required("organization", text);
    Some(Provider { url: url?, organization: organization? })
}

pub(super) fn read_capabilities(spot: Spot<'_, '_>) -> Option<Capabilities> {
    let capabilities = spot.object()?;
    let streaming = capabilities.or_default("streaming", Spot::boolean);
    let push_notifications = capabilities.or_default("pushNotifications", Spot::boolean);
    let extended_agent_card = capabilities.or_default("extendedAgentCard", Spot::boolean);
    let extensions =
        capabilities.or_default("extensions", |spot| spot.list((0, ANY), read_extension));
    Some(Capabilities {
        streaming: streaming?,
        push_notifications: push_notifications?,
        extended_agent_card: extended_agent_card?,
        extensions: extensions?,
    })
}

fn read_extension(spot: Spot<'_, '_>) -> Option<Extension> {
    let extension = spot.object()?;
    let uri = extension.required("uri", text);
    let required = extension.or_default("required", Spot::boolean);
    let params = extension.optional("params", |spot| spot.object().map(drop));
    params?;
    Some(Extension { uri: uri?, required: required? })
}

/// 1.0 wants tags in a list that it requires (5.7), and schemes that are there.
fn read_own_skill(spot: Spot<'_, '_>, declared: Declared<'_>) -> Option<Skill> {
    let requirements = read_requirements(&spot.object()?, declared);
    let skill = read_skill(spot, 1);
    requirements.and(skill)
}

pub(super) fn read_skill(spot: Spot<'_, '_>, tags_min: usize) -> Option<Skill> {
    let skill = spot.object()?;
    let id = skill.required("id", text);
    let name = skill.required("name", text);
    let description = skill.required("description", text);
    let tags = skill.required("tags", |spot| spot.list((tags_min, ANY), text));
    let examples = skill.or_default("examples", texts);
    let input_modes = skill.or_default("inputModes", texts);
    let output_modes = skill.or_default("outputModes", texts);
    Some(Skill {
        id: id?,
        name: name?,
        description: description?,
        tags: tags?,
        examples: examples?,
        input_modes: input_modes?,
        output_modes: output_modes?,
    })
}

pub(super) fn read_signature(spot: Spot<'_, '_>) -> Option<()> {
    let signature = spot.object()?;
    let protected = signature.required("protected", Spot::text);
    let value = signature.required("signature", Spot::text);
    let header = signature.optional("header", |spot| spot.object().map(drop));
    protected.and(value).and(header).map(drop)
}
