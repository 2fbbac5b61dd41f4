//! Where the changes of tasks are pushed to. Gateways alone ask: what a receiver is shown is secret, and whose a task is they
//! know. Nothing here says which addresses may be called.

use proto_types::{PushAuthentication, PushConfig, TaskId, TaskOwner};
use proto_wire::registry::v1 as wire;
use registry_core::command::{Command, DeletePushConfig, FleetCommand, Proposal, PutPushConfig};

use crate::field;
use crate::identity::{Principal, Role};
use crate::problem::Problem;

/// Reads where the changes of a task are to be pushed to.
pub fn put(caller: &Principal, request: &wire::PutPushConfigRequest) -> Result<Proposal, Problem> {
    let (task, owner) = named(caller, &request.task, &request.owner)?;
    let missing = || Problem::argument("config", "it is missing");
    let config = request.config.as_ref().ok_or_else(missing)?;
    command((&task, &owner), config).map(super::one)
}

/// Reads which configuration of a task is to be deleted.
pub fn delete(
    caller: &Principal,
    request: &wire::DeletePushConfigRequest,
) -> Result<Proposal, Problem> {
    let (task, owner) = named(caller, &request.task, &request.owner)?;
    let config = field::read("id", &request.id)?;
    Ok(super::one(FleetCommand::DeletePushConfig(DeletePushConfig { task, owner, config }).into()))
}

/// Reads whose configurations are asked for, and of which task.
///
/// # Errors
/// As [`Principal::require`], `invalid-argument`.
pub fn named(caller: &Principal, task: &str, owner: &str) -> Result<(TaskId, TaskOwner), Problem> {
    caller.require(&[Role::Gateway])?;
    Ok((field::read("task", task)?, field::read("owner", owner)?))
}

/// What sets the configuration of a task.
pub(super) fn command(
    (task, owner): (&TaskId, &TaskOwner),
    config: &wire::PushConfig,
) -> Result<Command, Problem> {
    let (task, owner, config) = (task.clone(), owner.clone(), read(config)?);
    Ok(FleetCommand::PutPushConfig(PutPushConfig { task, owner, config }).into())
}

fn read(config: &wire::PushConfig) -> Result<PushConfig, Problem> {
    let scheme = field::optional("config.scheme", &config.scheme)?;
    let credentials = field::optional("config.credentials", &config.credentials)?;
    if scheme.is_none() && credentials.is_some() {
        return Err(Problem::argument("config.scheme", "credentials have one"));
    }
    Ok(PushConfig {
        id: field::read("config.id", &config.id)?,
        url: field::read("config.url", &config.url)?,
        token: field::optional("config.token", &config.token)?,
        authentication: scheme.map(|scheme| PushAuthentication { scheme, credentials }),
        version: field::read("config.version", &config.version)?,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn request(edit: fn(&mut wire::PushConfig)) -> wire::PutPushConfigRequest {
        let mut config = wire::PushConfig {
            id: "c1".to_owned(),
            url: "https://receiver.example/hook".to_owned(),
            token: "token".to_owned(),
            scheme: "Bearer".to_owned(),
            credentials: "credentials".to_owned(),
            version: "0.3".to_owned(),
        };
        edit(&mut config);
        let (task, owner) = ("task-1".to_owned(), "key:a".to_owned());
        wire::PutPushConfigRequest { task, owner, config: Some(config) }
    }

    #[test]
    fn gateways_alone_say_where_to_push() {
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let proposal = put(&gateway, &request(|_| ())).unwrap();
        let [Command::Fleet(FleetCommand::PutPushConfig(put_config))] = &proposal.commands[..]
        else {
            panic!("{proposal:?}")
        };
        assert_eq!((put_config.owner.as_str(), put_config.config.id.as_str()), ("key:a", "c1"));
        for other in [Principal::Operator, Principal::Node("n1".parse().unwrap())] {
            assert!(put(&other, &request(|_| ())).is_err(), "{other:?}");
            let delete_one = wire::DeletePushConfigRequest {
                task: "task-1".to_owned(),
                owner: "key:a".to_owned(),
                id: "c1".to_owned(),
            };
            assert!(delete(&gateway, &delete_one).is_ok() && delete(&other, &delete_one).is_err());
        }
    }

    #[test]
    fn what_no_configuration_can_say_is_refused() {
        let gateway = Principal::Gateway("g1".parse().unwrap());
        let edits: [fn(&mut wire::PushConfig); 6] = [
            |config| config.id.clear(),
            |config| config.url = "ftp://receiver.example".to_owned(),
            |config| config.token = "a\r\nb".to_owned(),
            |config| config.scheme.clear(),
            |config| config.credentials = "x".repeat(4_097),
            |config| config.version = "2.0".to_owned(),
        ];
        for edit in edits {
            assert!(put(&gateway, &request(edit)).is_err(), "{:?}", request(edit));
        }
        let bare = request(|config| {
            config.scheme.clear();
            config.credentials.clear();
            config.token.clear();
        });
        assert!(put(&gateway, &bare).is_ok());
        assert!(put(&gateway, &wire::PutPushConfigRequest { config: None, ..bare }).is_err());
    }
}
