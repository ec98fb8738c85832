/**
 * The HTTP shell: fastify with the route table on it, limits, problems, headers, and the two sockets. What a route does is
 * the services' business; here every request is read, checked and answered in the same way.
 */
import cors from "@fastify/cors";
import helmet from "@fastify/helmet";
import jwt from "@fastify/jwt";
import multipart from "@fastify/multipart";
import websocket from "@fastify/websocket";
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { Clock } from "../mesh/clock.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { MAX_FRAME_BYTES, type RawSocket } from "../signalling/gateway.ts";
import type { ApiTokens } from "../webhooks/api-tokens.ts";
import { assertOperator, callerOf } from "./caller.ts";
import { acceptEcho } from "./echo.ts";
import { closeAfterRefusal, incomingFileOf, MULTIPART_LIMITS } from "./incoming-file.ts";
import type { People } from "./people.ts";
import { ApiError, problemOf, statusOf, toApiError } from "./problems.ts";
import { IdempotencyKeyDto } from "./rooms.dto.ts";
import type { ApiRoute, Call } from "./route.ts";
import { SECURITY_HEADERS } from "./security.ts";
import { endSlowRequests, LONGEST_UPLOAD_MS } from "./slow-requests.ts";
import { parseDto } from "./validate.dto.ts";

export const MAX_BODY_BYTES = 65_536;

/** A fastify instance with nothing but tokens on it: other parts need its signer before there are routes. */
export async function createServer(
  logger: FastifyBaseLogger,
  options: { readonly trustProxy: readonly string[] },
): Promise<FastifyInstance> {
  const server = fastify({
    loggerInstance: logger,
    // One line a request would say who was where when; the metrics count them instead.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: options.trustProxy.length === 0 ? false : [...options.trustProxy],
    bodyLimit: MAX_BODY_BYTES,
    // A slug of 64 emoji of 35 bytes each is long when percent-encoded.
    routerOptions: { maxParamLength: 8_192 },
    // For uploads; endSlowRequests() gives everything else much less.
    requestTimeout: LONGEST_UPLOAD_MS,
    forceCloseConnections: true,
    // What cannot even be routed, as an address that is not percent-encoded rightly.
    frameworkErrors: (error, request, reply) => answerProblem(error, request, reply),
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
  });
  await server.register(jwt, { secret: "every call names its key" });
  return server;
}

export interface ServerParts {
  readonly routes: readonly ApiRoute[];
  readonly people: People;
  readonly apiTokens: ApiTokens;
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Until then everything but /livez is refused as starting. */
  readonly isStarted: () => boolean;
  readonly acceptClient: (socket: RawSocket) => void;
  readonly operator: { readonly isLoopback: boolean; readonly operatorKey: string | undefined };
}

export async function mountApi(server: FastifyInstance, parts: ServerParts): Promise<void> {
  // Tokens travel in headers, never in cookies: any page may speak to a node, with the token that it holds itself.
  await server.register(cors, {
    origin: true,
    credentials: false,
    methods: ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE"],
    allowedHeaders: ["authorization", "content-type", "idempotency-key", "range", "if-none-match", "if-range"],
    exposedHeaders: ["retry-after", "content-disposition", "content-range", "accept-ranges", "etag"],
    maxAge: 86_400,
  });
  await server.register(helmet, SECURITY_HEADERS);
  await server.register(websocket, { options: { maxPayload: MAX_FRAME_BYTES, perMessageDeflate: false } });
  await server.register(multipart, MULTIPART_LIMITS);
  endSlowRequests(server, parts.clock);
  // JSON, and files where a route takes one; fastify would take plain text too.
  server.removeContentTypeParser("text/plain");
  server.setErrorHandler((error, request, reply) => answerProblem(error, request, reply, parts.metrics));
  server.setNotFoundHandler((request, reply) =>
    answerProblem(notFound(server, request), request, reply, parts.metrics),
  );
  server.addHook("onRequest", async (request) => {
    if (!parts.isStarted() && request.routeOptions.url !== "/livez")
      throw new ApiError("starting", { retryAfterMs: 1_000 });
  });
  server.addHook("onResponse", async (request, reply) => {
    const url = request.routeOptions.url;
    const route = url === undefined || url.includes("*") ? "other" : url;
    parts.metrics.httpAnswered({ route, status: reply.statusCode, seconds: reply.elapsedTime / 1000 });
  });
  for (const route of parts.routes)
    server.route({
      method: route.method,
      url: route.path,
      handler: (request, reply) => answer(route, request, reply, parts),
    });
  mountSocket(server, "/v1/socket", parts.acceptClient);
  mountSocket(server, "/v1/echo", (socket) => acceptEcho(socket, parts.clock));
}

function mountSocket(server: FastifyInstance, url: string, accept: (socket: RawSocket) => void): void {
  server.route({
    method: "GET",
    url,
    handler: () => {
      throw new ApiError("not_found", { detail: "a WebSocket answers here" });
    },
    wsHandler: (socket) => accept(socket),
  });
}

async function answer(
  route: ApiRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  parts: ServerParts,
): Promise<unknown> {
  if (route.auth === "operator") assertOperator(request.headers.authorization, parts.operator);
  // Who calls comes first: a stranger is not told what a request should look like inside.
  const person = await callerOf(route, request.headers.authorization, parts);
  const call: Call<unknown, unknown> = {
    person,
    params: request.params as Readonly<Record<string, string>>,
    body: bodyOf(route, request),
    query: route.query === undefined ? undefined : checked(route.query, request.query),
    idempotencyKey: route.takesIdempotencyKey === true ? idempotencyKeyOf(request) : undefined,
    address: request.ip,
    header: (name) => headerOf(request, name),
    file: route.takesFile === true ? await incomingFileOf(request) : undefined,
  };
  const { status = route.answers.status, body, headers = {} } = await route.handle(call);
  return reply.code(status).header("cache-control", "no-store").headers(headers).send(body);
}

function headerOf(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

function bodyOf(route: ApiRoute, request: FastifyRequest): unknown {
  if (request.isMultipart() !== (route.takesFile === true)) throw new ApiError("unsupported_media_type");
  if (route.body === undefined) return undefined;
  if (request.body === undefined && request.headers["content-type"] === undefined && route.bodyOptional !== true)
    throw new ApiError("unsupported_media_type");
  const isAbsent = request.body === undefined || request.body === null;
  return checked(route.body, isAbsent && route.bodyOptional === true ? {} : request.body);
}

function checked(dto: NonNullable<ApiRoute["body"]>, input: unknown): object {
  const parsed = parseDto(dto, input);
  if (!parsed.ok) throw new ApiError("invalid_input", { errors: parsed.errors });
  return parsed.value;
}

function idempotencyKeyOf(request: FastifyRequest): string | undefined {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return undefined;
  checked(IdempotencyKeyDto, { key });
  return String(key);
}

function answerProblem(thrown: unknown, request: FastifyRequest, reply: FastifyReply, metrics?: Metrics): void {
  const error = toApiError(thrown);
  if (error.code === "internal")
    request.log.error({ err: thrown, route: request.routeOptions.url }, "a request failed");
  if (error.code === "store_unavailable") metrics?.storeUnavailable();
  if (error.retryAfterMs !== undefined)
    void reply.header("retry-after", Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  closeAfterRefusal(request, reply);
  if (error.movedTo !== undefined) void reply.header("location", movedPath(request.url, error.movedTo));
  void reply
    .code(statusOf(error.code))
    .header("cache-control", "no-store")
    .type("application/problem+json")
    .send(JSON.stringify(problemOf(error)));
}

/** The same address with the room's slug of now. */
function movedPath(url: string, slug: string): string {
  return url.replace(/^\/v1\/rooms\/[^/?]+/, () => `/v1/rooms/${encodeURIComponent(slug)}`);
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"] as const;

/** 405 where another method would have found a route. */
function notFound(server: FastifyInstance, request: FastifyRequest): ApiError {
  const path = request.url.split("?")[0] ?? "";
  if (!path.startsWith("/v1/")) return new ApiError("not_found");
  const others = METHODS.filter((method) => method !== request.method);
  const isKnown = others.some((method) => {
    const found = server.findRoute({ method, url: path });
    return found !== null;
  });
  return new ApiError(isKnown ? "method_not_allowed" : "not_found");
}
