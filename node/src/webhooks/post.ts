/**
 * One POST to a stranger's server. The address is judged when it is connected to, after the name was resolved, so no name can
 * lead inside by changing its answer; redirects are not followed, and the answer's body is not read.
 */
import { lookup as resolve } from "node:dns";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { type BlockList, isIP, type LookupFunction } from "node:net";
import { isAllowedAddress } from "./public-address.ts";

export type PostOutcome =
  | { readonly kind: "answered"; readonly status: number }
  /** It leads to no address that webhooks may reach. */
  | { readonly kind: "forbidden" }
  | { readonly kind: "failed"; readonly reason: string };

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly timeoutMs: number;
}

class ForbiddenAddress extends Error {
  override readonly name = "ForbiddenAddress";
}

/** A target that can be judged by its look alone: http(s), no credentials, no address that is forbidden. */
export function isTarget(url: string, allowed: BlockList): boolean {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) return false;
  if (parsed.username !== "" || parsed.password !== "" || parsed.hash !== "") return false;
  const host = hostOf(parsed);
  return isIP(host) === 0
    ? !/(^|\.)localhost\.?$/i.test(host) || allowed.check("127.0.0.1")
    : isAllowedAddress(host, allowed);
}

/** Never rejects. */
export async function post(request: PostRequest, allowed: BlockList): Promise<PostOutcome> {
  if (!isTarget(request.url, allowed)) return { kind: "forbidden" };
  try {
    return { kind: "answered", status: await send(request, guardedLookup(allowed)) };
  } catch (error) {
    if (error instanceof ForbiddenAddress) return { kind: "forbidden" };
    return { kind: "failed", reason: reasonOf(error) };
  }
}

function send({ url, headers, body, timeoutMs }: PostRequest, lookup: LookupFunction): Promise<number> {
  const target = new URL(url);
  const make = target.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolveStatus, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const length = String(Buffer.byteLength(body));
    const options = { method: "POST", lookup, signal, agent: false, headers: { ...headers, "content-length": length } };
    const request = make(target, options, (response) => {
      resolveStatus(response.statusCode ?? 0);
      response.destroy();
    });
    request.on("error", reject);
    request.end(body);
  });
}

/** Resolves as usual, and refuses when any of the addresses is forbidden. */
function guardedLookup(allowed: BlockList): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "");
      const isForbidden =
        addresses.length === 0 || addresses.some(({ address }) => !isAllowedAddress(address, allowed));
      if (isForbidden) return callback(new ForbiddenAddress(hostname), "");
      if (options.all === true) return callback(null, addresses);
      const [first] = addresses;
      callback(null, first?.address ?? "", first?.family);
    });
  };
}

function reasonOf(error: unknown): string {
  // By shape: errors of sockets need not be of this realm's Error.
  if (typeof error !== "object" || error === null) return "unknown";
  if ("code" in error) return String(error.code);
  return "name" in error ? String(error.name) : "unknown";
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, "");
