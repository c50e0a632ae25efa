// npm's eventsource and fetch-event-source, on a reply's events.

import assert from "node:assert/strict";
import { fetchEventSource } from "@microsoft/fetch-event-source";
import { EventSource } from "eventsource";
import { cutOnce, run, token } from "./promises.js";

const address = process.env["EVENTS"] ?? "";
const authorized = { Authorization: `Bearer ${token}` };

type Seen = { name: string; data: string };

/** Every event until `end`, or until the connection is refused. */
function fromEventSource(fetcher: typeof fetch): Promise<Seen[]> {
  const seen: Seen[] = [];
  return new Promise((resolve, reject) => {
    const source = new EventSource(address, {
      fetch: (input, init) => fetcher(input, { ...init, headers: { ...init.headers, ...authorized } }),
    });
    for (const name of ["message", "start", "delta", "restart", "end"]) {
      source.addEventListener(name, ({ data }) => {
        seen.push({ name, data });
        if (name === "end") {
          source.close();
          resolve(seen);
        }
      });
    }
    source.addEventListener("error", ({ code }) => {
      if (source.readyState === source.CLOSED) {
        reject(new Error(`refused with ${code}`));
      }
    });
  });
}

async function fromFetchEventSource(): Promise<Seen[]> {
  const seen: Seen[] = [];
  Object.assign(globalThis, { window: globalThis, document: new EventTarget() }); // it is written for browsers
  await fetchEventSource(address, {
    headers: authorized,
    openWhenHidden: true,
    onmessage: ({ event, data }) => void seen.push({ name: event === "" ? "message" : event, data }),
    onerror: (error) => {
      throw error; // otherwise it tries again
    },
  });
  return seen;
}

function check(seen: Seen[]): void {
  let text = "";
  let content = "";
  for (const { name, data } of seen) {
    const payload: { type: string; text?: string; content?: string } = JSON.parse(data);
    assert.equal(payload.type, name);
    text += payload.text ?? "";
    content = payload.content ?? "";
  }
  assert.equal(seen.filter(({ name }) => name === "message").length, 1);
  assert.equal(seen.at(-1)?.name, "end");
  assert.notEqual(text, "");
  assert.equal(text, content);
}

await run({
  async eventsource_reads_no_empty_event() {
    check(await fromEventSource(fetch));
  },
  async fetch_event_source_reads_no_empty_event() {
    check(await fromFetchEventSource());
  },
  async eventsource_resumes_a_cut_stream() {
    const cutting = cutOnce();
    check(await fromEventSource(cutting.fetch));
    assert.equal(cutting.requests.length, 2);
  },
});
