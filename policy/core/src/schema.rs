//! What policies may speak of: the schema, and Cedar's names for it, made once.
//!
//! Decides which operations there are. Must never be changed so that a policy which is stored does not fit any more: names are
//! only added.

use std::sync::LazyLock;

use cedar_policy::{Entities, EntityId, EntityTypeName, EntityUid, Schema, Validator};

/// The schema, as Cedar writes it.
pub const SCHEMA: &str = include_str!("calls.cedarschema");

/// Every operation that a call may ask for, by its name in A2A 1.0.
pub const OPERATIONS: [&str; 11] = [
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "GetExtendedAgentCard",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
];

/// The schema as Cedar has it.
pub(crate) struct Vocabulary {
    pub(crate) validator: Validator,
    /// The actions with the groups that they are in.
    pub(crate) actions: Entities,
    action: EntityTypeName,
}

pub(crate) static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let schema: Schema = SCHEMA.parse().expect("the schema is a constant, and a test reads it");
    let actions = schema.action_entities().expect("the schema's actions are in no circle");
    Vocabulary { validator: Validator::new(schema), actions, action: type_name("Action") }
});

impl Vocabulary {
    /// The action of an operation, if there is such an operation.
    pub(crate) fn action(&self, operation: &str) -> Option<EntityUid> {
        OPERATIONS.contains(&operation).then(|| uid(&self.action, operation))
    }
}

/// The name of a type of the schema.
pub(crate) fn type_name(name: &'static str) -> EntityTypeName {
    name.parse().expect("names of types are constants of ours, and are identifiers")
}

/// Any text may be the id of an entity.
pub(crate) fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_operations_are_the_actions_of_the_schema_but_for_the_group() {
        let schema = VOCABULARY.validator.schema();
        let actions: BTreeSet<String> =
            schema.actions().map(|action| action.id().unescaped().to_owned()).collect();
        let mut known: BTreeSet<String> = OPERATIONS.map(str::to_owned).into();
        known.insert("PushNotificationConfigs".to_owned());
        assert_eq!(actions, known);
    }
}
