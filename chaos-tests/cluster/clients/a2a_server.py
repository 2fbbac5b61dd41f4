"""An agent on loopback, served by the official A2A SDK for Python in each form in which it can be attached.

Usage: a2a_server.py PORT
PORT is 0 for a free one. Prints one line of JSON when it listens: the agents' URLs, by binding and version. Each has a
card that names this one interface; that of 0.3 over JSON-RPC is such as servers had before there was 1.0.

A text is said again, sentence by sentence; `ask` is answered with a question; a part of data may say for how many
hundredths of a second the agent works. A caller's credential must not reach it: such a task fails.
"""

import asyncio
import json
import socket
import sys

import grpc
import uvicorn
from a2a.compat.v0_3.conversions import to_compat_agent_card
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.request_handlers.grpc_handler import GrpcHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentSkill,
    Part,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.types.a2a_pb2_grpc import add_A2AServiceServicer_to_server
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

CARD = "/.well-known/agent-card.json"
FORMS = [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3"), ("HTTP+JSON", "0.3")]


def headers_of(call):
    """Those of a request over HTTP, or the metadata of one over gRPC."""
    if "grpc_context" in call.state:
        return dict(call.state["grpc_context"].invocation_metadata())
    return call.state["headers"]


class Echo(AgentExecutor):
    async def execute(self, context, event_queue):
        task = TaskUpdater(event_queue, context.task_id, context.context_id)
        if context.current_task is None:
            status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED)
            begun = Task(id=context.task_id, context_id=context.context_id, status=status)
            begun.history.append(context.message)
            await event_queue.enqueue_event(begun)
        assert "authorization" not in headers_of(context.call_context), "whose credential is this?"
        await task.start_work()
        text = context.get_user_input()
        if text == "ask":
            await task.requires_input(task.new_agent_message([Part(text="What shall I say?")]))
            return
        for part in context.message.parts:
            if part.HasField("data"):
                await asyncio.sleep(MessageToDict(part.data)["repeat"] / 100)
        sentences = text.split(". ")
        for at, sentence in enumerate(sentences):
            last = at + 1 == len(sentences)
            await task.add_artifact([Part(text=sentence)], "echo", "echo", append=at > 0, last_chunk=last)
        await task.add_artifact([Part(text=" ".join(sorted(set(text.split()))))], "keywords", "keywords")
        await task.complete()

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(url, binding, version):
    echo = AgentSkill(id="echo", name="Echo", description="Says it again.", tags=["text"])
    ask = AgentSkill(id="ask", name="Ask", description="Asks what to say.", tags=["text"])
    return AgentCard(
        name="Echo",
        description="Says a text again, sentence by sentence.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version=version)],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain", "application/json"],
        default_output_modes=["text/plain"],
        skills=[echo, ask],
    )


def older_card(its_card):
    card = to_compat_agent_card(its_card).model_dump(mode="json", by_alias=True, exclude_none=True)

    async def answer(_request):
        return JSONResponse({**card, "protocolVersion": "0.3.0"})

    return answer


def agent(base, binding, version):
    """Its URL and its routes."""
    path = f"/{version}/{binding.lower().replace('+', '-')}"
    its_card = card(base + path, binding, version)
    handler = DefaultRequestHandler(Echo(), InMemoryTaskStore(), its_card)
    older = version == "0.3"
    if (binding, version) == ("JSONRPC", "0.3"):
        routes = [Route(path + CARD, older_card(its_card))]
    else:
        routes = create_agent_card_routes(its_card, card_url=path + CARD)
    if binding == "JSONRPC":
        routes += create_jsonrpc_routes(handler, path, enable_v0_3_compat=older)
    else:
        rest = create_rest_routes(handler, enable_v0_3_compat=older, path_prefix=path)
        # Those of tenants would take the other agents' paths.
        routes += [route for route in rest if isinstance(route, Route)]
    return base + path, routes


def grpc_agent(base, server):
    """The same of one that a server of gRPC has, at a port of its own that its card names."""
    path = "/1.0/grpc"
    its_card = card(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", "GRPC", "1.0")
    handler = DefaultRequestHandler(Echo(), InMemoryTaskStore(), its_card)
    add_A2AServiceServicer_to_server(GrpcHandler(handler), server)
    return base + path, create_agent_card_routes(its_card, card_url=path + CARD)


async def main(port):
    listener = socket.create_server(("127.0.0.1", int(port)))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    over_grpc = grpc.aio.server()
    agents = [(form, agent(base, *form)) for form in FORMS]
    agents.append((("GRPC", "1.0"), grpc_agent(base, over_grpc)))
    await over_grpc.start()
    app = Starlette(routes=[route for _, (_, routes) in agents for route in routes])
    print(json.dumps({" ".join(form): url for form, (url, _) in agents}), flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    await server.serve(sockets=[listener])
    await over_grpc.stop(None)


asyncio.run(main(*sys.argv[1:]))
