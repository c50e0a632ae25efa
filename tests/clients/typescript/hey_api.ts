// The client of @hey-api/openapi-ts, with its client for fetch.

import assert from "node:assert/strict";
import { client } from "./hey/client.gen.js";
import * as sdk from "./hey/sdk.gen.js";
import type { StreamMessageResponse } from "./hey/types.gen.js";
import { api, cutOnce, number, run, slowMessage, token } from "./promises.js";

client.setConfig({ baseUrl: api, auth: token });

async function openRoom(title: string): Promise<string> {
  const { data } = await sdk.createChatroom({ body: { title }, throwOnError: true });
  return data.id;
}

async function used(): Promise<number> {
  const { data } = await sdk.getSubscription({ throwOnError: true });
  return data.usage.used;
}

/** What stands on the screen after these events. */
function shown(events: StreamMessageResponse[]): string {
  let text = "";
  for (const event of events) {
    if (event.type === "delta") {
      text += event.text;
    } else if (event.type === "restart") {
      text = "";
    }
  }
  return text;
}

async function all<T>(stream: AsyncGenerator<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of stream) {
    found.push(each);
  }
  return found;
}

function contentOfEnd(events: StreamMessageResponse[]): string {
  const last = events.at(-1);
  assert.equal(last?.type, "end");
  return last.content;
}

await run({
  async signs_in() {
    await sdk.signUp({ body: { mobile_number: number, full_name: "Ada" }, throwOnError: true });
    const sent = await sdk.sendOtp({ body: { mobile_number: number }, throwOnError: true });
    const otp: string = sent.data.otp ?? "";
    const verified = await sdk.verifyOtp({ body: { mobile_number: number, otp }, throwOnError: true });
    client.setConfig({ auth: verified.data.access_token });
    assert.equal((await sdk.getMe({ throwOnError: true })).data.full_name, "Ada");
  },

  async sends_a_message_and_is_charged_once() {
    const before = await used();
    const { data, response } = await sdk.sendMessage({
      path: { chatroom_id: await openRoom("Typed") },
      body: { content: "Hello" },
      throwOnError: true,
    });
    assert.equal(response.status, 201);
    assert.equal(data.message.content, "Hello");
    assert.equal(data.reply.status, "completed");
    const again = await sdk.regenerateReply({
      path: { chatroom_id: data.reply.chatroom_id, reply_id: data.reply.id },
      throwOnError: true,
    });
    assert.equal(again.data.reply.reply_to, data.message.id);
    assert.equal(await used(), before + 2);
  },

  async reads_typed_events() {
    const before = await used();
    const { stream } = await sdk.streamMessage({
      path: { chatroom_id: await openRoom("Events") },
      body: { content: "Hello" },
    });
    const events = await all(stream);
    assert.deepEqual([...new Set(events.map(({ type }) => type))], ["message", "start", "delta", "end"]);
    assert.equal(shown(events), contentOfEnd(events));
    const [opening] = events;
    assert.equal(opening?.type, "message");
    const again = await sdk.streamRegeneration({
      path: { chatroom_id: opening.reply.chatroom_id, reply_id: opening.reply.id },
    });
    assert.notEqual(contentOfEnd(await all(again.stream)), "");
    assert.equal(await used(), before + 2);
  },

  async resumes_a_cut_stream_by_itself() {
    const cutting = cutOnce();
    const { data } = await sdk.sendMessage({
      path: { chatroom_id: await openRoom("Cut") },
      body: { content: slowMessage() },
      headers: { Prefer: "respond-async" },
      throwOnError: true,
    });
    const { stream } = await sdk.followReply({
      path: { chatroom_id: data.reply.chatroom_id, reply_id: data.reply.id },
      fetch: cutting.fetch,
      sseDefaultRetryDelay: 10,
    });
    const events = (await all(stream)).filter((event) => event !== undefined); // `void` is the type of 204
    assert.equal(cutting.requests.length, 2);
    assert.match(cutting.requests[1]?.headers.get("Last-Event-ID") ?? "", /^10\d{8}$/);
    assert.equal(events.filter(({ type }) => type === "message").length, 1);
    assert.equal(shown(events), contentOfEnd(events));
  },

  async resumes_a_cut_post_that_has_a_key() {
    const before = await used();
    const cutting = cutOnce();
    const { stream } = await sdk.streamMessage({
      path: { chatroom_id: await openRoom("Cut") },
      body: { content: slowMessage() },
      headers: { "Idempotency-Key": crypto.randomUUID() },
      fetch: cutting.fetch,
      sseDefaultRetryDelay: 10,
    });
    const events = await all(stream);
    assert.equal(cutting.requests.length, 2);
    assert.equal(shown(events), contentOfEnd(events));
    assert.equal(await used(), before + 1);
  },

  async is_refused_once() {
    const counting = cutOnce();
    const room = await openRoom("Full");
    const send = { path: { chatroom_id: room }, body: { content: "One too many" }, fetch: counting.fetch };
    const { data, error, response } = await sdk.sendMessage(send);
    assert.equal(data, undefined);
    assert.equal(response?.status, 429);
    assert.equal(error?.code, "daily_limit_reached");
    assert.equal(counting.requests.length, 1);
    const failures: unknown[] = [];
    const onSseError = (failure: unknown): number => failures.push(failure);
    const { stream } = await sdk.streamMessage({ ...send, sseMaxRetryAttempts: 1, onSseError });
    assert.deepEqual(await all(stream), []);
    assert.equal(counting.requests.length, 2);
    assert.match(String(failures[0]), /429/);
  },

  async renames_an_archived_room() {
    const path = { chatroom_id: await openRoom("Old") };
    await sdk.updateChatroom({ path, body: { archived: true }, throwOnError: true });
    const { data } = await sdk.updateChatroom({ path, body: { title: "New" }, throwOnError: true });
    assert.deepEqual([data.title, data.archived], ["New", true]);
  },
});
