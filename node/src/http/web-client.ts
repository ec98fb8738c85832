/**
 * The web client, when it was built: its files, and its page for every other address that a browser asks for. The files are
 * read once, at start: they are few and small, no address can lead outside of them, and each is compressed once.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { gzipSync } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ApiError } from "./problems.ts";

/** More than this is no web client of ours. */
const MAX_FILES = 1_000;
const MAX_TOTAL_BYTES = 64 * 1024 * 1024;
/** Names with a hash of their content never change. */
const HASHED = /[.-][A-Z0-9]{8}\.[a-z0-9]+$/;
const A_YEAR = "public, max-age=31536000, immutable";
const MIN_COMPRESSED_BYTES = 1_024;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".map": "application/json; charset=utf-8",
  ".webmanifest": "application/manifest+json; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".wasm": "application/wasm",
  ".txt": "text/plain; charset=utf-8",
};
const COMPRESSIBLE: ReadonlySet<string> = new Set([
  ".html",
  ".js",
  ".css",
  ".json",
  ".map",
  ".webmanifest",
  ".svg",
  ".txt",
]);

interface WebFile {
  readonly type: string;
  readonly bytes: Buffer;
  /** Absent when compressing gains nothing. */
  readonly gzipped: Buffer | undefined;
  readonly etag: string;
  readonly cacheControl: string;
}

/** False when there is no client in that folder. */
export function mountWebClient(server: FastifyInstance, folder: string): boolean {
  if (!existsSync(join(folder, "index.html"))) return false;
  const files = readFiles(folder);
  server.get("/*", async (request, reply) => {
    const path = decodePath(request.url);
    if (path === "/v1" || path.startsWith("/v1/")) throw new ApiError("not_found");
    const file = files.get(path) ?? pageFor(path, files);
    if (file === undefined) throw new ApiError("not_found");
    return sendFile(file, request, reply);
  });
  return true;
}

/** Addresses of the web client are its page; what is named like a file and is not there is not. */
function pageFor(path: string, files: ReadonlyMap<string, WebFile>): WebFile | undefined {
  const isNamedLikeFile = Object.hasOwn(TYPES, extname(path));
  return isNamedLikeFile ? undefined : files.get("/index.html");
}

function sendFile(file: WebFile, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.header("cache-control", file.cacheControl).header("etag", file.etag).header("vary", "accept-encoding");
  if (request.headers["if-none-match"] === file.etag) return reply.code(304).send();
  void reply.type(file.type);
  const takesGzip = /\bgzip\b/.test(String(request.headers["accept-encoding"] ?? ""));
  if (!takesGzip || file.gzipped === undefined) return reply.send(file.bytes);
  return reply.header("content-encoding", "gzip").send(file.gzipped);
}

function readFiles(folder: string): ReadonlyMap<string, WebFile> {
  const files = new Map<string, WebFile>();
  let totalBytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const file = toFile(entry.name, readFileSync(path));
    totalBytes += file.bytes.length;
    if (files.size >= MAX_FILES || totalBytes > MAX_TOTAL_BYTES)
      throw new RangeError(
        `${folder} holds more than ${MAX_FILES} files or ${MAX_TOTAL_BYTES} bytes: is it the web client?`,
      );
    files.set(path.slice(folder.length).split(sep).join("/"), file);
  }
  return files;
}

function toFile(name: string, bytes: Buffer): WebFile {
  const extension = extname(name);
  const isWorthIt = bytes.length >= MIN_COMPRESSED_BYTES && COMPRESSIBLE.has(extension);
  return {
    type: TYPES[extension] ?? "application/octet-stream",
    bytes,
    gzipped: isWorthIt ? gzipSync(bytes, { level: 9 }) : undefined,
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    cacheControl: HASHED.test(name) ? A_YEAR : "no-cache",
  };
}

function decodePath(url: string): string {
  const [path = "/"] = url.split("?");
  try {
    return decodeURIComponent(path);
  } catch {
    return "/"; // The router has refused what cannot be decoded; this is for what it lets pass.
  }
}
