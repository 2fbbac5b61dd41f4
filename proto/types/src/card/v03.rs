//! Cards of A2A up to 0.3, read into the terms of 1.0.
//!
//! Decides what such a card must have. Must never guess at an interface that it does not name.

use super::CardVersion;
use super::fields::{ANY, text, texts};
use super::security::SecurityRequirement;
use super::view::{Interface, View, read_capabilities, read_provider, read_signature, read_skill};
use crate::schema::{Object, Spot};

/// The transport of a card that does not say (0.3, section 5.6.1).
const TRANSPORT: &str = "JSONRPC";

/// The version of a card that does not say: the member is required since 0.2.6.
const VERSION: &str = "0.2";

pub(super) fn read_card(spot: Spot<'_, '_>) -> Option<View> {
    let card = spot.object()?;
    let name = card.required("name", text);
    let description = card.required("description", text);
    let version = card.required("version", text);
    let interfaces = read_interfaces(&card);
    let provider = card.optional("provider", read_provider);
    let documentation_url = card.optional("documentationUrl", text);
    let icon_url = card.optional("iconUrl", text);
    let capabilities = card.required("capabilities", read_capabilities);
    let extended = card.or_default("supportsAuthenticatedExtendedCard", Spot::boolean);
    let input_modes = card.required("defaultInputModes", texts);
    let output_modes = card.required("defaultOutputModes", texts);
    let skills = card.required("skills", |spot| spot.list((0, ANY), |spot| read_skill(spot, 0)));
    let schemes = card.or_default("securitySchemes", |spot| {
        Some(spot.object()?.members.keys().cloned().collect())
    });
    let requirements = card.or_default("security", |spot| spot.list((0, ANY), read_requirement));
    let signatures = card.optional("signatures", |spot| spot.list((0, ANY), read_signature));
    signatures?;
    let mut capabilities = capabilities?;
    capabilities.extended_agent_card |= extended?;
    Some(View {
        card_version: CardVersion::V03,
        name: name?,
        description: description?,
        version: version?,
        interfaces: interfaces?,
        provider: provider?,
        documentation_url: documentation_url?,
        icon_url: icon_url?,
        capabilities,
        default_input_modes: input_modes?,
        default_output_modes: output_modes?,
        skills: skills?,
        security_schemes: schemes?,
        security_requirements: requirements?,
    })
}

/// The main URL first, then the others; each once.
fn read_interfaces(card: &Object<'_, '_>) -> Option<Vec<Interface>> {
    let url = card.required("url", |spot| spot.text_of(1, ANY));
    let transport = card.optional("preferredTransport", Spot::text);
    let version = card.optional("protocolVersion", Spot::text);
    let others =
        card.or_default("additionalInterfaces", |spot| spot.list((0, ANY), read_additional));
    let version = version?.unwrap_or(VERSION);
    let main = (url?.to_owned(), transport?.unwrap_or(TRANSPORT).to_owned());
    let mut interfaces: Vec<Interface> = Vec::new();
    for (url, protocol_binding) in std::iter::once(main).chain(others?) {
        let protocol_version = version.to_owned();
        let interface = Interface { url, protocol_binding, tenant: None, protocol_version };
        // 0.3 repeats the main one among the additional ones, so this is one comparison in practice.
        if interfaces.first() != Some(&interface) {
            interfaces.push(interface);
        }
    }
    Some(interfaces)
}

fn read_additional(spot: Spot<'_, '_>) -> Option<(String, String)> {
    let interface = spot.object()?;
    let url = interface.required("url", text);
    let transport = interface.required("transport", text);
    Some((url?, transport?))
}

/// OpenAPI's form: scheme to scopes.
fn read_requirement(spot: Spot<'_, '_>) -> Option<SecurityRequirement> {
    let requirement = spot.object()?;
    let scopes = |name: &String| Some((name.clone(), requirement.required(name, texts)?));
    let read: Vec<_> = requirement.members.keys().map(scopes).collect();
    read.into_iter().collect()
}
