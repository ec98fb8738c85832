// `hearsay rtt`: round trips between members, as the network coordinates estimate them.

import { estimateRtt, type RpcClient, RpcClientError } from "#gossip/io";
import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  matrix: { kind: "boolean", help: "a table of all live members" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

type Estimate = NonNullable<ReturnType<typeof estimateRtt>>;

export const rtt: Command = {
  name: "rtt",
  summary: "estimate the round trip time between members",
  usage: `Usage: hearsay rtt [options] node [node]\n       hearsay rtt [options] --matrix\n\n  The second node is the agent's own unless given. The error is the sum of both coordinates' relative errors,\n  without unit: near 3 right after the start, below 0.5 when settled.\n\n${describeFlags(
    { ...FLAGS, ...RPC_FLAGS },
  )}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      io.out(flags.has("matrix") ? await matrix(client, { json }) : await pair(client, flags.rest, { json }));
      return EXIT_OK;
    }),
};

async function pair(
  client: RpcClient,
  names: readonly string[],
  { json }: { readonly json: boolean },
): Promise<string> {
  const [a, second, ...more] = names;
  if (a === undefined || more.length > 0) throw new FlagError("one or two nodes must be given");
  const b = second ?? (await client.info())["agent"]?.["name"] ?? "";
  const [near, far] = [await client.coordinate(a), await client.coordinate(b)];
  for (const [name, coordinate] of [
    [a, near],
    [b, far],
  ] as const)
    if (coordinate === undefined) throw new RpcClientError(`no coordinate is known for node "${name}"`);
  const found = estimateRtt(near, far);
  if (found === undefined) throw new RpcClientError("the coordinates of the two cannot be compared");
  if (json) return `${JSON.stringify({ nodes: [a, b], ...found })}\n`;
  return `Estimated ${a} <-> ${b} rtt: ${found.estimateMs.toFixed(3)} ms (error ${found.error.toFixed(2)})\n`;
}

async function matrix(client: RpcClient, { json }: { readonly json: boolean }): Promise<string> {
  const names = (await client.members({ status: "alive" })).map(({ name }) => name).sort();
  const coordinates: Awaited<ReturnType<RpcClient["coordinate"]>>[] = [];
  for (const name of names) coordinates.push(await client.coordinate(name));
  const rows = coordinates.map((a, i) => coordinates.map((b, j) => (i === j ? undefined : estimateRtt(a, b))));
  return json ? matrixJson(names, rows) : matrixText(names, rows);
}

type Rows = readonly (readonly (Estimate | undefined)[])[];

/** Milliseconds; null on the diagonal and where no coordinate is known. */
function matrixJson(names: readonly string[], rows: Rows): string {
  const estimatesMs = rows.map((row) => row.map((cell) => cell?.estimateMs ?? null));
  return `${JSON.stringify({ nodes: names, estimatesMs })}\n`;
}

function matrixText(names: readonly string[], rows: Rows): string {
  const table = [
    ["ms", ...names],
    ...rows.map((row, i) => [names[i] ?? "", ...row.map((cell) => cell?.estimateMs.toFixed(3) ?? "-")]),
  ];
  const widths = ["ms", ...names].map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return `${table.map(lineOf).join("\n")}\n`;
}
