//! `config example|reference|check`: what may be configured, by the structs of the roles, and whether a file is right. It
//! must never start anything.

use std::path::Path;

use deploy_service::config::{Role, faults};
use deploy_service::settings;
use serde_json::json;

use crate::args::{ConfigRole, ConfigVerb, Format};
use crate::failure::Failure;
use crate::output::Output;

use super::print_raw;

/// What stands above the settings.
const PREFACE: &str = include_str!("config/preface.md");

pub(crate) fn run(verb: ConfigVerb, format: Format) -> Result<(), Failure> {
    match verb {
        ConfigVerb::Example { role } => print_raw(example(role).as_bytes()),
        ConfigVerb::Reference { role: Some(role) } => print_raw(reference(role).as_bytes()),
        ConfigVerb::Reference { role: None } => print_raw(page().as_bytes()),
        ConfigVerb::Check { role, file, set } => {
            let found = match role {
                ConfigRole::Registry => faults::<registry_server::Config>(&file, &set),
                ConfigRole::Gateway => faults::<gateway_server::Config>(&file, &set),
                ConfigRole::Node => faults::<node_agent::Config>(&file, &set),
            };
            check(&file, &found, format)
        }
    }
}

fn check(file: &Path, found: &[String], format: Format) -> Result<(), Failure> {
    let rows = found.iter().map(|fault| vec![fault.clone()]).collect();
    Output { heads: &[], rows, json: json!(found) }.print(format)?;
    match found.len() {
        0 => Ok(()),
        1 => Err(Failure::usage(format!("{}: 1 fault", file.display()))),
        count => Err(Failure::usage(format!("{}: {count} faults", file.display()))),
    }
}

fn example(role: ConfigRole) -> String {
    fn of<C: Role>() -> String {
        settings::example(&C::shape(), C::CHOSEN)
    }
    match role {
        ConfigRole::Registry => of::<registry_server::Config>(),
        ConfigRole::Gateway => of::<gateway_server::Config>(),
        ConfigRole::Node => of::<node_agent::Config>(),
    }
}

fn reference(role: ConfigRole) -> String {
    fn of<C: Role>() -> String {
        settings::reference(C::NAME, &C::shape())
    }
    match role {
        ConfigRole::Registry => of::<registry_server::Config>(),
        ConfigRole::Gateway => of::<gateway_server::Config>(),
        ConfigRole::Node => of::<node_agent::Config>(),
    }
}

/// The page of all roles: `docs/configuration.md`.
fn page() -> String {
    let roles = [ConfigRole::Registry, ConfigRole::Gateway, ConfigRole::Node];
    let text = PREFACE.to_owned() + &roles.map(reference).concat();
    text.trim_end().to_owned() + "\n"
}

#[cfg(test)]
mod tests;
