// Run one promise of a client, by its name: node out/CLIENT.js NAME, with API and TOKEN in the environment.

export const api = process.env["API"] ?? "";
export const token = process.env["TOKEN"] ?? "";
export const number = process.env["NUMBER"] ?? "";

export type Promises = Record<string, () => Promise<void>>;

export async function run(promises: Promises): Promise<void> {
  const promise = promises[process.argv[2] ?? ""];
  if (promise === undefined) {
    throw new Error(`no such promise: ${process.argv[2]}`);
  }
  await promise();
}

/** A message whose reply takes about two seconds, in many pieces. */
export const slowMessage = (): string => `[sandbox:pieces=60] [sandbox:pace=30] ${crypto.randomUUID()}`;

/** `fetch`, whose first answer with events breaks off within an event, as a lost network does. */
export function cutOnce(): { fetch: typeof fetch; requests: Request[] } {
  const requests: Request[] = [];
  let cuts = 0;
  return {
    requests,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push(request.clone());
      const response = await fetch(request);
      if (cuts > 0 || response.body === null) {
        return response;
      }
      cuts += 1;
      let deltas = 0;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform(piece, controller) {
          const text = new TextDecoder().decode(piece);
          deltas += text.split("event: delta").length - 1;
          if (deltas > 5) {
            const middle = text.lastIndexOf("event: delta");
            controller.enqueue(new TextEncoder().encode(text.slice(0, middle + 5)));
            controller.error(new TypeError("network connection was lost"));
          } else {
            controller.enqueue(piece);
          }
        },
      });
      return new Response(response.body.pipeThrough(cut), response);
    },
  };
}
