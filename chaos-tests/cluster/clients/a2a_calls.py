"""The official A2A SDK against an agent behind a gateway, over one binding in one version, where and as which tenant its card says.

Usage: a2a_calls.py AGENT_URL KEY_FILE ISSUER BINDING VERSION
BINDING and VERSION are those of an interface in the card. Prints one line of JSON a step; any failure ends it.
"""

import asyncio
import base64
import json
import sys
import time
import uuid
from urllib.parse import urlsplit

import grpc
import httpx
from a2a.client import A2ACardResolver, ClientConfig, create_client
from a2a.client.client import ClientCallContext
from a2a.client.interceptors import ClientCallInterceptor
from a2a.types.a2a_pb2 import (
    CancelTaskRequest,
    GetExtendedAgentCardRequest,
    GetTaskRequest,
    ListTasksRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils.errors import TaskNotCancelableError, TaskNotFoundError, UnsupportedOperationError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToDict, ParseDict

TEXT = "One sentence. And two."
# It would take minutes.
LONG = {"data": {"repeat": 200000}}


def say(step, **found):
    print(json.dumps({"step": step, **found}), flush=True)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Token(ClientCallInterceptor):
    """An Ed25519 JWT in the headers or the metadata of each call, for that call alone."""

    def __init__(self, agent, key_file, issuer):
        with open(key_file, encoding="utf-8") as file:
            self.jwk = json.load(file)
        self.key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(self.jwk["d"] + "="))
        url = urlsplit(agent)
        self.claims = {"iss": issuer, "sub": "federation-peer", "aud": f"{url.scheme}://{url.netloc}"}

    async def before(self, args):
        now = int(time.time())
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self.jwk["kid"]}
        claims = {**self.claims, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        token = f"{signed}.{base64url(self.key.sign(signed.encode()))}"
        args.context = ClientCallContext(
            timeout=60, service_parameters={"authorization": f"Bearer {token}"}
        )

    async def after(self, args):
        pass


def message(*more, text=TEXT, of=None, at_once=False):
    parts = [ParseDict(part, Part()) for part in ({"text": text}, *more)]
    request = SendMessageRequest(
        message=Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=parts)
    )
    if of is not None:
        request.message.task_id, request.message.context_id = of.id, of.context_id
    request.configuration.return_immediately = at_once
    return request


async def states(stream):
    """The states that a stream tells, in order, and all of it."""
    events = [event async for event in stream]
    told = [event.task.status if event.HasField("task") else event.status_update.status for event in events]
    return [TaskState.Name(status.state) for status in told if status.state], events


async def fails(expected, awaited):
    try:
        await awaited
    except expected as error:
        return type(error).__name__
    raise AssertionError(f"no {expected.__name__}")


async def main(agent, key_file, issuer, binding, version):
    async with httpx.AsyncClient(timeout=60) as http:
        card = await A2ACardResolver(http, agent).get_agent_card()
        called = [
            interface
            for interface in card.supported_interfaces
            if (interface.protocol_binding, interface.protocol_version) == (binding, version)
        ]
        # The SDK takes 1.0 wherever there is a choice.
        del card.supported_interfaces[:]
        card.supported_interfaces.extend(called)

        async def client(streaming):
            config = ClientConfig(
                httpx_client=http,
                streaming=streaming,
                supported_protocol_bindings=[binding],
                grpc_channel_factory=grpc.aio.insecure_channel,
            )
            return await create_client(card, config, [Token(agent, key_file, issuer)])

        async with await client(True) as stream, await client(False) as unary:
            told, events = await states(stream.send_message(message()))
            say("stream", last=told[-1], keywords="keywords" in str([MessageToDict(it) for it in events]))
            [answer] = [event async for event in unary.send_message(message())]
            task = answer.task
            say("send", state=TaskState.Name(task.status.state), artifacts=len(task.artifacts))
            read = await unary.get_task(GetTaskRequest(id=task.id, history_length=1))
            say("get", same=read.artifacts == task.artifacts, history=len(read.history))
            # 0.3 has no lists.
            if version == "1.0":
                try:
                    listed = await unary.list_tasks(ListTasksRequest(page_size=1))
                    more = bool(listed.next_page_token)
                    say("list", page=len(listed.tasks), total=listed.total_size, more=more)
                except UnsupportedOperationError as error:
                    say("list", refused=type(error).__name__)
            extended = await unary.get_extended_agent_card(GetExtendedAgentCardRequest())
            # Else the SDK asks nobody, and gives the card that it has.
            say("card", name=extended.name, asked=card.capabilities.extended_agent_card)
            over = await fails(TaskNotCancelableError, unary.cancel_task(CancelTaskRequest(id=task.id)))
            unknown = await fails(TaskNotFoundError, unary.get_task(GetTaskRequest(id="none")))
            say("errors", over=over, unknown=unknown)
            [begun] = [event async for event in unary.send_message(message(LONG, at_once=True))]
            # It is followed before it is canceled: there is no subscription to what has ended.
            watched = stream.subscribe(SubscribeToTaskRequest(id=begun.task.id))
            opened = await anext(watched)
            assert opened.task.id == begun.task.id, opened
            ended = await unary.cancel_task(CancelTaskRequest(id=begun.task.id))
            told, _ = await states(watched)
            say("cancel", state=TaskState.Name(ended.status.state), told=told[-1])
            if any(skill.id == "ask" for skill in card.skills):
                [asked] = [event async for event in unary.send_message(message(text="ask"))]
                reply = message(of=asked.task)
                [answer] = [event async for event in unary.send_message(reply)]
                same = (answer.task.id, answer.task.context_id) == (asked.task.id, asked.task.context_id)
                waited, then = (TaskState.Name(it.task.status.state) for it in (asked, answer))
                say("ask", state=waited, then=then, same=same)


asyncio.run(main(*sys.argv[1:6]))
