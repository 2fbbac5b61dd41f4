"""Adds a federation token to each request that has no credential, so that the conformance kit, which knows none, is a peer.

Usage: forward.py LISTEN_PORT GATEWAY_PORT HANDLE KEY_FILE ISSUER

KEY_FILE is `-` for no tokens: what the kit sends arrives as it is. The kit looks for a card at the root of an origin only, so
that the card of the agent HANDLE is there. All else is passed on unchanged, both ways. One port, as the gateway has:
HTTP/1.1 for JSON-RPC and HTTP+JSON, HTTP/2 for gRPC. Prints a line when it listens.
"""

import asyncio
import base64
import json
import socket
import sys
import time
import uuid

import grpc
import httpcore
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# What concerns one connection (RFC 9110, section 7.6.1): each side has its own.
HOP_BY_HOP = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
HTTP2 = b"PRI"
CARD = b"/.well-known/agent-card.json"
PIECE_BYTES = 64 * 1024


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Peer:
    """Signs a token for each request: it is spent by the first that shows it."""

    def __init__(self, key_file, issuer, audience):
        self.jwk = None
        if key_file == "-":
            return
        with open(key_file, encoding="utf-8") as file:
            self.jwk = json.load(file)
        self.key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(self.jwk["d"] + "="))
        self.claims = {"iss": issuer, "sub": "federation-peer", "aud": audience}

    def credential(self):
        """The value of `authorization`, or nothing."""
        if self.jwk is None:
            return None
        now = int(time.time())
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self.jwk["kid"]}
        claims = {**self.claims, "jti": str(uuid.uuid4()), "iat": now, "exp": now + 60}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"Bearer {signed}.{base64url(self.key.sign(signed.encode()))}"


def http(peer, gateway, handle):
    """An ASGI application: the request as it came, and the answer as it comes."""
    pool = httpcore.AsyncConnectionPool(max_connections=None)

    async def answer(scope, receive, send):
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        headers = [(name, value) for name, value in scope["headers"] if name not in HOP_BY_HOP]
        if target == CARD:
            # It is for everybody.
            target = f"/agents/{handle}".encode() + CARD
        elif not any(name == b"authorization" for name, _ in headers):
            credential = peer.credential()
            headers += [(b"authorization", credential.encode())] if credential else []
        body, more = b"", True
        while more:
            event = await receive()
            body, more = body + event.get("body", b""), event.get("more_body", False)
        url = httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=gateway, target=target)
        request = httpcore.Request(scope["method"], url, headers=headers, content=body)
        response = await pool.handle_async_request(request)
        kept = [(name, value) for name, value in response.headers if name.lower() not in HOP_BY_HOP]
        await send({"type": "http.response.start", "status": response.status, "headers": kept})

        async def relay():
            async for piece in response.aiter_stream():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})

        async def gone():
            while (await receive())["type"] != "http.disconnect":
                pass

        # A client that hangs up is seen behind too.
        ends = [asyncio.create_task(relay()), asyncio.create_task(gone())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            await response.aclose()

    return answer


class Grpc(grpc.GenericRpcHandler):
    """Every method of every service; messages are bytes here."""

    def __init__(self, peer, gateway):
        self.peer = peer
        self.channel = grpc.aio.insecure_channel(f"127.0.0.1:{gateway}")

    def service(self, details):
        async def relay(requests, context):
            kept = [(key, value) for key, value in context.invocation_metadata() if key != "user-agent"]
            credential = self.peer.credential()
            if credential and not any(key == "authorization" for key, _ in kept):
                kept.append(("authorization", credential))
            timeout = context.time_remaining()
            call = self.channel.stream_stream(details.method)(requests, metadata=kept, timeout=timeout)
            try:
                async for answer in call:
                    yield answer
            except grpc.aio.AioRpcError:
                pass
            trailing = tuple(await call.trailing_metadata())
            code, said = await call.code(), await call.details()
            context.set_trailing_metadata(trailing)
            if code != grpc.StatusCode.OK:
                await context.abort(code, said, trailing)

        return grpc.stream_stream_rpc_method_handler(relay)


async def pipe(reader, writer):
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def split(http_port, grpc_port):
    """By the first bytes of a connection: to the server of HTTP/1.1, or to that of gRPC."""

    async def accept(reader, writer):
        try:
            first = await reader.readexactly(len(HTTP2))
        except asyncio.IncompleteReadError:
            writer.close()
            return
        port = grpc_port if first == HTTP2 else http_port
        behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", port)
        behind_writer.write(first)
        await asyncio.gather(pipe(reader, behind_writer), pipe(behind_reader, writer))

    return accept


async def main(listen, gateway, handle, key_file, issuer):
    peer = Peer(key_file, issuer, f"http://127.0.0.1:{listen}")
    calls = grpc.aio.server()
    calls.add_generic_rpc_handlers((Grpc(peer, int(gateway)),))
    grpc_port = calls.add_insecure_port("127.0.0.1:0")
    await calls.start()
    inner = socket.create_server(("127.0.0.1", 0))
    settings = uvicorn.Config(http(peer, int(gateway), handle), log_level="warning", lifespan="off")
    settings.server_header = settings.date_header = False
    server = uvicorn.Server(settings)
    accept = split(inner.getsockname()[1], grpc_port)
    await asyncio.start_server(accept, "127.0.0.1", int(listen))
    print(f"adds tokens on 127.0.0.1:{listen}", flush=True)
    await server.serve(sockets=[inner])
    await calls.stop(0)


asyncio.run(main(*sys.argv[1:]))
