/** The OpenAPI 3.1 document, made from the route table and the request and answer classes. */
import type { ClassConstructor } from "class-transformer";
import * as answers from "./answers.dto.ts";
import { PROBLEMS, type ProblemCode } from "./problems.ts";
import type { ApiRoute } from "./route.ts";
import { schemaOf, withNested } from "./schemas.dto.ts";

/** Every route may answer these. */
const ALWAYS: readonly ProblemCode[] = ["internal", "starting"];
const WITH_INPUT: readonly ProblemCode[] = ["bad_json", "invalid_input", "too_large", "unsupported_media_type"];
const WITH_FILE: readonly ProblemCode[] = ["invalid_input", "too_large", "unsupported_media_type"];
const WITH_TOKEN: readonly ProblemCode[] = [
  "unauthenticated",
  "token_invalid",
  "token_expired",
  "token_revoked",
  "scope_missing",
  "store_unavailable",
];

/** Codes that a route can answer, in the order of the table of problems. */
export function problemsOf(route: ApiRoute): readonly ProblemCode[] {
  const codes = new Set<ProblemCode>([
    ...ALWAYS,
    ...route.problems,
    ...(route.body === undefined ? [] : WITH_INPUT),
    ...(route.takesFile === true ? WITH_FILE : []),
    ...(route.query === undefined ? [] : (["invalid_input"] as const)),
    ...(route.auth === "none" || route.auth === "operator" ? [] : WITH_TOKEN),
    ...(route.auth === "operator" ? (["operator_only"] as const) : []),
  ]);
  return (Object.keys(PROBLEMS) as ProblemCode[]).filter((code) => codes.has(code));
}

export function openApiOf(
  routes: readonly ApiRoute[],
  info: { readonly version: string; readonly url: string },
): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  const spoken = routes.flatMap((route) => [route.body, route.query, route.answers.schema]);
  const classes = withNested([...spoken.filter((dto) => dto !== undefined), answers.Problem]);
  return {
    openapi: "3.1.0",
    info: {
      title: "Hearsay",
      version: info.version,
      description: "One node of the mesh. The socket at /v1/socket is described in PROTOCOL.md of the SDK.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: info.url }],
    paths,
    components: {
      securitySchemes: {
        user: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "user token, 30 days" },
        session: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "session token, at most 24 h" },
        operator: { type: "http", scheme: "bearer", description: "operator key" },
      },
      schemas: Object.fromEntries(classes.map((dto) => [dto.name, schemaOf(dto)])),
    },
  };
}

function operationOf(route: ApiRoute): object {
  return {
    summary: route.summary,
    tags: [route.tag],
    operationId: `${route.method.toLowerCase()}${route.path.replaceAll(/[^A-Za-z]+/g, "_")}`,
    security: securityOf(route),
    parameters: parametersOf(route),
    ...requestBodyOf(route),
    responses: { [route.answers.status]: answerOf(route), ...problemAnswers(route) },
  };
}

const referTo = (dto: ClassConstructor<object>): object => ({ $ref: `#/components/schemas/${dto.name}` });

const BYTES = { type: "string", format: "binary" } as const;

function requestBodyOf(route: ApiRoute): object {
  if (route.takesFile === true) {
    const schema = { type: "object", properties: { file: BYTES }, required: ["file"] };
    return { requestBody: { required: true, content: { "multipart/form-data": { schema } } } };
  }
  if (route.body === undefined) return {};
  const content = { "application/json": { schema: referTo(route.body) } };
  return { requestBody: { required: route.bodyOptional !== true, content } };
}

function answerOf(route: ApiRoute): object {
  const { type, schema } = route.answers;
  const content =
    type === undefined ? { "application/json": { schema: referTo(schema) } } : { [type]: { schema: BYTES } };
  return { description: "Done", content };
}

function problemAnswers(route: ApiRoute): Record<string, object> {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(route)) {
    const [status] = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  const content = { "application/problem+json": { schema: referTo(answers.Problem) } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [String(status), { description: codes.join(", "), content }]),
  );
}

function securityOf(route: ApiRoute): readonly object[] {
  switch (route.auth) {
    case "none":
      return [];
    case "user":
      return [{ user: [] }];
    case "session":
      return [{ session: [] }];
    case "person":
      return [{ user: [] }, { session: [] }];
    case "optional":
      return [{}, { user: [] }, { session: [] }];
    case "operator":
      return [{}, { operator: [] }];
  }
}

function parametersOf(route: ApiRoute): readonly object[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const properties = route.query === undefined ? {} : (schemaOf(route.query) as { properties?: object }).properties;
  const inQuery = Object.entries(properties ?? {}).map(([name, schema]) => ({ name, in: "query", schema }));
  const inHeader =
    route.takesIdempotencyKey === true
      ? [{ name: "Idempotency-Key", in: "header", schema: { type: "string", maxLength: 64 } }]
      : [];
  return [...inPath, ...inQuery, ...inHeader];
}
