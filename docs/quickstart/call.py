"""Calls an agent behind an Ecumene gateway with the official A2A SDK.

The SDK speaks the protocol. All that is added here is the credential: a token signed with the peer's key, a new one for
each request, since a token is spent by the first request that shows it.

usage: call.py AGENT_URL KEY_FILE ISSUER TEXT [stream|unary]

It prints each answer as a line of JSON: as they come, or with `unary` the one at the end.
"""

import asyncio
import base64
import json
import sys
import time
import uuid
from urllib.parse import urlsplit

import httpx
from a2a.client import ClientConfig, create_client
from a2a.helpers.proto_helpers import new_text_message
from a2a.types.a2a_pb2 import Role, SendMessageRequest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToDict


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class FederationToken(httpx.Auth):
    """An Ed25519 JWT for each request: who calls, whom, until when, and an id that is used once."""

    def __init__(self, key_file: str, issuer: str):
        with open(key_file, encoding="utf-8") as file:
            self.jwk = json.load(file)
        seed = base64.urlsafe_b64decode(self.jwk["d"] + "=")
        self.key = Ed25519PrivateKey.from_private_bytes(seed)
        self.issuer = issuer

    def auth_flow(self, request):
        url, now = urlsplit(str(request.url)), int(time.time())
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self.jwk["kid"]}
        claims = {
            "iss": self.issuer,
            "sub": "federation-peer",
            "aud": f"{url.scheme}://{url.netloc}",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
        }
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        signature = base64url(self.key.sign(signed.encode()))
        request.headers["Authorization"] = f"Bearer {signed}.{signature}"
        yield request


async def main(agent: str, key_file: str, issuer: str, text: str, mode: str = "stream") -> None:
    async with httpx.AsyncClient(auth=FederationToken(key_file, issuer), timeout=60) as http:
        config = ClientConfig(httpx_client=http, streaming=mode == "stream")
        client = await create_client(agent, client_config=config)
        message = new_text_message(text, role=Role.ROLE_USER)
        async for event in client.send_message(SendMessageRequest(message=message)):
            print(json.dumps(MessageToDict(event)))


asyncio.run(main(*sys.argv[1:6]))
