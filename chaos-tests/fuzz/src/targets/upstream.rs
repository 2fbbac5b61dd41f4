//! What an attached agent answers, in every binding and version. The first three bytes choose the form, the call and the status.
//!
//! What is passed on reads the same at the caller, and no id of the agent is in it.

use gateway_core::Failure;
use gateway_core::form::Answer;
use gateway_core::relay::{
    Answered, Outgoing, UpstreamFault, UpstreamForm, event_sealed_out, sealed_out,
};
use gateway_core::sealed::{SealKey, Sealer};
use gateway_core::upstream::ReplicaTag;
use proto_types::Handle;
use proto_types::a2a::{
    CancelTaskRequest, GetTaskRequest, ListTasksRequest, Message, Part, ProtocolVersion, Role,
    SendMessageRequest, SendMessageResponse, StreamResponse, SubscribeToTaskRequest, Task, v03,
};
use proto_types::upstream::UpstreamBinding;
use serde_json::json;

use crate::fixtures::{FORMS, choice};

const STATUS: [u16; 8] = [200, 201, 400, 401, 404, 429, 500, 503];

const REPLICA: ReplicaTag = ReplicaTag::from_bytes([1, 2, 3, 4]);

pub(crate) fn run(bytes: &[u8]) {
    let (form, bytes) = choice(bytes);
    let (call, bytes) = choice(bytes);
    let (status, body) = choice(bytes);
    let form = form_of(form);
    match form.read_answer(&outgoing(call), STATUS[status % STATUS.len()], body) {
        Ok(answered) => told(&answered),
        Err(fault) => failed(fault),
    }
    match form.read_event(body) {
        Ok(event) => of_stream(&event),
        Err(fault) => failed(fault),
    }
}

fn form_of(at: usize) -> UpstreamForm {
    let binding = [UpstreamBinding::JsonRpc, UpstreamBinding::HttpJson][at % 2];
    let version = [ProtocolVersion::V10, ProtocolVersion::V03][at / 2 % 2];
    UpstreamForm { binding, version }
}

fn outgoing(at: usize) -> Outgoing {
    let id = || "t1".to_owned();
    let message = Message::new("m1", Role::User, vec![Part::text("hi")]);
    let send = SendMessageRequest { tenant: None, message, configuration: None, metadata: None };
    match at % 6 {
        0 => Outgoing::Send(send),
        1 => Outgoing::Stream(send),
        2 => Outgoing::Get(GetTaskRequest { tenant: None, id: id(), history_length: None }),
        3 => Outgoing::Cancel(CancelTaskRequest { tenant: None, id: id(), metadata: None }),
        4 => Outgoing::Subscribe(SubscribeToTaskRequest { tenant: None, id: id() }),
        _ => Outgoing::List(list()),
    }
}

fn list() -> ListTasksRequest {
    ListTasksRequest::from_value(&json!({})).expect("nothing has to be said")
}

fn sealer() -> Sealer {
    let handle = Handle::parse("echo").expect("a handle");
    Sealer::new(&SealKey::new([1; 32]), "https://a.example", &handle)
}

fn told(answered: &Answered) {
    let tasks = tasks_of(answered);
    tasks.iter().for_each(read_again);
    let Ok(sealed) = sealed_out(&sealer(), REPLICA, answered.clone()) else { return };
    for (sealed, task) in tasks_of(&sealed).iter().zip(tasks) {
        assert_eq!(sealer().task_in(&sealed.id), Some((REPLICA, task.id.clone())));
    }
    let answer = Answer::from(sealed);
    FORMS.into_iter().for_each(|form| drop(form.answer(&answer)));
}

fn tasks_of(answered: &Answered) -> &[Task] {
    match answered {
        Answered::Task(task) | Answered::Message(SendMessageResponse::Task(task)) => {
            std::slice::from_ref(task)
        }
        Answered::Tasks(page) => &page.tasks,
        Answered::Message(SendMessageResponse::Message(_)) => &[],
    }
}

fn read_again(task: &Task) {
    let printed = serde_json::to_value(task).expect("a task has string keys only");
    assert_eq!(Task::from_value(&printed).as_ref(), Ok(task));
    let (rpc, rest) = (v03::print_task(task), v03::rest::print_task(task));
    let again = v03::read_task(&rpc).expect("what we print is read");
    assert_eq!(v03::print_task(&again), rpc);
    let again = v03::rest::read_task(&rest).expect("what we print is read");
    assert_eq!(v03::rest::print_task(&again), rest);
}

fn of_stream(event: &StreamResponse) {
    let printed = serde_json::to_value(event).expect("an event has string keys only");
    assert_eq!(StreamResponse::from_value(&printed).as_ref(), Ok(event));
    let again = v03::read_stream_response(&v03::print_stream_response(event));
    assert!(again.is_ok(), "what we print is read");
    let again = v03::rest::read_stream_response(&v03::rest::print_stream_response(event));
    assert!(again.is_ok(), "what we print is read");
    if let Ok(sealed) = event_sealed_out(&sealer(), REPLICA, event.clone()) {
        FORMS.into_iter().for_each(|form| drop(form.event(&sealed)));
        let named = |event: &StreamResponse| match event {
            StreamResponse::StatusUpdate(update) => Some(update.task_id.clone()),
            StreamResponse::ArtifactUpdate(update) => Some(update.task_id.clone()),
            StreamResponse::Task(task) => Some(task.id.clone()),
            StreamResponse::Message(message) => message.task_id.clone(),
        };
        let back = named(&sealed).map(|id| sealer().task_in(&id).map(|(_, id)| id));
        assert_eq!(back, named(event).map(Some), "it is the caller's id now, and opens");
    }
}

/// What a caller is told of a failure is short, and of one line.
fn failed(fault: UpstreamFault) {
    if let UpstreamFault::Refused(_, text) = &fault {
        assert!(
            !text.is_empty() && text.chars().count() <= 512 && !text.contains(char::is_control)
        );
    }
    drop(Failure::from(fault).reply().problem());
}
