/** /docs: the API as a page that can be read without JavaScript or anything from elsewhere. */
import { problemsOf } from "./openapi.ts";
import { PROBLEMS } from "./problems.ts";
import type { ApiRoute, AuthKind } from "./route.ts";
import { schemaOf } from "./schemas.dto.ts";

const WHO: Readonly<Record<AuthKind, string>> = {
  none: "anybody",
  user: "user token",
  session: "session token",
  person: "user or session token",
  optional: "anybody, or with a user or session token",
  operator: "anybody on loopback, else the operator key",
};

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222;background:#fff}
code{font-family:ui-monospace,monospace}section{border-top:1px solid #ccc;margin-top:1.5rem}h2 code{font-size:1rem}
table{border-collapse:collapse}td,th{border-bottom:1px solid #ddd;padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}section,td,th{border-color:#444}a{color:#8cf}}`;

export function docsOf(routes: readonly ApiRoute[], version: string): string {
  const problems = Object.entries(PROBLEMS)
    .map(
      ([code, [status, title]]) =>
        `<tr><td><code>${code}</code></td><td>${status}</td><td>${escapeHtml(title)}</td></tr>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Hearsay: the API of a node</title><style>${STYLE}</style></head><body>
<h1>The API of a node</h1>
<p>Hearsay ${escapeHtml(version)}. JSON in, JSON out; tokens in the Authorization header; refusals are
application/problem+json with a stable code. For programs: <a href="/v1/openapi.json">/v1/openapi.json</a>.
WebSockets: /v1/socket (signalling, PROTOCOL.md of the SDK) and /v1/echo (round trip times).
Operation: /livez, /readyz, /metrics.</p>
${routes.map(sectionOf).join("\n")}
<section><h2>Codes of refusals</h2><table><tr><th>code</th><th>status</th><th>meaning</th></tr>
${problems}</table></section>
</body></html>
`;
}

function sectionOf(route: ApiRoute): string {
  const parts = [
    `<section><h2><code>${route.method} ${escapeHtml(route.path)}</code></h2><p>${escapeHtml(route.summary)}</p>`,
    `<p>Who: ${WHO[route.auth]}. Answers ${route.answers.status}: <code>${escapeHtml(route.answers.type ?? route.answers.schema.name)}</code>.</p>`,
    route.takesFile === true ? "<p>Body: multipart/form-data with one file.</p>" : "",
    route.query === undefined ? "" : `<p>Query:</p>${fieldsOf(schemaOf(route.query))}`,
    route.body === undefined
      ? ""
      : `<p>Body${route.bodyOptional === true ? " (may be absent)" : ""}:</p>${fieldsOf(schemaOf(route.body))}`,
    `<p>May refuse: ${problemsOf(route)
      .map((code) => `<code>${code}</code>`)
      .join(", ")}.</p></section>`,
  ];
  return parts.join("\n");
}

function fieldsOf(schema: object): string {
  const { properties = {}, required = [] } = schema as {
    readonly properties?: Readonly<Record<string, object>>;
    readonly required?: readonly string[];
  };
  const rows = Object.entries(properties).map(([name, field]) => {
    const need = required.includes(name) ? "required" : "optional";
    return `<tr><td><code>${escapeHtml(name)}</code></td><td>${need}</td><td><code>${escapeHtml(JSON.stringify(field))}</code></td></tr>`;
  });
  return rows.length === 0 ? "<p>Nothing.</p>" : `<table>${rows.join("")}</table>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => ENTITIES[char] ?? char);
