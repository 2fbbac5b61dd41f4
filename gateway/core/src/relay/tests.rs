//! What is said to an upstream, what its answers mean, and that no id passes as it is.
#![expect(clippy::unwrap_used, reason = "tests")]

use proto_types::Handle;
use proto_types::a2a::{A2aError, Message, Part, Role, StreamResponse};
use serde_json::{Value, json};

use super::*;
use crate::errors::{CallError, Failure};
use crate::sealed::{SealKey, Sealer, TooLong};
use crate::upstream::ReplicaTag;

const MADE_BY: ReplicaTag = ReplicaTag::from_bytes([1, 2, 3, 4]);

const V10: ProtocolVersion = ProtocolVersion::V10;
const V03: ProtocolVersion = ProtocolVersion::V03;
const RPC: UpstreamBinding = UpstreamBinding::JsonRpc;
const HTTP: UpstreamBinding = UpstreamBinding::HttpJson;
const GRPC: UpstreamBinding = UpstreamBinding::Grpc;

fn form(binding: UpstreamBinding, version: ProtocolVersion) -> UpstreamForm {
    UpstreamForm { binding, version }
}

fn sealer() -> Sealer {
    let handle = Handle::parse("echo").unwrap();
    Sealer::new(&SealKey::new([1; 32]), "https://a.example", &handle)
}

fn said() -> SendMessageRequest {
    let message = Message {
        context_id: Some("c1".to_owned()),
        task_id: Some("t1".to_owned()),
        ..Message::new("m1", Role::User, vec![Part::text("hi")])
    };
    SendMessageRequest {
        tenant: Some("echo".to_owned()),
        message,
        configuration: None,
        metadata: None,
    }
}

fn get(id: &str) -> Outgoing {
    let (tenant, history_length) = (Some("echo".to_owned()), Some(0));
    Outgoing::Get(GetTaskRequest { tenant, id: id.to_owned(), history_length })
}

fn cancel(id: &str) -> Outgoing {
    let metadata = json!({"why": "late"}).as_object().cloned();
    Outgoing::Cancel(CancelTaskRequest { tenant: None, id: id.to_owned(), metadata })
}

fn subscribe(id: &str) -> Outgoing {
    Outgoing::Subscribe(SubscribeToTaskRequest { tenant: None, id: id.to_owned() })
}

fn list(context: &str) -> ListTasksRequest {
    let request = json!({
        "tenant": "echo", "contextId": context, "status": "TASK_STATE_WORKING", "pageSize": 2,
        "statusTimestampAfter": "1970-01-01T00:00:07Z",
    });
    ListTasksRequest::from_value(&request).unwrap()
}

fn body(http: &OutgoingHttp) -> Value {
    serde_json::from_slice(http.body.as_deref().unwrap()).unwrap()
}

#[test]
fn over_json_rpc_a_call_has_its_name_and_the_tenant_of_the_upstream() {
    for (outgoing, version, method, tenant) in [
        (Outgoing::Send(said()), V10, "SendMessage", json!("far")),
        (Outgoing::Stream(said()), V10, "SendStreamingMessage", json!("far")),
        (get("t"), V10, "GetTask", json!("far")),
        (cancel("t"), V10, "CancelTask", json!("far")),
        (subscribe("t"), V10, "SubscribeToTask", json!("far")),
        (Outgoing::List(list("c")), V10, "ListTasks", json!("far")),
        (Outgoing::Send(said()), V03, "message/send", json!(null)),
        (Outgoing::Stream(said()), V03, "message/stream", json!(null)),
        (get("t"), V03, "tasks/get", json!(null)),
        (cancel("t"), V03, "tasks/cancel", json!(null)),
        (subscribe("t"), V03, "tasks/resubscribe", json!(null)),
    ] {
        let http = form(RPC, version).request(&outgoing, Some("far"));
        assert_eq!((http.method, &*http.path), (HttpMethod::Post, ""));
        assert_eq!(http.is_stream, outgoing.is_stream());
        let request = body(&http);
        assert_eq!((&request["jsonrpc"], &request["id"]), (&json!("2.0"), &json!(1)));
        assert_eq!((&request["method"], &request["params"]["tenant"]), (&json!(method), &tenant));
        let without = body(&form(RPC, version).request(&outgoing, None));
        assert_eq!(without["params"].get("tenant"), None, "{method}: the caller's");
    }
    let older = body(&form(RPC, V03).request(&Outgoing::Send(said()), None));
    assert_eq!(older["params"]["message"]["role"], "user");
    assert_eq!(older["params"]["configuration"]["blocking"], true);
}

#[test]
fn over_http_json_a_call_has_its_path() {
    for (outgoing, version, method, path) in [
        (Outgoing::Send(said()), V10, HttpMethod::Post, "/far/message:send"),
        (Outgoing::Stream(said()), V10, HttpMethod::Post, "/far/message:stream"),
        (get("a/b:c"), V10, HttpMethod::Get, "/far/tasks/a%2Fb%3Ac?historyLength=0"),
        (cancel("t"), V10, HttpMethod::Post, "/far/tasks/t:cancel"),
        (subscribe("t"), V10, HttpMethod::Get, "/far/tasks/t:subscribe"),
        (Outgoing::Send(said()), V03, HttpMethod::Post, "/v1/message:send"),
        (Outgoing::Stream(said()), V03, HttpMethod::Post, "/v1/message:stream"),
        (get("t"), V03, HttpMethod::Get, "/v1/tasks/t?historyLength=1"),
        (cancel("t"), V03, HttpMethod::Post, "/v1/tasks/t:cancel"),
        (subscribe("t"), V03, HttpMethod::Get, "/v1/tasks/t:subscribe"),
    ] {
        let http = form(HTTP, version).request(&outgoing, Some("far"));
        assert_eq!((http.method, &*http.path), (method, path));
        assert_eq!(http.body.is_some(), method == HttpMethod::Post);
    }
    let newer = form(HTTP, V10).request(&Outgoing::Send(said()), None);
    assert_eq!(newer.path, "/message:send");
    assert_eq!(
        (body(&newer)["message"]["role"].clone(), body(&newer).get("tenant")),
        (json!("ROLE_USER"), None)
    );
    let older = body(&form(HTTP, V03).request(&Outgoing::Send(said()), None));
    assert_eq!(older["message"]["content"][0]["text"], "hi");
    let canceled = form(HTTP, V10).request(&cancel("t"), None);
    assert_eq!(body(&canceled), json!({"metadata": {"why": "late"}}));
}

#[test]
fn over_grpc_a_call_is_a_method_and_its_message() {
    for (outgoing, method) in [
        (Outgoing::Send(said()), "SendMessage"),
        (Outgoing::Stream(said()), "SendStreamingMessage"),
        (get("a/b:c"), "GetTask"),
        (cancel("t"), "CancelTask"),
        (subscribe("t"), "SubscribeToTask"),
        (Outgoing::List(list("c")), "ListTasks"),
    ] {
        let http = form(GRPC, V10).request(&outgoing, Some("far"));
        assert_eq!(http.path, format!("/lf.a2a.v1.A2AService/{method}"));
        assert_eq!((http.method, http.is_stream), (HttpMethod::Post, outgoing.is_stream()));
        let rpc = body(&form(RPC, V10).request(&outgoing, Some("far")));
        assert_eq!(body(&http), rpc["params"], "{method}: the message is that of JSON-RPC");
        assert_eq!(body(&http)["tenant"], "far");
    }
}

#[test]
fn a_list_is_asked_for_of_one_conversation_at_one_server_of_1_0() {
    let upstream = |urls: &[&str], version| Upstream::parse(urls, "JSONRPC", version, "").unwrap();
    let (one, other) = ("http://a.example/rpc", "http://b.example/rpc");
    let can = |request, upstream: Upstream| Outgoing::list(request, &upstream).is_some();
    assert!(can(list("c"), upstream(&[one], "1.0")));
    assert!(!can(list("c"), upstream(&[one, other], "1.0")), "each has tasks of its own");
    assert!(!can(list("c"), upstream(&[one], "0.3")));
    let everybodys = ListTasksRequest { context_id: None, ..list("c") };
    assert!(!can(everybodys, upstream(&[one], "1.0")));
}

#[test]
fn over_http_json_a_list_is_a_query() {
    let http = form(HTTP, V10).request(&Outgoing::List(list("a&b")), Some("far"));
    let (path, query) = http.path.split_once('?').unwrap();
    assert_eq!((http.method, path, http.body.is_none()), (HttpMethod::Get, "/far/tasks", true));
    let mut said: Vec<_> = query.split('&').collect();
    said.sort_unstable();
    assert_eq!(said[..3], ["contextId=a%26b", "pageSize=2", "status=TASK_STATE_WORKING"]);
    assert!(said[3].starts_with("statusTimestampAfter=1970-01-01T00%3A00%3A07"), "{query}");
    assert_eq!(said.len(), 4, "the path has the tenant: {query}");
}

#[test]
fn a_page_holds_the_conversation_that_was_asked_for_and_nothing_else() {
    let (asked, made_by) = sealed_in(&sealer(), Outgoing::List(list("mine"))).unwrap();
    let own = sealer().context_in("mine");
    let task = |id: &str, context: &str| {
        let mut task = told();
        task["id"] = json!(id);
        task["contextId"] = json!(context);
        task
    };
    let page = json!({
        "tasks": [task("t1", &own), task("t2", "mine")], "nextPageToken": "n", "pageSize": 2,
        "totalSize": 2,
    });
    let form = form(RPC, V10);
    let read = form.read_answer(&asked, 200, &carried(form, &page)).unwrap();
    let Ok(Answered::Tasks(page)) = sealed_out(&sealer(), MADE_BY, read) else {
        panic!("another answer")
    };
    let [task] = &page.tasks[..] else { panic!("{page:?}") };
    assert_eq!((made_by, &task.id), (None, &sealer().task_out(MADE_BY, "t1").unwrap()));
    assert_eq!((task.context_id.as_deref(), task.artifacts.len()), (Some("mine"), 0));
    assert_eq!((page.next_page_token.as_str(), page.total_size), ("n", 1));
}

/// A task in the words of each form.
fn task(form: UpstreamForm) -> Value {
    match (form.binding, form.version) {
        (UpstreamBinding::JsonRpc, ProtocolVersion::V03) => json!({
            "kind": "task", "id": "t1", "contextId": "c1", "status": {"state": "canceled"},
        }),
        (_, ProtocolVersion::V03) => json!({
            "id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_CANCELLED"},
        }),
        (_, ProtocolVersion::V10) => json!({
            "id": "t1", "contextId": "c1", "status": {"state": "TASK_STATE_CANCELED"},
        }),
    }
}

/// As the binding carries it.
fn carried(form: UpstreamForm, result: &Value) -> Vec<u8> {
    let carried = match form.binding {
        UpstreamBinding::JsonRpc => json!({"jsonrpc": "2.0", "id": 1, "result": result}),
        UpstreamBinding::HttpJson | UpstreamBinding::Grpc => result.clone(),
    };
    carried.to_string().into_bytes()
}

#[test]
fn an_answer_is_the_same_in_every_form() {
    let rest = [form(HTTP, V10), form(HTTP, V03), form(GRPC, V10)];
    for form in [form(RPC, V10), form(RPC, V03)].into_iter().chain(rest) {
        let bare = task(form);
        // Only the JSON-RPC form of 0.3 does not wrap what is one of several things.
        let wrapped =
            if form == self::form(RPC, V03) { bare.clone() } else { json!({"task": bare}) };
        let read = form.read_answer(&get("t"), 200, &carried(form, &bare)).unwrap();
        let Answered::Task(task) = read else { panic!("{form:?}: no task") };
        assert_eq!(task.status.state, proto_types::a2a::TaskState::Canceled, "{form:?}");
        let send = Outgoing::Send(said());
        let read = form.read_answer(&send, 200, &carried(form, &wrapped)).unwrap();
        assert_eq!(read, Answered::Message(SendMessageResponse::Task(task.clone())), "{form:?}");
        let event = form.read_event(&carried(form, &wrapped)).unwrap();
        assert_eq!(event, StreamResponse::Task(task), "{form:?}");
        let whole = form.read_answer(&subscribe("t"), 200, &carried(form, &wrapped));
        assert!(matches!(whole, Err(UpstreamFault::NotA2a(_))), "{form:?}: no stream");
    }
}

fn failed(fault: UpstreamFault) -> Failure {
    fault.into()
}

fn refused(error: A2aError, text: &str) -> UpstreamFault {
    UpstreamFault::Refused(error, text.to_owned())
}

#[test]
fn an_error_of_the_agent_is_told_as_it_is() {
    let rpc = |code: i32, message: &str| {
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}).to_string()
    };
    let newer = json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "gone", "details": [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TASK_NOT_FOUND",
            "domain": "a2a-protocol.org"}]}});
    let not_found = refused(A2aError::TaskNotFound, "gone");
    for (binding, status, body, expected) in [
        (RPC, 200, rpc(-32001, "gone"), not_found.clone()),
        (RPC, 404, rpc(-32001, "gone"), not_found.clone()),
        (
            RPC,
            200,
            rpc(-32005, "no\u{7}\nimages"),
            refused(A2aError::ContentTypeNotSupported, "noimages"),
        ),
        (
            RPC,
            200,
            rpc(-32004, ""),
            refused(A2aError::UnsupportedOperation, "operation not supported"),
        ),
        (RPC, 200, rpc(-32601, "no stream"), refused(A2aError::UnsupportedOperation, "no stream")),
        (RPC, 400, rpc(-32602, "no skill"), refused(A2aError::InvalidParams, "no skill")),
        (HTTP, 404, newer.to_string(), not_found.clone()),
        (HTTP, 404, json!({"code": -32001, "message": "gone"}).to_string(), not_found.clone()),
        (
            HTTP,
            404,
            json!({"type": "TaskNotFoundError", "message": "gone"}).to_string(),
            not_found.clone(),
        ),
        (
            HTTP,
            404,
            json!({"type": "https://a2a-protocol.org/errors/task-not-found", "detail": "gone"})
                .to_string(),
            not_found.clone(),
        ),
    ] {
        let read = form(binding, V10).read_answer(&get("t"), status, body.as_bytes());
        assert_eq!(read, Err(expected), "{body}");
    }
    let read =
        form(RPC, V10).read_answer(&get("t"), 200, rpc(-32001, &"é".repeat(9_999)).as_bytes());
    assert_eq!(read, Err(refused(A2aError::TaskNotFound, &"é".repeat(512))));
    assert_eq!(form(RPC, V10).read_event(rpc(-32001, "gone").as_bytes()), Err(not_found.clone()));
    assert_eq!(form(HTTP, V03).read_event(newer.to_string().as_bytes()), Err(not_found.clone()));
    let told = Failure::Call(CallError::Upstream(A2aError::TaskNotFound, "gone".to_owned()));
    assert_eq!(failed(not_found), told);
}

#[test]
fn an_answer_to_another_request_is_none_but_an_error_may_be_without_an_id() {
    let form = form(RPC, V10);
    let rpc = |id: &Value, member: &str, said: &Value| {
        json!({"jsonrpc": "2.0", "id": id, member: said}).to_string().into_bytes()
    };
    let (bare, gone) = (task(form), json!({"code": -32001, "message": "gone"}));
    let event = json!({"task": bare});
    let other = UpstreamFault::NotA2a("the id is not that of the request".to_owned());
    for id in [json!(2), json!("1"), json!(null)] {
        let read = form.read_answer(&get("t"), 200, &rpc(&id, "result", &bare));
        assert_eq!(read, Err(other.clone()), "{id}");
        let read = form.read_event(&rpc(&id, "result", &event));
        assert_eq!(read, Err(other.clone()), "{id}");
    }
    assert_eq!(form.read_event(&rpc(&json!(2), "error", &gone)), Err(other));
    let not_found = refused(A2aError::TaskNotFound, "gone");
    for status in [200, 404] {
        let failed = |id: Value| form.read_answer(&get("t"), status, &rpc(&id, "error", &gone));
        assert_eq!(failed(json!(null)), Err(not_found.clone()));
        assert!(matches!(failed(json!(2)), Err(UpstreamFault::NotA2a(_))), "{status}");
    }
}

#[test]
fn what_is_no_answer_is_told_as_that_and_no_more() {
    let internal =
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "secret"}});
    let version =
        json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32009, "message": "0.3 only"}});
    let unfit = Failure::Call(CallError::AgentResponse);
    for (binding, status, body, expected) in [
        (RPC, 200, String::new(), unfit.clone()),
        (RPC, 200, "<html>".to_owned(), unfit.clone()),
        (RPC, 200, "[".repeat(100_000), unfit.clone()),
        (
            RPC,
            200,
            json!({"jsonrpc": "2.0", "id": 1, "result": {"id": 7}}).to_string(),
            unfit.clone(),
        ),
        (RPC, 200, internal.to_string(), unfit.clone()),
        (RPC, 500, internal.to_string(), unfit.clone()),
        (RPC, 200, version.to_string(), unfit.clone()),
        (RPC, 302, String::new(), unfit.clone()),
        (HTTP, 200, json!([]).to_string(), unfit.clone()),
        (HTTP, 404, json!({"detail": "Not Found"}).to_string(), unfit.clone()),
        (
            HTTP,
            401,
            json!({"error": {"code": 401, "message": "whose key?"}}).to_string(),
            unfit.clone(),
        ),
        (RPC, 403, internal.to_string(), unfit),
        (RPC, 503, String::new(), Failure::UpstreamOverloaded),
        (HTTP, 429, String::new(), Failure::UpstreamOverloaded),
        (HTTP, 502, internal.to_string(), Failure::UpstreamUnreachable),
        (RPC, 504, String::new(), Failure::UpstreamTimeout),
    ] {
        let read = form(binding, V10).read_answer(&get("t"), status, body.as_bytes());
        assert_eq!(failed(read.unwrap_err()), expected, "{status} {}", body.len());
    }
    for event in ["", "null", "{}", "{\"error\":{}}", "{\"task\":{},\"message\":{}}"] {
        for form in [form(RPC, V10), form(RPC, V03), form(HTTP, V10), form(HTTP, V03)] {
            let read = form.read_event(event.as_bytes());
            assert!(matches!(read, Err(UpstreamFault::NotA2a(_))), "{form:?} {event}");
        }
    }
}

#[test]
fn the_ids_of_a_call_are_those_of_the_upstream_or_the_task_is_unknown() {
    let id = sealer().task_out(MADE_BY, "t1").unwrap();
    for call in [get, cancel, subscribe] {
        assert_eq!(sealed_in(&sealer(), call(&id)), Ok((call("t1"), Some(MADE_BY))));
        assert_eq!(sealed_in(&sealer(), call("t1")), Err(UnknownTask));
    }
    let mut request = said();
    request.message.task_id = Some(id.clone());
    request.message.context_id = sealer().context_out("c1").ok();
    request.message.reference_task_ids = vec![id.clone()];
    let mut expected = said();
    expected.message.reference_task_ids = vec!["t1".to_owned()];
    let expected = Ok((Outgoing::Stream(expected), Some(MADE_BY)));
    assert_eq!(sealed_in(&sealer(), Outgoing::Stream(request.clone())), expected);
    request.message.reference_task_ids.push("t2".to_owned());
    assert_eq!(sealed_in(&sealer(), Outgoing::Send(request)), Err(UnknownTask));
    let mut fresh = said();
    fresh.message.task_id = None;
    let (fresh, made_by) = sealed_in(&sealer(), Outgoing::Send(fresh)).unwrap();
    let Outgoing::Send(fresh) = fresh else { panic!("another call") };
    assert_eq!((fresh.message.context_id, made_by), (Some(sealer().context_in("c1")), None));
    assert_eq!(Failure::from(UnknownTask), Failure::Call(CallError::TaskNotFound));
}

/// Every place of an answer that holds an id, each with one of the upstream.
fn told() -> Value {
    json!({
        "id": "t1", "contextId": "c1",
        "status": {"state": "TASK_STATE_WORKING", "message": message()},
        "history": [message()],
        "artifacts": [{"artifactId": "a1", "parts": [{"text": "x"}]}],
    })
}

fn message() -> Value {
    json!({
        "messageId": "m1", "role": "ROLE_AGENT", "contextId": "c1", "taskId": "t1",
        "referenceTaskIds": ["t1"], "parts": [{"text": "x"}],
    })
}

/// The same for the caller.
fn as_told(value: &Value) -> Value {
    let text = value.to_string();
    let task = sealer().task_out(MADE_BY, "t1").unwrap();
    let context = sealer().context_out("c1").unwrap();
    let text =
        text.replace("\"t1\"", &format!("\"{task}\"")).replace("\"c1\"", &format!("\"{context}\""));
    serde_json::from_str(&text).unwrap()
}

#[test]
fn no_id_of_the_upstream_is_told() {
    for answer in [json!({"task": told()}), json!({"message": message()})] {
        let read = SendMessageResponse::from_value(&answer).unwrap();
        let sealed = sealed_out(&sealer(), MADE_BY, Answered::Message(read)).unwrap();
        let Answered::Message(sealed) = sealed else { panic!("another answer") };
        assert_eq!(serde_json::to_value(&sealed).unwrap(), as_told(&answer));
    }
    let task = Answered::Task(Task::from_value(&told()).unwrap());
    let sealed = Answered::Task(Task::from_value(&as_told(&told())).unwrap());
    assert_eq!(sealed_out(&sealer(), MADE_BY, task), Ok(sealed));
    let status = json!({"taskId": "t1", "contextId": "c1",
        "status": {"state": "TASK_STATE_WORKING", "message": message()}});
    let artifact = json!({"taskId": "t1", "contextId": "c1",
        "artifact": {"artifactId": "a1", "parts": [{"text": "x"}]}});
    for event in [
        json!({"task": told()}),
        json!({"message": message()}),
        json!({"statusUpdate": status}),
        json!({"artifactUpdate": artifact}),
    ] {
        let read = StreamResponse::from_value(&event).unwrap();
        let sealed = event_sealed_out(&sealer(), MADE_BY, read).unwrap();
        assert_eq!(serde_json::to_value(&sealed).unwrap(), as_told(&event));
    }
}

#[test]
fn an_id_that_is_too_long_to_be_sealed_is_no_answer() {
    let mut long = told();
    long["id"] = json!("t".repeat(81));
    let task = Answered::Task(Task::from_value(&long).unwrap());
    assert_eq!(sealed_out(&sealer(), MADE_BY, task), Err(TooLong));
    assert_eq!(Failure::from(TooLong), Failure::Call(CallError::AgentResponse));
}
