// What a developer's program does with the official SDK, unmodified; each scenario prints one JSON object.
// The address and the key are read from the environment, by the SDK itself.
import Anthropic from "@anthropic-ai/sdk";

const MODEL = "claude-haiku-4-5";
const POLL_MS = 200;
const QUESTION = { role: "user", content: "A jeton is a counter. What is a jeton?" };
const SMALL = { model: MODEL, max_tokens: 50, messages: [QUESTION] };
const client = new Anthropic({ maxRetries: 0 });

const item = (custom_id, params = {}) => ({
  custom_id,
  params: {
    ...SMALL,
    messages: [{ role: "user", content: `The lamp ${custom_id} is green. What colour is the lamp ${custom_id}?` }],
    ...params,
  },
});

async function collect(pages) {
  const all = [];
  for await (const one of pages) all.push(one);
  return all;
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return {
      class: error.constructor.name,
      status: error.status,
      type: error.type,
      code: error.errorCode,
      details: error.details,
      message: error.message,
      request_id: error.requestID,
      retry_after: error.headers?.get("retry-after"),
    };
  }
  return { class: "none" };
}

async function ended(id) {
  let batch = await client.messages.batches.retrieve(id);
  while (batch.processing_status !== "ended") {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    batch = await client.messages.batches.retrieve(id);
  }
  return batch;
}

const scenarios = {
  async messages() {
    const { data, response, request_id } = await client.messages.create(SMALL).withResponse();
    const counted = await client.messages.countTokens({ model: MODEL, messages: [QUESTION] });
    return { message: data, request_id, counted, cost: response.headers.get("jeton-cost") };
  },

  async streaming() {
    const deltas = [];
    const stream = client.messages.stream(SMALL).on("text", (text) => deltas.push(text));
    const message = await stream.finalMessage();
    const kinds = [];
    for await (const event of await client.messages.create({ ...SMALL, stream: true })) kinds.push(event.type);
    return { message, deltas, kinds, text: await stream.finalText(), request_id: stream.request_id };
  },

  async leaving() {
    const stream = client.messages.stream(SMALL);
    stream.on("text", () => stream.abort());
    return { failure: await failure(stream.done()), request_id: stream.request_id };
  },

  async batches() {
    const { data: batch } = await client.messages.batches
      .create({ requests: [item("a"), item("b"), item("bad", { model: "nobody" })] })
      .withResponse();
    const early = await failure(client.messages.batches.results(batch.id));
    const second = await client.messages.batches.create({ requests: [item("c")] });
    const done = await ended(batch.id);
    const lines = await collect(await client.messages.batches.results(batch.id));
    await ended(second.id);
    const listed = (await collect(client.messages.batches.list({ limit: 1 }))).map((one) => one.id);
    const deleted = await client.messages.batches.delete(second.id);
    const gone = await failure(client.messages.batches.retrieve(second.id));
    return { batch, early, done, lines, listed, second: second.id, deleted, gone };
  },

  async canceling() {
    const requests = Array.from({ length: 1000 }, (_, number) => item(`c${number}`));
    const batch = await client.messages.batches.create({ requests });
    const canceling = await client.messages.batches.cancel(batch.id);
    const done = await ended(batch.id);
    const kinds = (await collect(await client.messages.batches.results(batch.id))).map((line) => line.result.type);
    return { canceling, done, canceled: kinds.filter((kind) => kind === "canceled").length, lines: kinds.length };
  },

  async models() {
    const listed = (await collect(client.models.list({ limit: 5 }))).map((model) => model.id);
    return { listed, found: await client.models.retrieve(MODEL), none: await failure(client.models.retrieve("nobody")) };
  },

  async errors() {
    const stranger = client.withOptions({ apiKey: "sk-jtn-api-unknown" });
    const dear = { model: "claude-fable-5-1", max_tokens: 128000, messages: [QUESTION] };
    const limited = { ...SMALL, model: "claude-sonnet-5-5" };
    const first = await failure(client.messages.create(limited));
    return {
      unknown_key: await failure(stranger.messages.create(SMALL)),
      unknown_model: await failure(client.messages.create({ ...SMALL, model: "nobody" })),
      beyond_credit: await failure(client.messages.create({ ...dear }, { timeout: 60000 })),
      beyond_credit_streamed: await failure(client.messages.stream(dear).done()),
      malformed: await failure(client.messages.create({ ...SMALL, max_tokens: -1 })),
      first,
      limited: await failure(client.messages.create(limited)),
    };
  },
};

console.log(JSON.stringify(await scenarios[process.argv[2]]()));
