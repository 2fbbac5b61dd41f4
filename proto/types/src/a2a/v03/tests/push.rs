//! The four methods about push configurations, in both forms.

use serde_json::json;

use crate::a2a::v03::{
    print_push_config, print_push_configs, read_list_push_configs, read_named_push_config,
    read_set_push_config, rest,
};

#[test]
fn a_configuration_is_set_for_a_task_and_printed_as_it_was_set() {
    let set = json!({"taskId": "t1", "pushNotificationConfig": {
        "id": "c1", "url": "https://a.example/hook", "token": "t",
        "authentication": {"schemes": ["Bearer"], "credentials": "x"},
    }});
    let config = read_set_push_config(&set).unwrap();
    assert_eq!((config.task_id.as_deref(), config.id.as_deref()), (Some("t1"), Some("c1")));
    assert_eq!(print_push_config(&config), set);
    assert_eq!(print_push_configs(std::slice::from_ref(&config)), json!([set]));
    let named = rest::print_push_config(&config);
    assert_eq!(named["name"], "tasks/t1/pushNotificationConfigs/c1");
    assert_eq!(named["pushNotificationConfig"], set["pushNotificationConfig"]);
    assert_eq!(rest::print_push_configs(&[config]), json!({"configs": [named]}));
    for bad in [
        json!({"pushNotificationConfig": {"url": "https://a.example"}}),
        json!({"taskId": "t1"}),
        json!({"taskId": "t1", "url": "https://a.example"}),
        json!({"taskId": "t1", "pushNotificationConfig": {"id": "c1"}}),
    ] {
        assert!(read_set_push_config(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_body_holds_a_configuration_in_each_way_that_clients_write_one() {
    let inner = json!({"url": "https://a.example/hook"});
    for (body, id) in [
        (json!({"pushNotificationConfig": inner}), None),
        (
            json!({"push_notification_config": {"id": "c1", "url": "https://a.example/hook"}}),
            Some("c1"),
        ),
        (
            json!({"parent": "tasks/t1", "configId": "c1", "config": {"pushNotificationConfig": inner}}),
            Some("c1"),
        ),
        (inner.clone(), None),
    ] {
        let mut with_task = body.clone();
        with_task["taskId"] = json!("t1");
        let config = rest::read_set_push_config(&with_task).unwrap();
        assert_eq!(
            (config.url.as_str(), config.id.as_deref()),
            ("https://a.example/hook", id),
            "{body}"
        );
        assert_eq!(config.task_id.as_deref(), Some("t1"));
    }
}

#[test]
fn one_is_named_by_its_id_and_the_only_one_by_its_task_alone() {
    let named = read_named_push_config(&json!({"id": "t1", "pushNotificationConfigId": "c1"}));
    let named = named.unwrap();
    assert_eq!((named.task_id.as_str(), named.id.as_deref()), ("t1", Some("c1")));
    assert_eq!(read_named_push_config(&json!({"id": "t1"})).unwrap().id, None);
    assert!(read_named_push_config(&json!({"pushNotificationConfigId": "c1"})).is_err());
    assert_eq!(read_list_push_configs(&json!({"id": "t1"})).unwrap().task_id, "t1");
}
