/** Routes for supervisors and readers: liveness, readiness, metrics, the API's description. */
import type { FastifyInstance } from "fastify";
import { docsOf } from "./docs.ts";
import { openApiOf } from "./openapi.ts";
import type { ApiRoute } from "./route.ts";

export interface Readiness {
  readonly ready: boolean;
  /** What is missing, by part. */
  readonly checks: Readonly<Record<string, boolean>>;
}

export function mountOperation(
  server: FastifyInstance,
  parts: {
    readonly routes: readonly ApiRoute[];
    readonly version: string;
    readonly url: () => string;
    readonly readiness: () => Promise<Readiness>;
    readonly metrics: () => Promise<string>;
  },
): void {
  // Alive: the event loop answers. It says nothing of stores or other nodes, or a supervisor would restart for their sake.
  server.get("/livez", async () => ({ status: "alive" }));
  server.get("/readyz", async (_request, reply) => {
    const { ready, checks } = await parts.readiness();
    return reply
      .code(ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send({ status: ready ? "ready" : "not ready", checks });
  });
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await parts.metrics()),
  );
  server.get("/v1/openapi.json", async () => openApiOf(parts.routes, { version: parts.version, url: parts.url() }));
  const docs = docsOf(parts.routes, parts.version);
  server.get("/docs", async (_request, reply) => reply.type("text/html; charset=utf-8").send(docs));
}
