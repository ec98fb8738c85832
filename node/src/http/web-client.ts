/** The web client, when it was built: its files, and its page for every other address that a browser asks for. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { ApiError } from "./problems.ts";

/** Names with a hash of their content never change. */
const HASHED = /[.-][A-Za-z0-9_-]{8,}\.(?:js|css|woff2|png|svg|wasm|json|map)$/;
const A_YEAR = "public, max-age=31536000, immutable";

/** False when there is no client in that folder. */
export async function mountWebClient(server: FastifyInstance, folder: string): Promise<boolean> {
  if (!existsSync(join(folder, "index.html"))) return false;
  // Loaded only by nodes that have something to serve.
  const { default: fastifyStatic } = await import("@fastify/static");
  await server.register(fastifyStatic, {
    root: folder,
    wildcard: false,
    index: false,
    serve: false,
  });
  server.get("/*", async (request, reply) => {
    const path = decodePath(request.url);
    if (path.startsWith("/v1/") || path === "/v1") throw new ApiError("not_found");
    const name = path.slice(1);
    // The web client's addresses have no dots at the end that name a kind of file; a missing file must stay a 404.
    const isFile = name !== "" && !name.split("/").includes("..") && existsSync(join(folder, name));
    if (!isFile && /\.(?:js|css|map|json|png|svg|ico|woff2|wasm|txt|webmanifest)$/.test(name))
      throw new ApiError("not_found");
    const file = isFile && !name.endsWith("/") ? name : "index.html";
    void reply.header("cache-control", HASHED.test(file) ? A_YEAR : "no-cache");
    return reply.sendFile(file, { cacheControl: false });
  });
  return true;
}

function decodePath(url: string): string {
  try {
    return decodeURIComponent(url.split("?")[0] ?? "/");
  } catch {
    return "/";
  }
}
