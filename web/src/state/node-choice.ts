/** A node that the person, or a link with `?node=`, asks for; it goes over the mesh's advice. */
import type { MeasuredRtt, NodeInfo, Path } from "../../../client-sdk/src/index.ts";
import { client } from "./app.ts";
import { t } from "./i18n.ts";

/** Undefined when there is no such node. */
export function pathTo(
  name: string | null,
  nodes: readonly NodeInfo[],
  rtts: readonly MeasuredRtt[],
): Path | undefined {
  const node = nodes.find((candidate) => candidate.name === name);
  if (node === undefined) return undefined;
  const rttMs = rtts.find((rtt) => rtt.node === name)?.rttMs;
  return { node, rttMs, why: t("lobby.chosen"), alternatives: [] };
}

export const askedNode = (): string | null => new URLSearchParams(location.search).get("node");

/** What the address asks for; undefined when it asks for nothing, or for a node that is not there. Never rejects. */
export async function askedPath(): Promise<Path | undefined> {
  const name = askedNode();
  if (name === null) return undefined;
  try {
    return pathTo(name, (await client.nodes()).nodes, []);
  } catch {
    // The join that follows says what is wrong.
    return undefined;
  }
}
