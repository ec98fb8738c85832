// `hearsay rtt`: round trips between members, as the network coordinates estimate them and as members measured them.

import { estimateRtt, type RpcClient, RpcClientError } from "#gossip/io";
import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, FlagError, type FlagTable } from "./flags.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  matrix: { kind: "boolean", help: "tables of all live members" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const rtt: Command = {
  name: "rtt",
  summary: "show the round trip time between members",
  usage: `Usage: hearsay rtt [options] node [node]
       hearsay rtt [options] --matrix

  The second node is the agent's own unless given. The error is the sum of both coordinates' relative errors,
  without unit: near 3 right after the start, below 0.5 when settled. What was measured is the least of the last five
  probes of one of the two; Hearsay nodes tell each other theirs now and then, stock agents do not.

${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      if (!flags.has("matrix")) io.out(await pair(client, flags.rest, { json }));
      else if (flags.rest.length > 0) throw new FlagError("a matrix has all nodes");
      else io.out(await matrix(client, { json }));
      return EXIT_OK;
    }),
};

type Located = NonNullable<Awaited<ReturnType<RpcClient["coordinate"]>>>;

async function pair(
  client: RpcClient,
  names: readonly string[],
  { json }: { readonly json: boolean },
): Promise<string> {
  const [a, second, ...more] = names;
  if (a === undefined || more.length > 0) throw new FlagError("one or two nodes must be given");
  const b = second ?? (await client.info())["agent"]?.["name"] ?? "";
  const [near, far] = [await located(client, a), await located(client, b)];
  const found = estimateRtt(near, far);
  if (found === undefined) throw new RpcClientError("refused", "the coordinates of the two cannot be compared");
  const measuredMs = (await measuredRows(client, [a, b])).get(a)?.get(b);
  if (json) return `${JSON.stringify({ nodes: [a, b], ...found, measuredMs: measuredMs ?? null })}\n`;
  const measured = measuredMs === undefined ? "" : `Measured ${a} <-> ${b} rtt: ${measuredMs.toFixed(3)} ms\n`;
  return `Estimated ${a} <-> ${b} rtt: ${found.estimateMs.toFixed(3)} ms (error ${found.error.toFixed(2)})\n${measured}`;
}

async function located(client: RpcClient, name: string): Promise<Located> {
  const coordinate = await client.coordinate(name);
  if (coordinate === undefined) throw new RpcClientError("refused", `no coordinate is known for node "${name}"`);
  return coordinate;
}

interface Cell {
  readonly estimateMs?: number | undefined;
  readonly error?: number | undefined;
  readonly measuredMs?: number | undefined;
}

/** Cells from the node of the row to that of the column; empty on the diagonal. */
type Rows = readonly (readonly Cell[])[];

async function matrix(client: RpcClient, { json }: { readonly json: boolean }): Promise<string> {
  const names = (await client.members({ status: "alive" })).map(({ name }) => name).sort();
  const coordinates: (Located | undefined)[] = [];
  for (const name of names) coordinates.push(await client.coordinate(name));
  const measured = await measuredRows(client, names);
  const rows = names.map((from, i) =>
    names.map((to, j): Cell => {
      if (i === j) return {};
      return { ...estimateRtt(coordinates[i], coordinates[j]), measuredMs: measured.get(from)?.get(to) };
    }),
  );
  return json ? matrixJson(names, rows) : matrixText(names, rows);
}

/** Stock agents do not know the command, say so in their log, and end the connection: they are not asked. */
async function measuredRows(client: RpcClient, names: readonly string[]): ReturnType<RpcClient["measuredRows"]> {
  const runtime = (await client.info())["runtime"]?.["version"] ?? "";
  return runtime.startsWith("node") ? client.measuredRows(names) : new Map();
}

const valuesOf = (rows: Rows, field: keyof Cell): (number | null)[][] =>
  rows.map((row) => row.map((cell) => cell[field] ?? null));

/** Milliseconds; null on the diagonal and where nothing is known. */
function matrixJson(names: readonly string[], rows: Rows): string {
  const [estimatesMs, errors] = [valuesOf(rows, "estimateMs"), valuesOf(rows, "error")];
  return `${JSON.stringify({ nodes: names, estimatesMs, errors, measuredMs: valuesOf(rows, "measuredMs") })}\n`;
}

function matrixText(names: readonly string[], rows: Rows): string {
  return [
    tableText("estimated ms", names, valuesOf(rows, "estimateMs")),
    tableText("measured ms", names, valuesOf(rows, "measuredMs")),
    tableText("error", names, valuesOf(rows, "error")),
  ].join("\n");
}

function tableText(title: string, names: readonly string[], values: readonly (readonly (number | null)[])[]): string {
  const table = [
    [title, ...names],
    ...values.map((row, i) => [names[i] ?? "", ...row.map((value) => value?.toFixed(3) ?? "-")]),
  ];
  const widths = [title, ...names].map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lineOf = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ");
  return `${table.map(lineOf).join("\n")}\n`;
}
