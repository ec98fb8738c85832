/** Makes requests from an OpenAPI document: mostly right, wrong in one or several places. Seeded; pure. */
import type { Random } from "#gossip";

export interface Schema {
  readonly type?: string;
  readonly $ref?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}
export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly schema: Schema;
}
export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses: Readonly<Record<string, object>>;
}
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** Texts that have broken programs before. */
const NASTY: readonly string[] = [
  ...[
    "",
    " ",
    "null",
    "undefined",
    "NaN",
    "-1",
    "0",
    "1e309",
    "true",
    "[object Object]",
    "../../etc/passwd",
    "%00",
    "a\u0000b",
  ],
  ...[
    "\ud800",
    "\u202eabc",
    "ﬁ",
    "İ",
    "ß".repeat(300),
    "👨‍👩‍👧‍👦".repeat(20),
    "e\u0301\u0301\u0301\u0301",
    "\u115f",
    "ᅟ",
    "𝒳",
  ],
  ...["' OR 1=1 --", '"; DROP TABLE user; --', '{"$gt":""}', "$where", "__proto__", "constructor", "toString"],
  ...["01ARZ3NDEKTSV4RRFFQ69G5FAV", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "~", "x".repeat(70_000 / 16), "9".repeat(400)],
  ...[
    "2026-02-30",
    "9999999999999",
    "-9007199254740993",
    "https://127.0.0.1/",
    "javascript:alert(1)",
    "Europe/Nowhere",
  ],
];
const WRONG: readonly unknown[] = [
  ...[null, true, false, 0, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER + 1, "", [], {}, [[]], [null], { $ne: null }],
  ...[{ $gt: "" }, { toString: 1 }, { length: 5 }, ["a", { b: [1] }], { constructor: { name: "x" } }],
];
const MAX_DEPTH = 6;

export class RequestMaker {
  readonly #random: Random;
  readonly #schemas: ApiDocument["components"]["schemas"];
  /** Values that exist, by the name of a field or parameter. */
  readonly #known: (name: string) => readonly string[];

  constructor(random: Random, document: ApiDocument, known: (name: string) => readonly string[]) {
    this.#random = random;
    this.#schemas = document.components.schemas;
    this.#known = known;
  }

  path(template: string): string {
    return template.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(this.#wellFormed(this.#param(name))),
    );
  }

  query(parameters: readonly Parameter[]): string {
    const query = new URLSearchParams();
    for (const { name, schema } of parameters.filter((parameter) => parameter.in === "query")) {
      if (this.#chance(0.5)) continue;
      const value = this.#chance(0.7) ? this.value(schema, name) : this.pick(NASTY);
      query.append(
        this.#chance(0.05) ? `${name}[$ne]` : name,
        typeof value === "string" ? value : JSON.stringify(value),
      );
      if (this.#chance(0.05)) query.append(name, "again");
    }
    if (this.#chance(0.05)) query.append("unknown", "x");
    return query.size === 0 ? "" : `?${query}`;
  }

  /** As the text of a body; undefined: none. */
  body(schema: Schema): string | undefined {
    if (this.#chance(0.05)) return undefined;
    if (this.#chance(0.05)) return this.pick(["{", "", "null", "[]", '"x"', '{"__proto__":{"x":1}}', "\ufeff{}"]);
    return JSON.stringify(this.#chance(0.05) ? this.pick(WRONG) : this.value(schema, ""));
  }

  value(schema: Schema, name: string, depth = 0): unknown {
    if (depth > MAX_DEPTH) return null;
    if (this.#chance(0.08)) return this.pick(WRONG);
    if (schema.$ref !== undefined)
      return this.value(this.#schemas[schema.$ref.split("/").at(-1) ?? ""] ?? {}, name, depth + 1);
    if (schema.enum !== undefined) return this.pick(schema.enum);
    switch (schema.type) {
      case "object":
        return this.#object(schema, depth);
      case "array":
        return Array.from({ length: this.#random.below(4) }, () => this.value(schema.items ?? {}, name, depth + 1));
      case "integer":
      case "number":
        return this.#number(schema);
      case "boolean":
        return this.#chance(0.5);
      default:
        return this.#text(schema, name);
    }
  }

  pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }

  #object(schema: Schema, depth: number): object {
    const fields: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      const isNeeded = schema.required?.includes(name) === true;
      if (this.#chance(isNeeded ? 0.95 : 0.5)) fields[name] = this.value(field, name, depth + 1);
    }
    if (this.#chance(0.05)) fields[this.pick(NASTY)] = 1;
    return fields;
  }

  #number({ minimum = 0, maximum = 1000 }: Schema): number {
    const edges = [minimum, maximum, minimum - 1, maximum + 1, minimum + 0.5, 0, -0, 2 ** 53];
    return this.#chance(0.4)
      ? this.pick(edges)
      : Math.floor(minimum + this.#random.next() * Math.min(1000, maximum - minimum));
  }

  #text({ minLength = 1, maxLength = 40 }: Schema, name: string): string {
    const known = this.#known(name);
    if (known.length > 0 && this.#chance(0.75)) return this.pick(known);
    if (this.#chance(0.4)) return this.pick(NASTY);
    const length = this.#chance(0.2)
      ? this.pick([minLength - 1, maxLength + 1, maxLength])
      : minLength + this.#random.below(12);
    return Array.from(
      { length: Math.max(0, Math.min(length, 9_000)) },
      () => "abcdefghij0123456789-_"[this.#random.below(22)],
    ).join("");
  }

  #param(name: string): string {
    const known = this.#known(name);
    return known.length > 0 && this.#chance(0.85) ? this.pick(known) : this.pick(NASTY);
  }

  /** A lone surrogate cannot be percent-encoded. */
  #wellFormed(text: string): string {
    const whole = text.replaceAll(/\p{Surrogate}/gu, "\ufffd").slice(0, 900);
    return whole === "" || whole === "." || whole === ".." ? "x" : whole;
  }

  #chance(share: number): boolean {
    return this.#random.next() < share;
  }
}
