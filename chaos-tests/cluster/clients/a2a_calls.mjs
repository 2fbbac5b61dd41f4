// The official A2A SDK for JavaScript against an agent behind a gateway, over one binding in one version, where its card says.
//
// usage: node a2a_calls.mjs NODE_MODULES AGENT_URL KEY_FILE ISSUER BINDING VERSION
//
// BINDING and VERSION are those of an interface in the card. Prints one line of JSON a step, as a2a_calls.py does; any
// failure ends it.

import assert from "node:assert";
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, agent, keyFile, issuer, binding, version] = process.argv.slice(2);
const installed = createRequire(`${modules}/`);
// As a module: what it needs is modules too, which Node 18 has no `require` for.
const sdk = (name) => import(pathToFileURL(installed.resolve(name).replace(/\.cjs$/, ".js")));
const { ListTasksRequest, Message, StreamResponse, Task } = await sdk("@a2a-js/sdk");
const { ClientFactory, DefaultAgentCardResolver, JsonRpcTransportFactory, RestTransportFactory } =
  await sdk("@a2a-js/sdk/client");

const TEXT = "One sentence. And two.";
// It would take minutes.
const LONG = { data: { repeat: 200000 } };

const jwk = JSON.parse(readFileSync(keyFile, "utf8"));
const key = createPrivateKey({ key: jwk, format: "jwk" });
const base64url = (value) => Buffer.from(value).toString("base64url");

function say(step, found) {
  console.log(JSON.stringify({ step, ...found }));
}

// An Ed25519 JWT for one request.
function token() {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "EdDSA", typ: "JWT", kid: jwk.kid };
  const claims = {
    iss: issuer,
    sub: "federation-peer",
    aud: new URL(agent).origin,
    jti: randomUUID(),
    iat: now,
    exp: now + 60,
  };
  const signed = [header, claims].map((part) => base64url(JSON.stringify(part))).join(".");
  return `${signed}.${base64url(sign(null, Buffer.from(signed), key))}`;
}

function fetchImpl(url, init = {}) {
  const headers = new Headers(init.headers);
  headers.set("Authorization", `Bearer ${token()}`);
  return fetch(url, { ...init, headers });
}

function message(more = [], text = TEXT, of = {}) {
  const parts = [{ text }, ...more];
  const ids = { messageId: randomUUID(), taskId: of.id, contextId: of.contextId };
  return Message.fromJSON({ ...ids, role: "ROLE_USER", parts });
}

// The last state that a stream tells, and all of it.
async function followed(stream) {
  const events = [];
  for await (const event of stream) {
    events.push(StreamResponse.toJSON(event));
  }
  const told = events.map((event) => (event.task ?? event.statusUpdate)?.status?.state);
  return { last: told.filter(Boolean).at(-1), events };
}

// The name of an error, whatever has carried it.
function nameOf(error) {
  return error.constructor.name.replace(/^(JsonRpc|Rest)/, "");
}

async function fails(call) {
  try {
    await call;
  } catch (error) {
    return nameOf(error);
  }
  throw new Error("it does not fail");
}

const card = await new DefaultAgentCardResolver().resolve(`${agent}/.well-known/agent-card.json`, "");
// The SDK takes 1.0 wherever there is a choice.
card.supportedInterfaces = card.supportedInterfaces.filter(
  (one) => one.protocolBinding === binding && one.protocolVersion === version,
);
const options = { fetchImpl, legacyCompat: { enabled: true } };
const transports = [new JsonRpcTransportFactory(options), new RestTransportFactory(options)];
const client = await new ClientFactory({ transports }).createFromAgentCard(card);
assert(client.protocolVersion.startsWith(version), client.protocolVersion);

const streamed = await followed(client.sendMessageStream({ message: message() }));
const keywords = JSON.stringify(streamed.events).includes("keywords");
say("stream", { last: streamed.last, keywords });
const task = Task.toJSON(await client.sendMessage({ message: message() }));
say("send", { state: task.status.state, artifacts: task.artifacts.length });
const read = Task.toJSON(await client.getTask({ id: task.id, historyLength: 1 }));
const same = JSON.stringify(read.artifacts) === JSON.stringify(task.artifacts);
say("get", { same, history: read.history.length });
// 0.3 has no lists.
if (version === "1.0") {
  try {
    const listed = await client.listTasks(ListTasksRequest.fromJSON({ pageSize: 1 }));
    const { tasks, totalSize: total, nextPageToken } = listed;
    say("list", { page: tasks.length, total, more: nextPageToken !== "" });
  } catch (error) {
    assert.equal(nameOf(error), "UnsupportedOperationError");
    say("list", { refused: nameOf(error) });
  }
}
// Else the SDK asks nobody, and gives the card that it has.
const asked = card.capabilities.extendedAgentCard;
say("card", { name: (await client.getAgentCard()).name, asked });
const over = await fails(client.cancelTask({ id: task.id }));
const unknown = await fails(client.getTask({ id: "none" }));
say("errors", { over, unknown });
const begun = await client.sendMessage({
  message: message([LONG]),
  configuration: { returnImmediately: true },
});
// It is followed before it is canceled: there is no subscription to what has ended.
const watched = client.resubscribeTask({ id: begun.id });
const opened = StreamResponse.toJSON((await watched.next()).value);
assert.equal(opened.task?.id, begun.id);
const ended = Task.toJSON(await client.cancelTask({ id: begun.id }));
const { last: told } = await followed(watched);
say("cancel", { state: ended.status.state, told });
if (card.skills.some((skill) => skill.id === "ask")) {
  const asked = Task.toJSON(await client.sendMessage({ message: message([], "ask") }));
  const answer = Task.toJSON(await client.sendMessage({ message: message([], TEXT, asked) }));
  const same = answer.id === asked.id && answer.contextId === asked.contextId;
  say("ask", { state: asked.status.state, then: answer.status.state, same });
}
