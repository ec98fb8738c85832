/** Reads who calls out of a request's headers. */
import { timingSafeEqual } from "node:crypto";
import type { SessionClaims } from "../session/tokens.ts";
import { type ApiTokens, looksLikeApiToken } from "../webhooks/api-tokens.ts";
import { scopeOf } from "./api-scopes.ts";
import type { People, Person } from "./people.ts";
import { ApiError } from "./problems.ts";
import type { ApiRoute, Call } from "./route.ts";

const BEARER = /^Bearer ([A-Za-z0-9._~+/=-]{1,4096})$/i;

/** The token of an Authorization header; undefined without one. Throws ApiError. */
export function bearerOf(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const token = BEARER.exec(header)?.[1];
  if (token === undefined) throw new ApiError("token_invalid");
  return token;
}

/** Throws ApiError or TokenError. */
export async function callerOf(
  route: Pick<ApiRoute, "auth" | "method" | "path" | "tag">,
  header: string | undefined,
  { people, apiTokens }: { readonly people: People; readonly apiTokens: ApiTokens },
): Promise<Person | undefined> {
  const { auth } = route;
  if (auth === "none" || auth === "operator") return undefined;
  const token = bearerOf(header);
  if (token === undefined) {
    if (auth === "optional") return undefined;
    throw new ApiError("unauthenticated");
  }
  if (looksLikeApiToken(token)) return byApiToken(route, token, apiTokens);
  if (auth === "user") return people.byUserToken(token);
  if (auth === "session") return people.bySessionToken(token);
  return people.byEitherToken(token);
}

async function byApiToken(
  route: Pick<ApiRoute, "auth" | "method" | "path" | "tag">,
  token: string,
  apiTokens: ApiTokens,
): Promise<Person> {
  const { user, scopes } = await apiTokens.verify(token);
  const scope = scopeOf(route);
  if (scope === undefined || !scopes.includes(scope)) throw new ApiError("scope_missing");
  return { user };
}

/** Anybody may be an operator where only this machine reaches the node. Throws ApiError. */
export function assertOperator(
  header: string | undefined,
  rule: { readonly isLoopback: boolean; readonly operatorKey: string | undefined },
): void {
  if (rule.isLoopback) return;
  const token = bearerOf(header);
  if (token === undefined || rule.operatorKey === undefined) throw new ApiError("operator_only");
  const [given, wanted] = [Buffer.from(token), Buffer.from(rule.operatorKey)];
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new ApiError("operator_only");
}

/** The server put it there, as the route's auth says. */
export function personOf(call: Call<unknown, unknown>): Person {
  if (call.person === undefined) throw new ApiError("unauthenticated");
  return call.person;
}

export function sessionOf(call: Call<unknown, unknown>): SessionClaims {
  const session = call.person?.session;
  if (session === undefined) throw new ApiError("unauthenticated");
  return session;
}
