// JSON over HTTP on connections that stay open, and the clock that all processes of this machine share.
import { Agent, request } from "node:http";

const PATIENCE_MS = 5_000;
const agent = new Agent({ keepAlive: true, maxSockets: 128 });

/** Milliseconds of the machine's monotonic clock, the same in every process. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Rejects when nobody listens, the connection breaks, or nothing comes for 5 s. */
export function call(url, method, path, { token, body } = {}) {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const headers = {
    ...(json === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(json) }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve, reject) => {
    const asked = request(`${url}${path}`, { agent, method, headers, timeout: PATIENCE_MS }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const isJson = /json/.test(response.headers["content-type"] ?? "");
        resolve({ status: response.statusCode, body: isJson ? JSON.parse(text) : text });
      });
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer")));
    asked.on("error", reject);
    asked.end(json);
  });
}

export async function must(url, method, path, options) {
  const answer = await call(url, method, path, options);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}
