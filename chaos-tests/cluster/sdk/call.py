"""Calls one agent with the official A2A SDK and prints each StreamResponse as a line of JSON.

It decides only how a request is authorised: a federation token of its own for each one, since a token is spent by the
first request that carries it. It must never speak the protocol itself: that is the SDK's part.

usage: call.py BASE_URL KEY_FILE ISSUER unary|stream TEXT
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


def b64u(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class FederationToken(httpx.Auth):
    """Mints an Ed25519 JWT for each request."""

    def __init__(self, key_file: str, issuer: str):
        with open(key_file, encoding="utf-8") as file:
            jwk = json.load(file)
        seed = base64.urlsafe_b64decode(jwk["d"] + "=")
        self.key, self.kid, self.issuer = Ed25519PrivateKey.from_private_bytes(seed), jwk["kid"], issuer

    def auth_flow(self, request):
        url = urlsplit(str(request.url))
        now = int(time.time())
        header = {"alg": "EdDSA", "typ": "JWT", "kid": self.kid}
        claims = {
            "iss": self.issuer,
            "sub": "federation-peer",
            "aud": f"{url.scheme}://{url.netloc}",
            "jti": str(uuid.uuid4()),
            "iat": now,
            "exp": now + 60,
        }
        signed = ".".join(b64u(json.dumps(part).encode()) for part in (header, claims))
        request.headers["Authorization"] = f"Bearer {signed}.{b64u(self.key.sign(signed.encode()))}"
        yield request


async def main(base: str, key_file: str, issuer: str, mode: str, text: str) -> None:
    async with httpx.AsyncClient(auth=FederationToken(key_file, issuer), timeout=60) as http:
        config = ClientConfig(httpx_client=http, streaming=mode == "stream")
        client = await create_client(base, client_config=config)
        message = new_text_message(text, role=Role.ROLE_USER)
        async for event in client.send_message(SendMessageRequest(message=message)):
            print(json.dumps(MessageToDict(event)), flush=True)


asyncio.run(main(*sys.argv[1:6]))
