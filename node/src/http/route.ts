/** What a route of the API is: one row that the server, the OpenAPI document and /docs are made from. */
import type { ClassConstructor } from "class-transformer";
import type { IncomingFile } from "./incoming-file.ts";
import type { Person } from "./people.ts";
import type { ProblemCode } from "./problems.ts";

/**
 * Who may call: "none" anybody; "user" a user token; "session" a session token; "person" either of them; "optional" as
 * person, or nobody; "operator" anybody on loopback, else the operator key.
 */
export type AuthKind = "none" | "user" | "session" | "person" | "optional" | "operator";

export interface Call<Body = undefined, Query = undefined> {
  readonly person: Person | undefined;
  readonly params: Readonly<Record<string, string>>;
  readonly body: Body;
  readonly query: Query;
  readonly idempotencyKey: string | undefined;
  readonly address: string;
  /** A header of the request, by its name in small letters. */
  readonly header: (name: string) => string | undefined;
  /** The one file of the request, still on its way in; where the route takes one. */
  readonly file: IncomingFile | undefined;
}
export interface Answer {
  readonly status?: number;
  /** What becomes JSON; or a stream or bytes, with their content-type among the headers. */
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With :parameters. */
  readonly path: string;
  readonly summary: string;
  readonly tag: "people" | "rooms" | "messages" | "memories" | "happenings" | "bills" | "integrations" | "mesh";
  readonly auth: AuthKind;
  readonly body?: ClassConstructor<object>;
  /** A request without a body counts as {}. */
  readonly bodyOptional?: boolean;
  readonly query?: ClassConstructor<object>;
  readonly takesIdempotencyKey?: boolean;
  /** The body is multipart/form-data with one file. */
  readonly takesFile?: boolean;
  /** `type`: the media type of an answer that is not JSON; the schema then says nothing. */
  readonly answers: { readonly status: number; readonly schema: ClassConstructor<object>; readonly type?: string };
  /** Beyond those that every route has. */
  readonly problems: readonly ProblemCode[];
  readonly handle: (call: Call<unknown, unknown>) => Promise<Answer>;
}

/** Ties a handler's types to its request classes. */
export function route<Body extends object | undefined = undefined, Query extends object | undefined = undefined>(
  row: Omit<ApiRoute, "body" | "query" | "handle"> & {
    readonly body?: ClassConstructor<NonNullable<Body>>;
    readonly query?: ClassConstructor<NonNullable<Query>>;
    readonly handle: (call: Call<Body, Query>) => Promise<Answer>;
  },
): ApiRoute {
  // The server hands over exactly what row.body and row.query made.
  return { ...row, handle: row.handle as ApiRoute["handle"] } as ApiRoute;
}
