// `hearsay members`: who is in the cluster, as the agent sees it.

import type { RpcMember } from "#gossip/io";
import { formatHostPort } from "./address-flag.ts";
import { formatAddress } from "./address-text.ts";
import { type Command, EXIT_OK } from "./command.ts";
import { describeFlags, type FlagTable } from "./flags.ts";
import { parsePairs } from "./key-value.ts";
import { FORMAT_FLAG, RPC_FLAGS, wantsJson, withAgent } from "./rpc-options.ts";

const FLAGS = {
  detailed: { kind: "boolean", help: "also show protocol versions" },
  name: { kind: "text", value: "regexp", help: "only members whose whole name matches" },
  status: { kind: "text", value: "regexp", help: "only members in a matching status" },
  tag: { kind: "list", value: "key=regexp", help: "only members whose tag matches; may repeat" },
  ...FORMAT_FLAG,
} satisfies FlagTable;

export const members: Command = {
  name: "members",
  summary: "list the members of the cluster",
  usage: `Usage: hearsay members [options]\n\n${describeFlags({ ...FLAGS, ...RPC_FLAGS })}`,
  run: (argv, io) =>
    withAgent({ argv, table: FLAGS, io }, async (client, flags) => {
      const json = wantsJson(flags);
      const found = await client.members({
        name: flags.text("name") ?? "",
        status: flags.text("status") ?? "",
        tags: parsePairs(flags.list("tag"), "tag filter is not key=regexp"),
      });
      const isDetailed = flags.has("detailed");
      io.out(json ? `${JSON.stringify({ members: found.map(jsonOf) }, null, 2)}\n` : tableOf(found, { isDetailed }));
      return EXIT_OK;
    }),
};

const addressOf = (member: RpcMember): string =>
  formatHostPort({ host: formatAddress(member.addr), port: member.port });

/** The shape of `serf members -format=json`. */
function jsonOf(member: RpcMember): object {
  const { name, port, tags, status, protocol } = member;
  const { min, max, current } = protocol;
  return { name, addr: addressOf(member), port, tags, status, protocol: { min, max, version: current } };
}

/** Columns two blanks apart, tags sorted, as the reference prints them. */
function tableOf(found: readonly RpcMember[], { isDetailed }: { readonly isDetailed: boolean }): string {
  const rows = found.map((member) => {
    const tags = Object.keys(member.tags)
      .sort()
      .map((tag) => `${tag}=${member.tags[tag]}`)
      .join(",");
    const { current, min, max } = member.protocol;
    const versions = isDetailed ? [`Protocol Version: ${current}`, `Available Protocol Range: [${min}, ${max}]`] : [];
    return [member.name, addressOf(member), member.status, tags, ...versions];
  });
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map(
      (row) =>
        `${row
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}
