/** The help of `hearsay node`, from the one table of options. */
import { OPTIONS } from "./config-table.ts";

/** What `hearsay node --help` prints. */
export function helpText(): string {
  const rows = OPTIONS.map((spec) => {
    const left = `  --${spec.name}${spec.kind === "boolean" ? "" : ` ${spec.argument ?? "VALUE"}`}`;
    const fallback = spec.fallback === undefined || spec.fallback === "" ? "" : ` (default ${String(spec.fallback)})`;
    const showFallback = spec.kind === "list" || spec.kind === "texts" || spec.kind === "boolean" ? "" : fallback;
    return `${left.padEnd(32)} ${spec.help}${showFallback}`;
  });
  return [
    "hearsay node [options]: run one node of the mesh",
    "",
    "Each option can stand in hearsay.yaml under its name, in the environment as HEARSAY_NAME_IN_CAPITALS, or as a flag;",
    "the later wins. Lists are separated by commas.",
    "",
    ...rows,
    "  --config FILE                    read this file instead of ./hearsay.yaml (also HEARSAY_CONFIG)",
    "  --print-config                   show the resolved options, secrets masked, and end",
    "  --help                           this text",
    "",
  ].join("\n");
}
