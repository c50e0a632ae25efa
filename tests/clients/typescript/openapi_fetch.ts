// The client of openapi-typescript and openapi-fetch.

import assert from "node:assert/strict";
import { EventSourceParserStream } from "eventsource-parser/stream";
import createClient from "openapi-fetch";
import { api, number, run, slowMessage, token } from "./promises.js";
import type { paths } from "./schema.js";

type ReplyEvent =
  paths["/chatroom/{chatroom_id}/message/stream"]["post"]["responses"][200]["content"]["text/event-stream"];

const client = createClient<paths>({
  baseUrl: api,
  headers: token === "" ? {} : { Authorization: `Bearer ${token}` },
});

async function openRoom(title: string): Promise<string> {
  const { data, error } = await client.POST("/chatroom", { body: { title } });
  assert.ok(data, JSON.stringify(error));
  return data.id;
}

/** What a reader was shown, and the id that it goes on from. */
class Reader {
  text = "";
  lastId = "";
  kinds: string[] = [];
  end: Extract<ReplyEvent, { type: "end" }> | undefined;

  /** Read until the end, or until so many pieces of text came. */
  async read(body: NonNullable<Response["body"]>, pieces = Infinity): Promise<void> {
    const events = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
    for await (const { id, event, data } of events) {
      const payload: ReplyEvent = JSON.parse(data);
      assert.equal(payload.type, event);
      this.lastId = id ?? this.lastId;
      this.hear(payload);
      if (payload.type === "delta" && --pieces === 0) {
        return;
      }
    }
  }

  hear(event: ReplyEvent): void {
    this.kinds.push(event.type);
    switch (event.type) {
      case "message":
        assert.equal(event.reply.chatroom_id, event.message.chatroom_id);
        break;
      case "start":
        assert.equal(event.attempt, 1);
        break;
      case "delta":
        this.text += event.text;
        break;
      case "restart":
        assert.ok(event.attempt > 1);
        this.text = "";
        break;
      case "end":
        this.end = event;
        break;
      default:
        event satisfies never;
    }
  }
}

await run({
  async signs_in_and_is_answered() {
    const signedUp = await client.POST("/auth/signup", { body: { mobile_number: number, full_name: "Ada" } });
    assert.equal(signedUp.response.status, 201);
    const sent = await client.POST("/auth/send-otp", { body: { mobile_number: number } });
    const otp: string | null | undefined = sent.data?.otp;
    assert.ok(otp);
    const verified = await client.POST("/auth/verify-otp", { body: { mobile_number: number, otp } });
    assert.ok(verified.data);
    client.use({
      onRequest({ request }) {
        request.headers.set("Authorization", `Bearer ${verified.data.access_token}`);
      },
    });
    const room = await openRoom("Poems");
    const { data, error, response } = await client.POST("/chatroom/{chatroom_id}/message", {
      params: { path: { chatroom_id: room }, header: { "Idempotency-Key": crypto.randomUUID() } },
      body: { content: "Hello" },
    });
    assert.ok(data, JSON.stringify(error));
    assert.equal(response.status, 201);
    assert.equal(data.message.content, "Hello");
    assert.equal(data.reply.status, "completed");
    assert.equal(data.reply.reply_to, data.message.id);
    assert.equal(data.quota.used, 1);
    const created: Date = new Date(data.reply.created_at);
    assert.ok(Math.abs(Date.now() - created.getTime()) < 60_000);
  },

  async reads_typed_events() {
    const { data, error, response } = await client.POST("/chatroom/{chatroom_id}/message/stream", {
      params: { path: { chatroom_id: await openRoom("Events") } },
      body: { content: "Hello" },
      parseAs: "stream",
    });
    assert.ok(data, JSON.stringify(error));
    assert.equal(response.headers.get("content-type")?.split(";")[0], "text/event-stream");
    const reader = new Reader();
    await reader.read(data);
    assert.deepEqual([...new Set(reader.kinds)], ["message", "start", "delta", "end"]);
    assert.equal(reader.end?.status, "completed");
    assert.equal(reader.end.content, reader.text);
  },

  async resumes_a_cut_stream() {
    const room = await openRoom("Cut");
    const abort = new AbortController();
    const begun = await client.POST("/chatroom/{chatroom_id}/message/stream", {
      params: { path: { chatroom_id: room } },
      body: { content: slowMessage() },
      parseAs: "stream",
      signal: abort.signal,
    });
    assert.ok(begun.data);
    const reader = new Reader();
    await reader.read(begun.data, 5);
    abort.abort();
    const shown = reader.text;
    assert.ok(shown !== "" && !reader.kinds.includes("end"));

    const newest = await client.GET("/chatroom/{chatroom_id}/message", {
      params: { path: { chatroom_id: room }, query: { limit: 1 } },
    });
    const reply = newest.data?.messages[0];
    assert.equal(reply?.role, "model");
    assert.ok(reply);
    const resumed = await client.GET("/chatroom/{chatroom_id}/message/{reply_id}/events", {
      params: {
        path: { chatroom_id: room, reply_id: reply.id },
        header: { "Last-Event-ID": reader.lastId },
      },
      parseAs: "stream",
    });
    assert.ok(resumed.data);
    reader.kinds = [];
    await reader.read(resumed.data);
    assert.deepEqual([...new Set(reader.kinds)], ["delta", "end"]);
    assert.ok(reader.text.startsWith(shown) && reader.text.length > shown.length);
    assert.deepEqual(Buffer.from(reader.text), Buffer.from(reader.end?.content ?? ""));
  },

  async renames_an_archived_room() {
    const params = { path: { chatroom_id: await openRoom("Old") } };
    const archived = await client.PATCH("/chatroom/{chatroom_id}", { params, body: { archived: true } });
    assert.deepEqual([archived.data?.title, archived.data?.archived], ["Old", true]);
    const renamed = await client.PATCH("/chatroom/{chatroom_id}", { params, body: { title: "New" } });
    assert.deepEqual([renamed.data?.title, renamed.data?.archived], ["New", true]);
  },

  async tells_failures_apart_by_their_code() {
    const { data, error, response } = await client.POST("/chatroom/{chatroom_id}/message", {
      params: { path: { chatroom_id: await openRoom("Refused") } },
      body: { content: " " },
    });
    assert.equal(data, undefined);
    assert.equal(response.status, 400);
    const code: string | undefined = error?.code;
    const [first] = error?.errors ?? [];
    const codeOfField: string | undefined = first?.code;
    assert.equal(code, "validation_failed");
    assert.equal(first?.pointer, "/content");
    assert.ok(codeOfField);
  },
});
