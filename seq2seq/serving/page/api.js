// The requests to the server. Addresses are relative: the page may be served under any path.

let key = "";

/** Sets the API key that requests are sent with. */
export function useKey(given) {
  key = given;
}

/** What went wrong: in the server's own words, or `words`, the name of a text in `words.js`. */
export class Problem extends Error {
  constructor({ words, message, status }) {
    super(message);
    Object.assign(this, { words, status });
  }
}

/** Waits for the network; what fails is a problem, unless it was aborted. */
async function attempt(promise, words) {
  try {
    return await promise;
  } catch (error) {
    throw error.name === "AbortError" ? error : new Problem({ words });
  }
}

async function request(path, options) {
  const authorization = key && { Authorization: `Bearer ${key}` };
  const headers = { "Content-Type": "application/json", ...authorization };
  const response = await attempt(fetch(path, { ...options, headers }), "unreached");
  if (response.ok) return response;
  const { status } = response;
  if (status === 401) throw new Problem({ words: "no_key", status });
  const { error } = await response.json();
  throw new Problem({ message: error.message, status });
}

function post(path, body, signal) {
  return request(path, { method: "POST", body: JSON.stringify(body), signal });
}

/** Returns the models that the server has. */
export async function listModels() {
  const response = await request("v1/models");
  return (await response.json()).data;
}

/** Returns the results of the one text in `body`. */
export async function ask(path, body, signal) {
  const response = await post(path, body, signal);
  return (await response.json()).results[0];
}

/** Yields the events of a streamed answer as they come. */
export async function* stream(path, body, signal) {
  const response = await post(path, { ...body, stream: true }, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await attempt(reader.read(), "broken_off");
    if (done) throw new Problem({ words: "broken_off" });
    const lines = (rest + value).split("\n");
    rest = lines.pop(); // the beginning of a line whose end is still to come
    for (const line of lines) {
      if (!line.startsWith("data:")) continue;
      const data = line.slice("data:".length).trim();
      if (data === "[DONE]") return;
      const event = JSON.parse(data);
      if (event.error) throw new Problem({ message: event.error.message });
      yield event;
    }
  }
}
