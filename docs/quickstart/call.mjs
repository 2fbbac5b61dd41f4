// Calls an agent behind an Ecumene gateway with the official A2A SDK for JavaScript.
//
// The SDK speaks the protocol. All that is added here is the credential: a token signed with the peer's key, a new one
// for each request, since a token is spent by the first request that shows it.
//
// usage: node call.mjs AGENT_URL KEY_FILE ISSUER TEXT

import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

import { Message, StreamResponse } from "@a2a-js/sdk";
import { ClientFactory, JsonRpcTransportFactory } from "@a2a-js/sdk/client";

const [agent, keyFile, issuer, text] = process.argv.slice(2);
const jwk = JSON.parse(readFileSync(keyFile, "utf8"));
const key = createPrivateKey({ key: jwk, format: "jwk" });
const base64url = (value) => Buffer.from(value).toString("base64url");

// An Ed25519 JWT: who calls, whom, until when, and an id that is used once.
function token(audience) {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "EdDSA", typ: "JWT", kid: jwk.kid };
  const claims = {
    iss: issuer,
    sub: "federation-peer",
    aud: audience,
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
  };
  const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join(".");
  return `${signed}.${base64url(sign(null, Buffer.from(signed), key))}`;
}

function fetchImpl(url, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token(new URL(url).origin)}`);
  return fetch(url, { ...init, headers });
}

const client = await new ClientFactory({
  transports: [new JsonRpcTransportFactory({ fetchImpl })],
}).createFromUrl(`${agent}/.well-known/agent-card.json`, "");

const message = Message.fromJSON({
  messageId: randomUUID(),
  role: "ROLE_USER",
  parts: [{ text }],
});
for await (const event of client.sendMessageStream({ message })) {
  console.log(JSON.stringify(StreamResponse.toJSON(event)));
}
