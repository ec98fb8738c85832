// HTTP calls to a node, for benchmarks.

const PATIENCE_MS = 15_000;

/** Throws on anything but success, with the problem's code. */
export async function call(url, path, { method = "POST", token, body } = {}) {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.code}`);
  return answer;
}

export const guest = async (url, displayName) => (await call(url, "/v1/guests", { body: { displayName } })).token;

/** A registered person who makes open rooms; resolves to the user token. */
export async function makeRooms(url, slugs, capacity = 500) {
  const { token } = await call(url, "/v1/users", { body: { handle: "owner", password: "a long enough password" } });
  for (const slug of slugs) await call(url, "/v1/rooms", { token, body: { slug, access: "open", capacity } });
  return token;
}

/** Samples of /metrics by name and labels as they are written there. */
export async function metricsOf(url) {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(PATIENCE_MS) })).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}
