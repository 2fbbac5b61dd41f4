// The agent of a2a_server.py, served by the official A2A SDK for JavaScript.
//
// usage: node a2a_server.mjs NODE_MODULES PORT
//
// Prints the same line when it listens.

import assert from "node:assert";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const [modules, port] = process.argv.slice(2);
const installed = createRequire(`${modules}/`);
// As a module: what it needs is modules too, which Node 18 has no `require` for.
const sdk = (name) => import(pathToFileURL(installed.resolve(name).replace(/\.cjs$/, ".js")));
const express = installed("express");
const { AgentCard, Message, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent } =
  await sdk("@a2a-js/sdk");
const { AgentEvent, DefaultRequestHandler, InMemoryTaskStore, STATE_HEADERS_KEY } =
  await sdk("@a2a-js/sdk/server");
const { agentCardHandler, jsonRpcHandler, restHandler, UserBuilder } =
  await sdk("@a2a-js/sdk/server/express");

const FORMS = [
  ["JSONRPC", "1.0"],
  ["HTTP+JSON", "1.0"],
  ["JSONRPC", "0.3"],
  ["HTTP+JSON", "0.3"],
];

// Says what becomes of one task.
class Telling {
  constructor(bus, { id, contextId }) {
    this.bus = bus;
    this.ids = { taskId: id, contextId };
  }

  status(state, message) {
    const status = { state, message, timestamp: new Date().toISOString() };
    this.bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ ...this.ids, status })));
  }

  artifact(name, text, append = false, lastChunk = true) {
    const artifact = { artifactId: name, name, parts: [{ text }] };
    const update = { ...this.ids, artifact, append, lastChunk };
    this.bus.publish(AgentEvent.artifactUpdate(TaskArtifactUpdateEvent.fromJSON(update)));
  }
}

class Echo {
  #working = new Map();

  async execute({ userMessage, taskId, contextId, task, context }, bus) {
    const { parts } = Message.toJSON(userMessage);
    const begun = { id: taskId, contextId, status: { state: "TASK_STATE_SUBMITTED" } };
    bus.publish(AgentEvent.task(task ?? Task.fromJSON({ ...begun, history: [Message.toJSON(userMessage)] })));
    assert(!("authorization" in context.state.get(STATE_HEADERS_KEY)), "whose credential is this?");
    const tell = new Telling(bus, begun);
    tell.status("TASK_STATE_WORKING");
    const text = parts.find((part) => part.text !== undefined).text;
    if (text === "ask") {
      const question = { messageId: randomUUID(), role: "ROLE_AGENT", parts: [{ text: "What shall I say?" }] };
      tell.status("TASK_STATE_INPUT_REQUIRED", { ...question, ...tell.ids });
      return;
    }
    const repeat = parts.find((part) => part.data !== undefined)?.data.repeat ?? 0;
    const canceled = new AbortController();
    this.#working.set(taskId, { canceled, tell });
    try {
      await sleep(repeat * 10, undefined, { signal: canceled.signal });
    } catch {
      tell.status("TASK_STATE_CANCELED");
      return;
    } finally {
      this.#working.delete(taskId);
    }
    const sentences = text.split(". ");
    sentences.forEach((sentence, at) =>
      tell.artifact("echo", sentence, at > 0, at + 1 === sentences.length),
    );
    tell.artifact("keywords", [...new Set(text.split(" "))].sort().join(" "));
    tell.status("TASK_STATE_COMPLETED");
  }

  async cancelTask(taskId) {
    this.#working.get(taskId)?.canceled.abort();
  }
}

function card(url, protocolBinding, protocolVersion) {
  const skill = (id, name, description) => ({ id, name, description, tags: ["text"] });
  return AgentCard.fromJSON({
    name: "Echo",
    description: "Says a text again, sentence by sentence.",
    version: "1.0.0",
    supportedInterfaces: [{ url, protocolBinding, protocolVersion }],
    capabilities: { streaming: true },
    defaultInputModes: ["text/plain", "application/json"],
    defaultOutputModes: ["text/plain"],
    skills: [skill("echo", "Echo", "Says it again."), skill("ask", "Ask", "Asks what to say.")],
  });
}

const app = express();
const server = createServer(app).listen(Number(port), "127.0.0.1");
await once(server, "listening");
const agents = {};
for (const [binding, version] of FORMS) {
  const path = `/${version}/${binding.toLowerCase().replace("+", "-")}`;
  const url = `http://127.0.0.1:${server.address().port}${path}`;
  agents[`${binding} ${version}`] = url;
  const itsCard = card(url, binding, version);
  const requestHandler = new DefaultRequestHandler(itsCard, new InMemoryTaskStore(), new Echo());
  const older = { legacyCompat: { enabled: version === "0.3" } };
  const options = { requestHandler, userBuilder: UserBuilder.noAuthentication, ...older };
  app.use(
    `${path}/.well-known/agent-card.json`,
    agentCardHandler({ agentCardProvider: requestHandler, ...older }),
  );
  app.use(path, binding === "JSONRPC" ? jsonRpcHandler(options) : restHandler(options));
}
console.log(JSON.stringify(agents));
