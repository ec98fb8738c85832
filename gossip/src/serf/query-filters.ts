// Whether a query is meant for us. Spec section 5.4.

import type { NodeName, Tags } from "../types.ts";
import type { SerfQueryFilter } from "../wire/messages.ts";
import { compileExpression } from "./expression.ts";

/** All must pass. A filter that cannot be read, or run, passes nobody. A tag that is missing counts as empty. */
export function matchesFilters(
  filters: readonly SerfQueryFilter[],
  self: { readonly name: NodeName; readonly tags: Tags },
): boolean {
  // Names first: they are cheap, and nearly always decide.
  return (
    filters.every((filter) => filter.kind !== "nodes" || filter.nodes.includes(self.name)) &&
    filters.every((filter) => filter.kind === "nodes" || (filter.kind === "tag" && matchesTag(filter, self.tags)))
  );
}

function matchesTag(filter: Extract<SerfQueryFilter, { readonly kind: "tag" }>, tags: Tags): boolean {
  const value = Object.hasOwn(tags, filter.tag) ? (tags[filter.tag] ?? "") : "";
  return compileExpression(filter.expression)?.(value) ?? false;
}

/** What a user wants to ask, in the order in which the reference writes it: nodes, then tags. */
export function filtersOf(options: {
  readonly nodes?: readonly string[] | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
}): SerfQueryFilter[] {
  const filters: SerfQueryFilter[] = [];
  const { nodes = [], tags = {} } = options;
  if (nodes.length > 0) filters.push({ kind: "nodes", nodes: nodes as readonly NodeName[] });
  for (const [tag, expression] of Object.entries(tags)) filters.push({ kind: "tag", tag, expression });
  return filters;
}
