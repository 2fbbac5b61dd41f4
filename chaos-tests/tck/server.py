"""The agent under test as a server of the official A2A SDK for Python, to be attached behind a gateway.

Usage: server.py PORT

It does by the start of a message's id what `node/conformance` does, which is what the conformance kit asks for. PORT is 0
for a free one. Prints its URL when it listens; its card is where A2A has it.
"""

import asyncio
import json
import socket
import sys

import uvicorn
from a2a.helpers.proto_helpers import new_task_from_user_message
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types.a2a_pb2 import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Value
from starlette.applications import Starlette

PATH = "/a2a"
# Twice the kit's streaming timeout, and something for a slow machine.
LONG_S = 5

FILE = Part(raw=b"tck", media_type="text/plain", filename="output.txt")
URL = Part(url="https://example.com/output.txt", media_type="text/plain", filename="output.txt")
DATA = Part(data=ParseDict({"key": "value", "count": 42}, Value()))
# Where one beginning is that of another too, the longer one comes first.
ARTIFACTS = {
    "tck-artifact-text": Part(text="Generated text content"),
    "tck-artifact-file-url": URL,
    "tck-artifact-file": FILE,
    "tck-artifact-data": DATA,
    "tck-stream-001": Part(text="Stream hello from TCK"),
    "tck-stream-003": Part(text="Stream task lifecycle"),
    "tck-stream-ordering-001": Part(text="Ordered output"),
    "tck-stream-artifact-text": Part(text="Streamed text content"),
    "tck-stream-artifact-file": FILE,
}


class Conformance(AgentExecutor):
    async def execute(self, context, event_queue):
        task = TaskUpdater(event_queue, context.task_id, context.context_id)
        begins = context.message.message_id.startswith
        if begins("tck-message-response"):
            await event_queue.enqueue_event(task.new_agent_message([Part(text="Direct message response")]))
            return
        if context.current_task is None:
            await event_queue.enqueue_event(new_task_from_user_message(context.message))
        if begins("tck-complete-task"):
            await task.complete(task.new_agent_message([Part(text="Hello from TCK")]))
        elif begins("tck-stream-002"):
            await task.complete()
        elif begins("tck-reject-task"):
            await task.reject(task.new_agent_message([Part(text="rejected")]))
        elif begins("tck-stream-artifact-chunked"):
            await task.start_work()
            await task.add_artifact([Part(text="chunk-1 ")], "output", append=False, last_chunk=False)
            await task.add_artifact([Part(text="chunk-2")], "output", append=True, last_chunk=True)
            await task.complete()
        elif begins("test-resubscribe-message-id"):
            await task.start_work()
            await asyncio.sleep(LONG_S)
            await task.complete()
        elif part := next((part for start, part in ARTIFACTS.items() if begins(start)), None):
            await task.start_work()
            await task.add_artifact([part], "output", last_chunk=True)
            await task.complete()
        else:
            # Also where the kit gives the id no meaning: its tests of 0.3 go on with such a task, or cancel it.
            await task.start_work()
            await task.requires_input(task.new_agent_message([Part(text="What else?")]))

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def card(url):
    skill = AgentSkill(id="conformance", name="Conformance", description="Plays what is asked.", tags=["conformance"])
    return AgentCard(
        name="Conformance",
        description="Does what the conformance kit of A2A asks for.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding="JSONRPC", protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[skill],
    )


def main(port):
    listener = socket.create_server(("127.0.0.1", int(port)))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    its_card = card(base + PATH)
    handler = DefaultRequestHandler(Conformance(), InMemoryTaskStore(), its_card)
    app = Starlette(routes=create_agent_card_routes(its_card) + create_jsonrpc_routes(handler, PATH))
    print(json.dumps({"url": base}), flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    asyncio.run(server.serve(sockets=[listener]))


main(*sys.argv[1:])
