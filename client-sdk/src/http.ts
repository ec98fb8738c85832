/**
 * Requests to whichever node answers. All nodes are equal, so a request that may be repeated goes to the next known
 * node when one cannot be reached.
 */
import { failure, HearsayError } from "./errors.ts";
import type { ResolvedOptions } from "./options.ts";
import type { NodeInfo, Problem } from "./protocol/messages.ts";

/** Nodes remembered for the case that the first one dies; at the bound the newest are left out. */
const MAX_NODES = 32;
/** A file that makes no progress for so long is given up. */
const UPLOAD_STALL_MS = 30_000;

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface Call {
  readonly method: Method;
  readonly path: string;
  readonly body?: unknown;
  /** Default: the user token. */
  readonly token?: string | undefined;
  /** Doing it twice is harmless, so another node may be asked when one does not answer. */
  readonly repeatable: boolean;
}
export interface SendOptions {
  /** Default: true for PUT and DELETE. */
  readonly repeatable?: boolean;
  readonly token?: string;
}
export interface UploadOptions {
  /** Bytes sent so far, and all of them. */
  readonly onProgress?: (sentBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
}
type Query = Readonly<Record<string, string | number | undefined>>;

/** "?a=1&b=2", without what is undefined. */
export function queryOf(query: Query): string {
  const given = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
}
export const roomPath = (slug: string, rest = ""): string => `/v1/rooms/${encodeURIComponent(slug)}${rest}`;

export class Http {
  readonly #options: ResolvedOptions;
  #urls: readonly string[];
  /** User token; undefined before anybody entered. */
  token: string | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#urls = [options.url];
    this.token = options.token;
  }

  /** Base URLs that are asked, in this order. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** The node that serves us now is asked first. */
  prefer(url: string): void {
    this.#urls = [url, ...this.#urls.filter((other) => other !== url)].slice(0, MAX_NODES);
  }

  /** These did not answer lately: they are asked last. */
  demote(urls: readonly string[]): void {
    const last = new Set(urls);
    this.#urls = [...this.#urls.filter((url) => !last.has(url)), ...this.#urls.filter((url) => last.has(url))];
  }

  remember(nodes: readonly NodeInfo[]): void {
    const urls = nodes.map((node) => node.url.replace(/\/+$/, ""));
    this.#urls = [...new Set([...this.#urls, ...urls])].slice(0, MAX_NODES);
  }

  /** An address of the node that is asked first, for an <img> or a link. */
  address(path: string): string {
    return `${this.#urls[0] ?? ""}${path}`;
  }

  get<T>(path: string): Promise<T> {
    return this.#call({ method: "GET", path, repeatable: true });
  }

  send<T>(method: Method, path: string, body?: unknown, options: SendOptions = {}): Promise<T> {
    const repeatable = options.repeatable ?? (method === "PUT" || method === "DELETE");
    const token = options.token === undefined ? {} : { token: options.token };
    return this.#call({ method, path, repeatable, ...token, ...(body === undefined ? {} : { body }) });
  }

  /** The bytes of an answer, for what only a token opens. */
  async blob(path: string, signal?: AbortSignal): Promise<Blob> {
    const response = await this.#fetch(this.address(path), { method: "GET" }, signal);
    if (!response.ok) await decode(response);
    return response.blob();
  }

  /**
   * One file as multipart/form-data. Progress is told where the platform has XMLHttpRequest; elsewhere once, at the end.
   * Rejects with the node's code, "network", "timeout" when nothing moves any more, or "closed" when aborted.
   */
  async upload<T>(path: string, file: Blob, options: UploadOptions = {}): Promise<T> {
    const form = new FormData();
    form.append("file", file, file instanceof File ? file.name : "file");
    if (options.signal?.aborted === true) throw new HearsayError("closed", "The upload was given up.");
    if (typeof XMLHttpRequest === "function") return decode<T>(await this.#transfer(path, form, options));
    const response = await this.#fetch(this.address(path), { method: "POST", body: form }, options.signal);
    const answer = await decode<T>(response);
    options.onProgress?.(file.size, file.size);
    return answer;
  }

  /** XMLHttpRequest is the only way in browsers to see an upload move. */
  #transfer(path: string, form: FormData, options: UploadOptions): Promise<Response> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const end = (code: string, text: string) => (): void => {
        cancel();
        options.signal?.removeEventListener("abort", aborted);
        reject(new HearsayError(code, text));
      };
      const aborted = (): void => request.abort();
      const watch = (): (() => void) =>
        this.#options.schedule(() => {
          request.onabort = end("timeout", "The upload does not move any more.");
          request.abort();
        }, UPLOAD_STALL_MS);
      let cancel = watch();
      request.upload.onprogress = ({ loaded, total }) => {
        cancel();
        cancel = watch();
        options.onProgress?.(loaded, total);
      };
      request.onload = () => {
        cancel();
        options.signal?.removeEventListener("abort", aborted);
        resolve(responseOf(request));
      };
      request.onerror = end("network", "The upload was not answered.");
      request.onabort = end("closed", "The upload was given up.");
      options.signal?.addEventListener("abort", aborted);
      request.open("POST", this.address(path));
      if (this.token !== undefined) request.setRequestHeader("authorization", `Bearer ${this.token}`);
      request.send(form);
    });
  }

  async #call<T>(call: Call): Promise<T> {
    const urls = call.repeatable ? this.#urls : this.#urls.slice(0, 1);
    let unreachable = new HearsayError("network", "No node could be reached.");
    for (const url of urls) {
      try {
        return await this.#ask<T>(url, call);
      } catch (error) {
        if (!(error instanceof HearsayError) || error.status !== undefined) throw error;
        unreachable = error;
      }
    }
    throw unreachable;
  }

  async #ask<T>(url: string, call: Call): Promise<T> {
    const abort = new AbortController();
    const cancel = this.#options.schedule(() => abort.abort(), this.#options.requestTimeoutMs);
    const json = call.body === undefined ? {} : { body: JSON.stringify(call.body) };
    try {
      const response = await this.#fetch(
        `${url}${call.path}`,
        { method: call.method, ...json },
        abort.signal,
        call.token,
      );
      return await decode<T>(response);
    } catch (error) {
      if (abort.signal.aborted)
        throw failure("timeout", `${call.method} ${call.path.split("?")[0]} was not answered.`, { cause: error });
      throw error;
    } finally {
      cancel();
    }
  }

  async #fetch(url: string, init: RequestInit, signal?: AbortSignal, token = this.token): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json" };
    if (typeof init.body === "string") headers["content-type"] = "application/json";
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    const whole = { ...init, headers, signal: signal ?? null, credentials: "omit", cache: "no-store" } as RequestInit;
    try {
      return await this.#options.fetch(url, whole);
    } catch (error) {
      const code = signal?.aborted === true ? "closed" : "network";
      throw failure(code, `${init.method} was not answered.`, { cause: error });
    }
  }
}

function responseOf(request: XMLHttpRequest): Response {
  const retryAfter = request.getResponseHeader("retry-after");
  const headers = retryAfter === null ? {} : { "retry-after": retryAfter };
  // Status 0 and below 200 cannot be put into a Response.
  return new Response(request.responseText, { status: Math.max(200, request.status), headers });
}

async function decode<T>(response: Response): Promise<T> {
  let value: unknown;
  try {
    value = JSON.parse(await response.text());
  } catch (error) {
    throw failure("bad_response", `A node answered ${response.status} without JSON.`, {
      cause: error,
      status: response.status,
    });
  }
  if (typeof value !== "object" || value === null)
    throw new HearsayError("bad_response", "A node answered something unexpected.", { status: response.status });
  if (response.ok) return value as T;
  throw problemError(value as Partial<Problem> & { readonly movedTo?: unknown }, response);
}

function problemError(problem: Partial<Problem> & { readonly movedTo?: unknown }, response: Response): HearsayError {
  const retryAfterS = Number(response.headers.get("retry-after") ?? Number.NaN);
  return new HearsayError(
    typeof problem.code === "string" ? problem.code : "bad_response",
    problem.detail ?? problem.title ?? `A node answered ${response.status}.`,
    {
      status: response.status,
      ...(Number.isFinite(retryAfterS) ? { retryAfterMs: retryAfterS * 1_000 } : {}),
      ...(Array.isArray(problem.errors) ? { fields: problem.errors } : {}),
      ...(typeof problem.movedTo === "string" ? { movedTo: problem.movedTo } : {}),
    },
  );
}
