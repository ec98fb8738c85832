/**
 * Who may import whom, as data. The compiler proves the purity of the two cores a second time
 * (gossip/tsconfig.json, node/src/sfu/tsconfig.json); this table covers what it cannot see.
 */
import { dirname, join } from "node:path/posix";
import { isTest, type SourceFile } from "./files.ts";

interface Zone {
  /** Path prefix of the files this row speaks of; the longest matching prefix decides. */
  readonly from: string;
  /** Path prefixes, `node:` for built-ins, `pkg:name` for packages, `pkg:` for any package. */
  readonly may: readonly string[];
}

export const ZONES: readonly Zone[] = [
  { from: "gossip/src", may: ["gossip/src", "pkg:msgpackr"] },
  { from: "gossip/sim", may: ["gossip/sim", "gossip/src"] },
  {
    from: "gossip/io",
    may: [
      "gossip/io",
      "gossip/src",
      "node:dgram",
      "node:net",
      "node:crypto",
      "node:fs",
      "node:os",
      "node:dns",
      "node:path",
      "node:perf_hooks",
      "node:buffer",
      "node:events",
      "pkg:msgpackr",
    ],
  },
  { from: "client-sdk/src/protocol", may: ["client-sdk/src/protocol"] },
  { from: "client-sdk/src", may: ["client-sdk/src"] },
  {
    from: "web",
    may: ["web", "client-sdk/src/index.ts", "client-sdk/src/protocol", "pkg:preact", "pkg:@preact/signals", "pkg:uqr"],
  },
  { from: "node/src/sfu", may: ["node/src/sfu"] },
  { from: "node/src/placement", may: ["node/src/placement", "client-sdk/src/protocol"] },
  {
    from: "node/src/media",
    may: [
      "node/src/media",
      "node/src/sfu/index.ts",
      "client-sdk/src/protocol",
      "node:",
      "pkg:werift",
      "pkg:prom-client",
    ],
  },
  {
    from: "node/src/store/mongo",
    may: ["node/src/store", "node/src/room/slug.ts", "node:", "pkg:mongoose", "pkg:ulid"],
  },
  { from: "node/src/store/redis", may: ["node/src/store", "node:", "pkg:ioredis"] },
  { from: "node/src/store", may: ["node/src/store", "node/src/room/slug.ts", "node:", "pkg:libsql", "pkg:ulid"] },
  {
    from: "node/src",
    may: ["node/src", "gossip/src/index.ts", "gossip/io/index.ts", "client-sdk/src/protocol", "node:", "pkg:"],
  },
  { from: "bench", may: ["bench", "dist", "gossip", "node", "client-sdk", "node:", "pkg:"] },
  { from: "scripts", may: ["scripts", "node:", "pkg:"] },
];

/** Folders whose inside is nobody else's business: only the door may be imported from outside. */
const DOORS: readonly { readonly folder: string; readonly door: string }[] = [
  { folder: "node/src/sfu", door: "node/src/sfu/index.ts" },
];

const ALIASES: Readonly<Record<string, string>> = {
  "#gossip": "gossip/src/index.ts",
  "#gossip/io": "gossip/io/index.ts",
  "#gossip/sim": "gossip/sim/index.ts",
  "#protocol": "client-sdk/src/protocol/messages.ts",
};

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*["']([^"']+)["']|(?:^|\n)\s*import\s*["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/g;

function resolve(importer: string, specifier: string): string {
  if (specifier.startsWith(".")) return join(dirname(importer), specifier);
  if (specifier.startsWith("#")) return ALIASES[specifier] ?? `unknown alias ${specifier}`;
  if (specifier.startsWith("node:")) return specifier;
  const parts = specifier.split("/");
  return `pkg:${specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]}`;
}

const within = (target: string, prefix: string): boolean =>
  target === prefix || (/:$/.test(prefix) ? target.startsWith(prefix) : target.startsWith(`${prefix}/`));

function faultOf(file: SourceFile, target: string): string | undefined {
  const zone = ZONES.filter((z) => within(file.path, z.from)).sort((a, b) => b.from.length - a.from.length)[0];
  if (zone === undefined || !zone.may.some((prefix) => within(target, prefix)))
    return `${file.path} must not import ${target}`;
  const closed = DOORS.find(
    ({ folder, door }) => within(target, folder) && !within(file.path, folder) && target !== door,
  );
  return closed === undefined || zone.from === "bench"
    ? undefined
    : `${file.path} reaches into ${target}: use ${closed.door}`;
}

/** Each import that the table forbids, as a sentence. */
export function forbiddenImports(files: readonly SourceFile[]): readonly string[] {
  return files
    .filter((file) => !isTest(file.path))
    .flatMap((file) =>
      [...file.text.matchAll(IMPORT)].map((match) =>
        faultOf(file, resolve(file.path, match[1] ?? match[2] ?? match[3] ?? "")),
      ),
    )
    .filter((fault) => fault !== undefined);
}
